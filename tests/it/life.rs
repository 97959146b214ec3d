//! Tests of the life cycle of a job: submission, listing, claiming in order, cancellation and resubmission.

mod bulk;
mod changes;
mod lease;
mod listing;
mod usual;

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::harness::gate::Gate;
use crate::harness::{Api, TestServer, of_kind};

/// Cancels a job and returns the status of the reply and its body.
async fn cancel(api: &Api, id: &str, reason: &str) -> (u16, Value) {
    let reply = api.post(&format!("/jobs/{id}/cancel"), &json!({"reason": reason})).await;
    (reply.status().as_u16(), reply.json().await.expect("the body is JSON"))
}

async fn resubmit(api: &Api, id: &str) -> Value {
    let reply = api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    assert_eq!(reply.status(), 201);
    reply.json().await.expect("a job")
}

fn id_of(job: &Value) -> &str {
    job["id"].as_str().expect("a job has an id")
}

#[tokio::test]
async fn jobs_are_claimed_by_priority_and_then_by_age() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.concurrency = 1).await, Gate::new());
    let api = &server.api;
    let first = api.submit(json!({"run": gate.wait()})).await;
    api.job_when(&first, "runs", |job| job["status"] == "running").await;
    let mut ids = Vec::new();
    for priority in [0, -5, 7, 0, 1000, 7, -1000] {
        let job = json!({"type": "command", "priority": priority, "payload": {"run": "true"}});
        ids.push(api.submit_job(job).await);
    }
    let in_turn = [4, 2, 5, 0, 3, 1, 6].map(|at: usize| ids[at].clone());
    for (position, id) in (1..).zip(&in_turn) {
        let job = api.job(id).await;
        assert_eq!((&job["status"], &job["queuePosition"]), (&json!("queued"), &json!(position)));
    }
    gate.open();
    let mut started = Vec::new();
    for id in &in_turn {
        let job = api.ended(id).await;
        assert_eq!((&job["status"], &job["queuePosition"]), (&json!("succeeded"), &Value::Null));
        started.push(job["startedAt"].as_str().expect("the job ran").to_owned());
    }
    assert!(started.windows(2).all(|two| two[0] < two[1]), "{started:?}");
}

#[tokio::test]
async fn a_queued_job_is_cancelled_immediately() {
    let (server, gate) = (TestServer::start_with(|config| config.jobs.concurrency = 1).await, Gate::new());
    let first = server.api.submit(json!({"run": gate.wait()})).await;
    let id = server.api.submit(json!({"run": "echo never"})).await;
    let (status, job) = cancel(&server.api, &id, "not needed").await;
    assert_eq!((status, &job["status"], &job["cancelReason"]), (200, &json!("cancelled"), &json!("not needed")));
    assert_eq!((&job["attempt"], &job["cancelRequestedByUserId"]), (&json!(0), &json!("admin")));
    gate.open();
    server.api.ended(&first).await;
    let (later, _) = server.api.run("true").await;
    assert_eq!(server.api.job(&later).await["status"], "succeeded");
    let events = server.api.events(&id).await;
    assert!(of_kind(&events, "attempt").is_empty(), "the job never ran: {events:?}");
    assert_eq!(cancel(&server.api, &id, "again").await, (200, job), "a repeated request changes nothing");
}

