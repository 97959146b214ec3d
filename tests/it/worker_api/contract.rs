//! Tests of the exact form of workers' requests and their replies.

use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::{CLAIMED, JOB, difference};
use crate::harness::TestServer;
use crate::harness::workers::{KIND, RemoteWorker, id_of, of_job};

/// Checks the members of a job. Only the reply to a claim has the members `progress` and `secrets`.
fn check_members(job: &Value, is_claimed: bool) {
    let members = if is_claimed { format!("{JOB} {CLAIMED}") } else { JOB.to_owned() };
    assert_eq!(difference(job, &members), None);
}

#[tokio::test]
async fn every_reply_contains_all_members_of_the_job_with_nulls() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({"maxAttempts": 2, "payload": {"a": 1}})).await;
    check_members(&job, true);
    for null in ["finishedAt", "nextAttemptAt", "queuePosition", "cancelRequestedAt", "errorMessage", "logSha256"] {
        assert_eq!(job[null], Value::Null, "{null}");
    }
    assert_eq!(
        json!([job["status"], job["claimedBy"], job["attempt"], job["leaseEpoch"], job["payload"], job["secrets"]]),
        json!(["running", "one", 1, 1, {"a": 1}, {}])
    );
    let epoch = json!({"leaseSeconds": 3600, "leaseEpoch": 1});
    let renewed = worker.expect(200, &of_job(&job, "heartbeat"), epoch).await;
    check_members(&renewed, false);
    assert!(renewed["leaseExpiresAt"].as_str() > job["leaseExpiresAt"].as_str(), "{renewed}");
    let failure = json!({"errorMessage": "no luck", "retryable": true, "leaseEpoch": 1});
    let failed = worker.expect(200, &of_job(&job, "fail"), failure).await;
    check_members(&failed, false);
    assert_eq!(
        json!([
            failed["status"],
            failed["errorMessage"],
            failed["claimedBy"],
            failed["queuePosition"],
            failed["leaseEpoch"]
        ]),
        json!(["queued", "no luck", null, 1, 2])
    );
    server.skip_back_off().await;
    let again = worker.claim().await;
    assert_eq!(json!([again["id"], again["attempt"], again["leaseEpoch"]]), json!([job["id"], 2, 3]));
    let done = json!({"resultSummary": "all good", "leaseEpoch": 3});
    let done = worker.expect(200, &of_job(&job, "complete"), done).await;
    check_members(&done, false);
    assert_eq!(
        json!([
            done["status"],
            done["resultSummary"],
            done["errorMessage"],
            done["leaseExpiresAt"],
            done["leaseEpoch"]
        ]),
        json!(["succeeded", "all good", null, null, 4])
    );
    assert!(done["finishedAt"].is_string());
    assert_eq!(server.api.job(id_of(&job)).await, done, "the reply is the job as everyone sees it");
}

#[tokio::test]
async fn an_unknown_job_is_not_found_on_every_route() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let body = json!({"leaseSeconds": 60, "message": "x", "errorMessage": "x"});
    for id in ["01890000-0000-7000-8000-000000000001", "nonsense"] {
        for route in ["heartbeat", "complete", "fail", "cancel/ack", "events"] {
            worker.refused((404, "job_not_found"), &format!("/{id}/{route}"), body.clone()).await;
        }
    }
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_the_name_of_its_field() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let claim = |name: &str, value: Value| {
        let mut body = json!({"workerId": "one", "leaseSeconds": 60});
        body[name] = value;
        ("/claim".to_owned(), body, name.to_owned())
    };
    let of = |route: &str, body: Value, field: &str| (of_job(&job, route), body, field.to_owned());
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let table = [
        ("/claim".to_owned(), json!({"workerId": "one"}), "leaseSeconds".to_owned()),
        claim("leaseSeconds", json!(0)),
        claim("leaseSeconds", json!(86_401)),
        claim("leaseSeconds", json!("60")),
        claim("waitSeconds", json!(31)),
        claim("waitSeconds", json!(-1)),
        claim("workerId", json!("")),
        claim("workerId", json!("x".repeat(201))),
        claim("workerId", json!("a\nb")),
        claim("workerId", json!(7)),
        claim("allowedTypes", json!("command")),
        claim("allowedTypes", json!(many)),
        claim("workerCapabilities", json!([""])),
        claim("claimId", json!("")),
        of("heartbeat", json!({}), "leaseSeconds"),
        of("heartbeat", json!({"leaseSeconds": -5}), "leaseSeconds"),
        of("heartbeat", json!({"leaseSeconds": 5, "leaseEpoch": "1"}), "leaseEpoch"),
        of("fail", json!({}), "errorMessage"),
        of("fail", json!({"errorMessage": "x", "retryable": "yes"}), "retryable"),
        of("complete", json!({"resultSummary": 7}), "resultSummary"),
        of("cancel/ack", json!({"message": []}), "message"),
        of("events", json!({}), "message"),
        of("events", json!({"message": "x", "events": [{"message": "y"}]}), "message"),
        of("events", json!({"events": []}), "events"),
        of("events", json!({"events": vec![json!({"message": "x"}); 501]}), "events"),
        of("events", json!({"events": [{"message": "x"}, {}]}), "message"),
        of("events", json!({"message": "x", "level": "loud"}), "level"),
        of("events", json!({"message": "x", "payload": []}), "payload"),
        of("events", json!({"message": "x", "batch": 0}), "batch"),
        of("events", json!({"message": "x", "payload": {"kind": "end"}}), "payload.kind"),
        of("events", json!({"events": [{"message": "x", "payload": {"kind": "job"}}]}), "events[0].payload.kind"),
    ];
    for (path, body, field) in table {
        let (status, reply) = worker.post(&path, body.clone()).await;
        let detail = &reply["detail"];
        assert_eq!((status, &detail["code"]), (422, &json!("invalid_queue_payload")), "{path} {body}: {reply}");
        assert!(detail["message"].as_str().is_some_and(|text| text.contains(&field)), "{field}: {reply}");
    }
    assert_eq!(server.api.events(id_of(&job)).await.len(), 3, "nothing was stored");
    assert_eq!(server.api.job(id_of(&job)).await["status"], "running");
}

#[tokio::test]
async fn members_that_the_server_does_not_know_are_ignored() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    server.submit_elsewhere(json!({})).await;
    let job = worker.claim_with(json!({"workerRuntime": "v9", "allowedTypes": null, "claimId": null})).await;
    worker.expect(200, &of_job(&job, "heartbeat"), json!({"leaseSeconds": 60, "load": [1]})).await;
    worker.expect(201, &of_job(&job, "events"), json!({"message": "x", "source": "y"})).await;
    worker.expect(200, &of_job(&job, "complete"), json!({"more": {}, "resultSummary": null})).await;
}

#[tokio::test]
async fn required_capabilities_are_checked_when_a_job_is_submitted() {
    let server = TestServer::start().await;
    for list in [json!("gpu"), json!([7]), json!([""]), json!(["a\nb"]), json!(["x".repeat(101)])] {
        for kind in [KIND, "command"] {
            let job = json!({"type": kind, "payload": {"run": "true", "requiredCapabilities": list}});
            let reply = server.api.request(Method::POST, "/jobs").json(&job).send().await.expect("the server answers");
            let (status, body) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
            assert_eq!((status.as_u16(), &body["detail"]["code"]), (422, &json!("invalid_queue_payload")), "{job}");
            let message = body["detail"]["message"].as_str().expect("an error has a message");
            assert!(message.contains("payload.requiredCapabilities"), "{message}");
        }
    }
}
