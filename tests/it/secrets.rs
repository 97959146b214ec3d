//! No reply about an accepted submission contains the value of a variable whose name looks secret.

mod added;
mod anywhere;
mod canaries;
mod named;
mod names;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Api, TOKEN, TestServer, of_kind};

/// Returns the concatenated text of all replies about a job.
async fn replies(server: &TestServer, id: &str) -> String {
    let api = &server.api;
    let mut said = String::new();
    for path in [
        format!("/jobs/{id}"),
        "/jobs?limit=200".to_owned(),
        "/jobs?summary=true&limit=200".to_owned(),
        format!("/jobs/{id}/events?limit=500"),
        format!("/jobs/{id}/events/stream"),
        format!("/jobs/{id}/log"),
        format!("/jobs/{id}/lines?from=1"),
        format!("/jobs/{id}/artifacts"),
    ] {
        said += &api.get(&path).await.text().await.expect("the body arrives");
    }
    for path in [format!("/tasks/queue/{id}"), format!("/tasks/queue/new?from={id}"), "/tasks/queue".to_owned()] {
        let page = api.client.get(format!("{}{path}", api.base)).bearer_auth(TOKEN).send().await;
        said += &page.expect("the server answers").text().await.expect("the body arrives");
    }
    said
}

/// Sends a body unchanged, and returns the status and the reply.
async fn send(api: &Api, path: &str, body: &str) -> (u16, String) {
    let url = format!("{}{path}", api.base);
    let request = api.client.post(url).bearer_auth(TOKEN).header("content-type", "application/json");
    let reply = request.body(body.to_owned()).send().await.expect("the server answers");
    (reply.status().as_u16(), reply.text().await.expect("the body arrives"))
}