#[tokio::test]
async fn a_running_job_is_cancelled_once_and_keeps_the_first_reason() {
    let server = TestServer::start().await;
    let id = server.api.submit(json!({"run": "echo begun; exec sleep 1000"})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let (status, job) = cancel(&server.api, &id, "the first").await;
    assert_eq!((status, &job["cancelReason"]), (200, &json!("the first")));
    assert!(job["cancelRequestedAt"].is_string());
    for _ in 0..3 {
        let (status, again) = cancel(&server.api, &id, "another").await;
        assert_eq!((status, &again["cancelReason"]), (200, &json!("the first")));
        assert_eq!(again["cancelRequestedAt"], job["cancelRequestedAt"]);
    }
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["cancelReason"]), (&json!("cancelled"), &json!("the first")));
    let (status, again) = cancel(&server.api, &id, "too late").await;
    assert_eq!((status, again), (200, job));
    let events = server.api.events(&id).await;
    let asked = events.iter().filter(|event| event["payload"]["status"] == "cancel_requested").count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_job_that_has_already_finished_cannot_be_cancelled() {
    let server = TestServer::start().await;
    for (command, end) in [("true", "succeeded"), ("exit 3", "failed")] {
        let (id, job) = server.api.run(command).await;
        assert_eq!(job["status"], end);
        let (status, body) = cancel(&server.api, &id, "too late").await;
        assert_eq!((status, &body["detail"]["code"]), (409, &json!("job_state_conflict")));
        assert_eq!(server.api.job(&id).await, job, "nothing has changed");
    }
}

const TOKEN_VALUE: &str = "hunter2-hunter2-hunter2";

/// Returns a payload with secret values in many fields. A job with this payload succeeds only if its steps receive the
/// real values.
fn secretive() -> Value {
    json!({
        "title": format!("deploy with {TOKEN_VALUE}"),
        "env": {"DEPLOY_TOKEN": TOKEN_VALUE, "NOTE": format!("it is {TOKEN_VALUE}!"), "PLAIN": "plain"},
        "steps": [
            {"name": format!("use {TOKEN_VALUE}"), "run": format!("[ \"$DEPLOY_TOKEN\" = {TOKEN_VALUE} ]")},
            {"run": "[ \"$DB_PASSWORD\" = swordfish-swordfish ]", "env": {"DB_PASSWORD": "swordfish-swordfish"}},
        ],
    })
}

#[tokio::test]
async fn a_resubmitted_job_has_a_new_id_and_the_real_secret_values() {
    let server = TestServer::start().await;
    let job =
        json!({"type": "command", "payload": secretive(), "priority": 3, "maxAttempts": 1, "affinityKey": "here"});
    let first = server.api.submit_job(job).await;
    let old = server.api.ended(&first).await;
    assert_eq!(old["status"], "succeeded", "{old}");
    let new = resubmit(&server.api, &first).await;
    assert_ne!(id_of(&new), first);
    assert_eq!(new["resubmittedFrom"], first.as_str());
    let ended = server.api.ended(id_of(&new)).await;
    assert_eq!(ended["status"], "succeeded", "the new job has the real values: {ended}");
    for field in ["type", "priority", "payload", "title", "maxAttempts", "affinityKey"] {
        assert_eq!(ended[field], old[field], "{field}");
    }
    assert_eq!(server.api.job(&first).await, old, "the old job is unchanged");
    let third = resubmit(&server.api, id_of(&new)).await;
    assert_eq!(server.api.ended(id_of(&third)).await["status"], "succeeded");
}

