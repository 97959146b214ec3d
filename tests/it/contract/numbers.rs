//! The numbers in the requests of workers. A number that is negative, not whole or beyond 2^53, and a text in place of
//! a number, is refused with an error that names the member, and changes nothing.

use serde_json::{Value, json};

use super::bodies::{BodyMember, BodyRequest, Description, Sent, requests};
use crate::harness::TestServer;
use crate::harness::workers::{RemoteWorker, id_of, of_job};

/// The requests of workers that have a JSON body.
const REQUESTS: [&str; 7] = ["claim", "heartbeat", "events", "output", "complete", "fail", "cancel/ack"];

/// The smallest number that browsers cannot represent exactly.
const TOO_LARGE: u64 = (1 << 53) + 1;

/// Values that are no offset, length, count, duration or number of a line.
fn bad_numbers() -> Vec<Value> {
    let texts = ["NaN", "Infinity", "-Infinity", "1", ""].map(Value::from);
    let numbers = [json!(-1), json!(i64::MIN), json!(1.5), json!(1e300), json!(TOO_LARGE), json!(u64::MAX)];
    numbers.into_iter().chain(texts).chain([json!(true), json!([1]), json!({})]).collect()
}

fn is_integer(schema: &Value) -> bool {
    let is = |kind: &Value| kind == "integer";
    is(&schema["type"]) || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(is))
}

/// Returns whether a value is refused as it should be.
fn is_expected(member: &BodyMember, value: &Value, status: u16, is_blamed: bool) -> bool {
    match member.name().as_str() {
        // An epoch that the lease does not have is stale, like any other.
        "leaseEpoch" if value.is_i64() => status == 409,
        _ => is_blamed,
    }
}

/// Returns whether a value that other numbers may not have is a valid exit code.
fn is_exit_code(member: &BodyMember, value: &Value) -> bool {
    member.name() == "totals.exitCode" && *value == json!(-1)
}

async fn check(server: &TestServer, description: &Description, request: &BodyRequest) -> (Vec<String>, Vec<String>) {
    let (mut checked, mut problems) = (Vec::new(), Vec::new());
    let members = description.members(request);
    let counts = members.iter().filter(|member| member.name() == "totals.redactionsByRule");
    let counts = counts.flat_map(|member| bad_numbers().into_iter().map(move |value| (member, json!({"rule": value}))));
    let numbers = members.iter().filter(|member| is_integer(&member.schema));
    let numbers = numbers.flat_map(|member| bad_numbers().into_iter().map(move |value| (member, value)));
    for (member, value) in numbers.chain(counts).filter(|(member, value)| !is_exit_code(member, value)) {
        let answer = request.send(server, description, member, &Sent::Value(value.clone())).await;
        if !is_expected(member, &value, answer.status, member.is_blamed_by(&answer)) {
            problems.push(format!("{}: {} = {value}: {}", request.operation, member.name(), answer.status));
        }
        checked.push(member.name());
    }
    checked.dedup();
    (checked, problems)
}

#[tokio::test]
async fn every_number_that_workers_send_is_checked_and_named_in_the_error() {
    let server = TestServer::start().await;
    let description = Description::of(&server).await;
    let (mut checked, mut problems) = (Vec::new(), Vec::new());
    for request in &requests(&server).await {
        if REQUESTS.iter().any(|route| request.operation.ends_with(&format!("/{route}"))) {
            let (names, found) = check(&server, &description, request).await;
            checked.extend(names);
            problems.extend(found);
        }
    }
    for name in [
        "leaseSeconds",
        "waitSeconds",
        "leaseEpoch",
        "batch",
        "from",
        "to",
        "suppressedBytes",
        "totals.exitCode",
        "totals.bytes",
        "totals.suppressedBytes",
        "totals.redactions",
        "totals.redactionsByRule",
    ] {
        assert!(checked.iter().any(|known| known == name), "{name} was not checked: {checked:?}");
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The payloads with numbers that a worker may report, and the names of these numbers. The last member is `true` if the
/// event is output or a gap, whose members must be valid because they state positions in the output.
fn payloads() -> [(Value, &'static [&'static str], bool); 4] {
    [
        (
            json!({"kind": "log", "stream": "stdout", "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 1,
                "offset": 0, "bytes": 2, "line": 1, "time": "2026-01-31T12:00:00.000000Z", "partial": false}),
            &["stepIndex", "attempt", "offset", "bytes", "line"],
            true,
        ),
        (
            json!({"kind": "gap", "stage": "execute", "stepId": "run", "attempt": 1, "fromOffset": 0, "toOffset": 2,
                "fromLine": 1, "lines": 1, "bytes": 2, "reason": "lag", "available": "now"}),
            &["attempt", "fromOffset", "toOffset", "fromLine", "lines", "bytes"],
            true,
        ),
        (
            json!({"kind": "stage", "stage": "execute", "status": "succeeded", "attempt": 1, "durationMs": 5}),
            &["attempt", "durationMs"],
            false,
        ),
        (
            json!({"kind": "step", "stage": "execute", "stepId": "run", "stepIndex": 0, "name": "a", "command": "a",
                "attempt": 1, "status": "succeeded", "exitCode": 0, "signal": 9, "durationMs": 5}),
            &["attempt", "stepIndex", "signal", "durationMs"],
            false,
        ),
    ]
}

#[tokio::test]
async fn every_number_in_an_event_that_a_worker_reports_is_checked() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let before = server.api.events(id_of(&job)).await;
    let mut problems = Vec::new();
    for (payload, names, has_position) in payloads() {
        for (name, value) in names.iter().flat_map(|name| bad_numbers().into_iter().map(move |value| (name, value))) {
            // A number that the type of the member cannot hold makes the payload one of another form, which is stored
            // as it was sent. Payloads of output may not have another form if they state positions.
            let is_of_form = value.as_i64().is_some_and(|number| match *name {
                "attempt" | "stepIndex" | "signal" => i32::try_from(number).is_ok(),
                _ => true,
            });
            if !has_position && !is_of_form {
                continue;
            }
            let mut payload = payload.clone();
            payload[name] = value.clone();
            let event = json!({"message": "a\n", "payload": payload});
            let mut requests =
                vec![("events", event.clone(), ""), ("events", json!({"events": [event]}), "events[0].")];
            if payload["kind"] == "log" {
                requests.push(("output", json!({"chunks": [event]}), "chunks[0]."));
            }
            for (route, body, place) in requests {
                let (status, reply) = worker.post(&of_job(&job, route), body).await;
                let message = reply["detail"]["message"].as_str().unwrap_or_default();
                let named = if is_of_form { format!("{place}payload.{name}: ") } else { format!("{place}payload: ") };
                if status != 422 || !message.starts_with(&named) {
                    problems.push(format!("{route}: {} {name} = {value}: {status} {message}", payload["kind"]));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(server.api.events(id_of(&job)).await, before, "nothing was stored");
    for (payload, _, _) in payloads() {
        worker.expect(201, &of_job(&job, "events"), json!({"message": "a\n", "payload": payload})).await;
    }
}