#[tokio::test]
async fn an_array_in_place_of_an_object_is_refused() {
    let server = TestServer::start().await;
    let step = r#"["a","n","echo $MY_TOKEN",null,null,{"MY_TOKEN":"hunter2-supersecret"},null,false]"#;
    let job = r#"{"type":"command","payload":{"run":"true"}}"#;
    let (id, _) = server.api.run("true").await;
    for (path, body, field) in [
        ("/api/queue/jobs", format!(r#"{{"type":"command","payload":{{"steps":[{step}]}}}}"#), "payload.steps[0]"),
        (
            "/api/queue/jobs",
            format!(r#"{{"type":"command","payload":{{"run":"true","prepare":[{step}]}}}}"#),
            "payload.prepare[0]",
        ),
        (
            "/api/queue/jobs",
            format!(r#"{{"type":"command","payload":{{"run":"true","publish":[{step}]}}}}"#),
            "payload.publish[0]",
        ),
        (
            "/api/queue/jobs",
            r#"{"type":"command","payload":[null,{"MY_TOKEN":"hunter2-supersecret"},null,null,"echo $MY_TOKEN",null,null,null]}"#
                .to_owned(),
            "payload",
        ),
        ("/api/queue/jobs", format!(r#"{{"type":"elsewhere","payload":[{step}]}}"#), "payload"),
        ("/api/queue/jobs", r#"["command",0,{"run":"true"},null,1]"#.to_owned(), "the body"),
        (&format!("/api/queue/jobs/{id}/cancel"), r#"["why"]"#.to_owned(), "the body"),
        (&format!("/api/queue/jobs/{id}/resubmit"), "[]".to_owned(), "the body"),
    ] {
        let (status, reply) = send(&server.api, path, &body).await;
        assert_eq!(status, 422, "{body}: {reply}");
        let reply: Value = serde_json::from_str(&reply).expect("the body is JSON");
        assert_eq!(reply["detail"]["code"], "invalid_queue_payload", "{body}");
        let message = reply["detail"]["message"].as_str().expect("an error has a message");
        assert!(message.starts_with(&format!("{field}: ")), "{body}: {message}");
    }
    // The server functions of the pages check submissions by the same rules.
    let array = r#"{"job":["command",0,{"run":"true"},null,1]}"#.to_owned();
    for body in [array, format!("[{job}]"), format!(r#"{{"job":{{"type":"command","payload":{{"steps":[{step}]}}}}}}"#)]
    {
        let (status, reply) = send(&server.api, "/rpc/submit_job", &body).await;
        assert!(status >= 400, "{body}: {status} {reply}");
    }
    assert_eq!(send(&server.api, "/rpc/submit_job", &format!(r#"{{"job":{job}}}"#)).await.0, 200);
    let jobs = server.api.json("/jobs").await;
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(2), "nothing else was stored: {jobs}");
}

#[tokio::test]
async fn a_server_secret_that_starts_with_a_job_secret_is_masked_completely() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "hunter2hunter2-prod\nprefix-hunter2\n").expect("it can be written");
    let server = TestServer::start_with(|config| config.jobs.redact_values_file = Some(file.path().to_owned())).await;
    let text = "hunter2hunter2-prod and prefix-hunter2hunter2";
    let payload = json!({"title": text, "env": {"MY_TOKEN": "hunter2hunter2"}, "steps": [{"name": text, "run": format!("echo {text}")}], "concurrencyKey": text});
    let ran = server.api.submit(payload).await;
    server.api.ended(&ran).await;
    let other = json!({"type": "elsewhere", "affinityKey": text, "payload": {"title": text, "env": {"MY_TOKEN": "hunter2hunter2"}, "note": [text]}});
    let queued = server.api.submit_job(other).await;
    assert_eq!(server.api.post(&format!("/jobs/{queued}/cancel"), &json!({"reason": text})).await.status(), 200);
    for id in [ran, queued] {
        let said = replies(&server, &id).await;
        for rest in ["hunter2", "-prod", "prefix-"] {
            let at = said.find(rest);
            assert_eq!(
                at,
                None,
                "{rest}: {}",
                at.map_or("", |at| said.get(at.saturating_sub(80)..at + 40).unwrap_or(""))
            );
        }
        let job = server.api.job(&id).await;
        assert_eq!(job["title"], "[REDACTED] and [REDACTED]");
    }
}

#[tokio::test]
async fn numbers_in_the_payload_of_an_external_workers_job_keep_all_digits() {
    let server = TestServer::start().await;
    let payload = r#"{"z":12345678901234567890123456789,"a":0.1000000000000000055511151231257827,"l":[1.0,-0,1e400,{"b":9007199254740993}]}"#;
    let body = format!(r#"{{"type":"elsewhere","payload":{payload}}}"#);
    let (status, reply) = send(&server.api, "/api/queue/jobs", &body).await;
    assert_eq!(status, 201, "{reply}");
    assert!(reply.contains(payload), "{reply}");
    let list = server.api.get("/jobs").await.text().await.expect("the body arrives");
    assert!(list.contains(payload), "{list}");
    let id = reply.split('"').nth(3).expect("a job begins with its id").to_owned();
    let again =
        server.api.request(Method::POST, &format!("/jobs/{id}/resubmit")).send().await.expect("the server answers");
    let again = again.text().await.expect("the body arrives");
    assert!(again.contains(payload), "{again}");
    // Submissions with the same idempotency key are compared. The order of members does not matter, and numbers are
    // compared exactly, even beyond the precision of an `f64`.
    let api = &server.api;
    let keyed = |body: &'static str| async move {
        let request = api
            .request(Method::POST, "/jobs")
            .header("idempotency-key", "k")
            .header("content-type", "application/json");
        request.body(body).send().await.expect("the server answers").status()
    };
    assert_eq!(keyed(r#"{"type":"elsewhere","payload":{"a":1,"b":9007199254740993}}"#).await, 201);
    assert_eq!(keyed(r#"{"payload":{"b":9007199254740993,"a":1},"type":"elsewhere"}"#).await, 201);
    assert_eq!(keyed(r#"{"type":"elsewhere","payload":{"a":1,"b":9007199254740992}}"#).await, 422);
}

#[tokio::test]
async fn an_array_that_an_earlier_version_stored_is_neither_shown_nor_run() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "elsewhere", "payload": {}})).await;
    let data = server.stop().await;
    let path = data.path().join("tailwater.sqlite");
    let payload = r#"{"steps":[["a","n","echo $MY_TOKEN",null,null,{"MY_TOKEN":"hunter2-supersecret"},null,false]]}"#;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.expect("the database opens");
    let changed = sqlx::query("update jobs set type = 'command', payload = ?").bind(payload).execute(&pool).await;
    assert_eq!(changed.expect("it is changed").rows_affected(), 1);
    pool.close().await;
    let server = TestServer::start_over(data, |_| {}).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["payload"]), (&json!("failed"), &json!({})), "{job}");
    let events = server.api.events(&id).await;
    assert!(of_kind(&events, "log").is_empty(), "{events:?}");
    assert!(!replies(&server, &id).await.contains("hunter2"));
}