#[tokio::test]
async fn a_job_resubmitted_with_changes_keeps_its_masked_secrets() {
    let server = TestServer::start().await;
    let run = "test \"$API_TOKEN\" = hunter2-hunter2; echo $MODE";
    let payload = json!({"title": "T", "env": {"API_TOKEN": "hunter2-hunter2", "MODE": "a"}, "run": run});
    let id = server.api.submit(payload).await;
    let mut shown = server.api.ended(&id).await["payload"].clone();
    assert_eq!(shown["env"]["API_TOKEN"], "[REDACTED]");
    shown["env"]["MODE"] = json!("b");
    shown["title"] = Value::Null;
    let again = async |body: Value| {
        let reply = server.api.post(&format!("/jobs/{id}/resubmit"), &body).await;
        (reply.status(), reply.text().await.expect("the body arrives"))
    };
    let (status, text) = again(json!({"payload": shown, "priority": 3})).await;
    assert_eq!(status, 201, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let new: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!((&new["resubmittedFrom"], &new["priority"]), (&json!(id), &json!(3)));
    assert_eq!(server.api.ended(id_of(&new)).await["status"], "succeeded", "the new job has the real value");
    assert_eq!(server.api.output(id_of(&new), 1).await, b"b\n");
    for (body, field) in [
        (json!({"payload": {"env": {"API_KEY": "[REDACTED]"}}}), "payload.env.API_KEY"),
        (json!({"payload": {"env": {}}}), "payload.run"),
        (json!({"payload": {"run": ""}}), "payload.run"),
        (json!({"payload": {"runs": "x"}}), "payload.runs"),
        (json!({"priority": 5000}), "priority"),
        (json!({"paylod": {}}), "paylod"),
    ] {
        let (status, text) = again(body).await;
        assert!(status == 422 && text.contains(field) && !text.contains("hunter2"), "{field}: {text}");
    }
}

#[tokio::test]
async fn no_reply_contains_a_secret_value_from_any_field() {
    let server = TestServer::start().await;
    let payload = secretive();
    let reply = server.api.post("/jobs", &json!({"type": "command", "payload": payload})).await;
    let id = id_of(&serde_json::from_str(&check_masked("submitted", reply.text().await)).expect("a job")).to_owned();
    let ended = server.api.ended(&id).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(
        ended["payload"]["env"],
        json!({"DEPLOY_TOKEN": "[REDACTED]", "NOTE": "it is [REDACTED]!", "PLAIN": "plain"})
    );
    assert_eq!(ended["payload"]["steps"][1]["env"], json!({"DB_PASSWORD": "[REDACTED]"}));
    assert_eq!(ended["title"], "deploy with [REDACTED]");
    let elsewhere = json!({"type": "elsewhere", "payload": payload});
    let other = server.api.submit_job(elsewhere).await;
    let reply =
        server.api.post(&format!("/jobs/{other}/cancel"), &json!({"reason": format!("because {TOKEN_VALUE}")})).await;
    check_masked("cancelled", reply.text().await);
    let reply = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    let again =
        id_of(&serde_json::from_str(&check_masked("resubmitted", reply.text().await)).expect("a job")).to_owned();
    server.api.ended(&again).await;
    for path in ["", "?summary=true", "?summary=false", "?q=deploy", &format!("/{id}"), &format!("/{other}")] {
        check_masked(path, server.api.get(&format!("/jobs{path}")).await.text().await);
    }
    for id in [&id, &other, &again] {
        check_masked("events", server.api.get(&format!("/jobs/{id}/events?limit=500")).await.text().await);
        check_masked("stream", server.api.get(&format!("/jobs/{id}/events/stream")).await.text().await);
    }
}

fn check_masked(what: &str, text: reqwest::Result<String>) -> String {
    let text = text.expect("the body arrives");
    for value in [TOKEN_VALUE, "swordfish-swordfish"] {
        assert!(!text.contains(value), "{what}: {text}");
    }
    text
}

#[tokio::test]
async fn a_job_of_another_type_waits_for_a_worker_that_supports_it() {
    let server = TestServer::start().await;
    let payload = json!({"anything": [1, {"goes": null}], "title": "Their own"});
    let id = server.api.submit_job(json!({"type": "codex_exec", "payload": payload})).await;
    let (_, later) = server.api.run("true").await;
    assert_eq!(later["status"], "succeeded", "the waiting job does not delay other jobs");
    let job = server.api.job(&id).await;
    assert_eq!((&job["status"], &job["attempt"], &job["claimedBy"]), (&json!("queued"), &json!(0), &Value::Null));
    assert_eq!((&job["payload"], &job["title"]), (&payload, &json!("Their own")));
}

#[tokio::test]
async fn a_job_is_claimed_even_if_its_notification_is_lost() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "other", "payload": {"run": "echo found"}})).await;
    // When this job has finished, the worker waits for a notification: the only queued job has another type.
    server.api.run("true").await;
    let url = format!("sqlite://{}", server.data.path().join("tailwater.sqlite").display());
    let mut database = SqliteConnection::connect(&url).await.expect("the database exists");
    // Simulates a job that another server has queued. This server's worker receives no notification of it.
    sqlx::query("update jobs set type = 'command' where type = 'other'")
        .execute(&mut database)
        .await
        .expect("the table exists");
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
}
