//! Tests of invalid request bodies and of repeated submissions.

use std::collections::HashSet;

use engine::json::JsonDepth;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};

use super::check_refused;
use crate::harness::{Api, TOKEN, TestServer};

const INVALID: (u16, &str) = (422, "invalid_queue_payload");

fn submission(api: &Api, body: impl Into<Body>) -> RequestBuilder {
    api.request(Method::POST, "/jobs").header("content-type", "application/json").body(body)
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let server = TestServer::start().await;
    let deep = format!("{{\"type\":\"x\",\"payload\":{}", "[".repeat(100_000));
    for body in [
        "",
        "{",
        "nonsense",
        "{\"type\":\"x\"} {}",
        "[]",
        "null",
        "\"x\"",
        "{'type':'x'}",
        "{\"type\":\"\\ud800\"}",
        &deep,
    ] {
        check_refused(&server.api, submission(&server.api, body.to_owned()), INVALID, "").await;
    }
    check_refused(&server.api, submission(&server.api, b"{\"type\":\"\xff\"}".to_vec()), INVALID, "UTF-8").await;
    check_refused(&server.api, submission(&server.api, "{\"type\":\"x\",\"type\":\"y\"}"), INVALID, "type").await;
}

#[tokio::test]
async fn a_duplicate_key_is_refused_with_its_path() {
    let server = TestServer::start().await;
    for (body, field) in [
        (r#"{"type":"command","payload":{"run":"true","env":{"A":"1","A":"2"}}}"#, "payload.env.A: is given twice"),
        (r#"{"type":"command","payload":{"run":"true","run":"false"}}"#, "payload.run: is given twice"),
        (r#"{"type":"command","payload":{"run":"true"},"payload":{"run":"false"}}"#, "payload: is given twice"),
        (r#"{"type":"elsewhere","payload":{"a":[{"b":1,"\u0062":2}]}}"#, "payload.a[0].b: is given twice"),
    ] {
        check_refused(&server.api, submission(&server.api, body), INVALID, field).await;
    }
    let (id, _) = server.api.run("true").await;
    let cancel =
        server.api.request(Method::POST, &format!("/jobs/{id}/cancel")).header("content-type", "application/json");
    check_refused(&server.api, cancel.body(r#"{"reason":"a","reason":"b"}"#), INVALID, "reason: is given twice").await;
}

#[tokio::test]
async fn json_that_is_nested_too_deeply_is_refused_with_the_place_by_every_route() {
    let server = TestServer::start_with(|config| config.json_depth = JsonDepth::new(8)).await;
    let (id, _) = server.api.run("true").await;
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let place = "[0][0][0][0][0][0]: is nested deeper than 8 levels; use fewer levels, or raise --json-depth";
    for levels in [7, 10_000, 500_000] {
        let deep = nested(levels);
        let payload = format!("{{\"type\":\"elsewhere\",\"payload\":{{\"a\":{deep}}}}}");
        check_refused(&server.api, submission(&server.api, payload), INVALID, &format!("payload.a{place}")).await;
        for path in [format!("/jobs/{id}/cancel"), format!("/jobs/{id}/resubmit"), "/redact".to_owned()] {
            let request = server.api.request(Method::POST, &path).header("content-type", "application/json");
            let says = "nested deeper than 8 levels";
            check_refused(&server.api, request.body(format!("{{\"reason\":{}}}", nested(levels + 1))), INVALID, says)
                .await;
        }
        let part = Part::text(format!("{{\"type\":\"command\",\"payload\":{{\"a\":{deep}}}}}"));
        let form = server.api.request(Method::POST, "/jobs").multipart(Form::new().part("job", part));
        check_refused(&server.api, form, INVALID, &format!("payload.a{place}")).await;
        // Server functions have their own error envelope.
        let call =
            |function: &str| server.api.client.post(format!("{}/rpc/{function}", server.api.base)).bearer_auth(TOKEN);
        let body = format!("{{\"job\":{{\"type\":\"elsewhere\",\"payload\":{deep}}}}}");
        let reply = call("submit_job").header("content-type", "application/json").body(body).send().await;
        let reply = reply.expect("the server answers");
        let (status, text) = (reply.status(), reply.text().await.expect("a body"));
        assert_eq!(status, 422, "{text}");
        assert!(text.contains("job.payload[0]") && text.contains("nested deeper than 8 levels"), "{text}");
        let form = format!("offset=0&status{}=x", "[a]".repeat(levels));
        let form = call("list_jobs").header("content-type", "application/x-www-form-urlencoded").body(form);
        let status = form.send().await.expect("the server answers").status().as_u16();
        assert!(matches!(status, 200 | 413 | 422), "{status}");
    }
    let fits = format!("{{\"type\":\"elsewhere\",\"payload\":{{\"a\":{}}}}}", nested(6));
    assert_eq!(submission(&server.api, fits).send().await.expect("the server answers").status(), 201);
}

#[tokio::test]
async fn a_payload_at_the_maximum_depth_can_be_read_by_every_route() {
    let server = TestServer::start_with(|config| config.json_depth = JsonDepth::new(120)).await;
    let deep = format!("{}7{}", "[".repeat(118), "]".repeat(118));
    let body = format!("{{\"type\":\"elsewhere\",\"payload\":{{\"title\":\"x\",\"a\":{deep}}}}}");
    let reply = submission(&server.api, body).send().await.expect("the server answers");
    assert_eq!(reply.status(), 201);
    let job: Value = reply.json().await.expect("a client can parse it");
    let id = job["id"].as_str().expect("a job has an id");
    assert_eq!(server.api.job(id).await["payload"]["a"].to_string(), deep);
    assert_eq!(server.api.json("/jobs").await["items"][0]["payload"]["a"].to_string(), deep);
    let page = format!("{}/tasks/queue/{id}", server.api.base);
    assert_eq!(server.api.client.get(page).bearer_auth(TOKEN).send().await.expect("the server answers").status(), 200);
    let again = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    let again: Value = again.json().await.expect("a client can parse it");
    assert_eq!(again["payload"]["a"].to_string(), deep);
}

#[tokio::test]
async fn a_byte_order_mark_is_accepted_and_utf_16_is_refused() {
    let server = TestServer::start().await;
    let body = r#"{"type":"elsewhere","payload":{}}"#;
    let marked = submission(&server.api, format!("\u{feff}{body}")).send().await.expect("the server answers");
    assert_eq!(marked.status(), 201);
    for bytes in [
        body.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        body.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        format!("\u{feff}{body}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ] {
        check_refused(&server.api, submission(&server.api, bytes), INVALID, "UTF-16").await;
    }
}

#[tokio::test]
async fn an_invalid_submission_is_refused_with_the_field_name() {
    let server = TestServer::start().await;
    let long = "x".repeat(5_000);
    let job = |field: &str, value: Value| {
        let mut job = json!({"type": "command", "payload": {"run": "true"}});
        job[field] = value;
        job
    };
    let payload = |payload: Value| json!({"type": "command", "payload": payload});
    let table = [
        (json!({"payload": {"run": "true"}}), "type"),
        (job("type", json!(7)), "type"),
        (job("type", json!("")), "type"),
        (job("type", json!(long)), "type"),
        (job("type", json!("a\nb")), "type"),
        (job("priority", json!("high")), "priority"),
        (job("priority", json!(1.5)), "priority"),
        (job("priority", json!(1001)), "priority"),
        (job("priority", json!(-1001)), "priority"),
        (job("priority", json!(3_000_000_000_i64)), "priority"),
        (job("maxAttempts", json!(0)), "maxAttempts"),
        (job("maxAttempts", json!(101)), "maxAttempts"),
        (job("maxAttempts", json!(null)), "maxAttempts"),
        (job("affinityKey", json!(["a"])), "affinityKey"),
        (job("affinityKey", json!(long)), "affinityKey"),
        (job("payload", json!("true")), "payload"),
        (job("payload", json!([])), "payload"),
        (job("status", json!("succeeded")), "status"),
        (payload(json!({})), "payload.run"),
        (payload(json!({"run": ["true"]})), "payload.run"),
        (payload(json!({"run": " \n"})), "payload.run"),
        (payload(json!({"run": "a\u{0}b"})), "payload.run"),
        (payload(json!({"run": "x".repeat(200_000)})), "payload.run"),
        (payload(json!({"run": "true", "title": long})), "payload.title"),
        (payload(json!({"run": "true", "timeoutSeconds": 0})), "payload.timeoutSeconds"),
        (payload(json!({"run": "true", "timeoutSeconds": -1})), "payload.timeoutSeconds"),
        (payload(json!({"run": "true", "timeoutSeconds": 1e18})), "payload.timeoutSeconds"),
        (payload(json!({"run": "true", "env": {"A": 1}})), "payload.env.A"),
        (payload(json!({"run": "true", "env": {"1A": ""}})), "payload.env.1A"),
        (payload(json!({"run": "true", "env": []})), "payload.env"),
        (payload(json!({"steps": []})), "payload.steps"),
        (payload(json!({"steps": [{"run": "true"}, {"run": "true", "name": long}]})), "payload.steps[1].name"),
        (payload(json!({"steps": [{"run": "true", "id": long}]})), "payload.steps[0].id"),
        (payload(json!({"steps": [{"run": "true", "shell": ""}]})), "payload.steps[0].shell"),
        (
            payload(json!({"steps": [{"run": "true", "workingDirectory": "../etc"}]})),
            "payload.steps[0].workingDirectory",
        ),
        (payload(json!({"steps": vec![json!({"run": "true"}); 1_001]})), "payload.steps"),
        (payload(json!({"run": "true", "concurrencyKey": []})), "payload.concurrencyKey"),
        (payload(json!({"run": "true", "concurrencyKey": long})), "payload.concurrencyKey"),
        (payload(json!({"run": "true", "concurrencyKey": "a", "concurrencyLimit": []})), "payload.concurrencyLimit"),
        (payload(json!({"run": "true", "concurrencyKey": "a", "concurrencyLimit": 0})), "payload.concurrencyLimit"),
        (payload(json!({"run": "true", "concurrencyKey": "a", "concurrencyLimit": 1001})), "payload.concurrencyLimit"),
        (payload(json!({"run": "true", "concurrencyLimit": 1})), "payload.concurrencyLimit"),
        (payload(json!({"run": "true", "prepare": [{"run": ""}]})), "payload.prepare[0].run"),
        (payload(json!({"run": "true", "publish": "true"})), "payload.publish"),
        (payload(json!({"publish": [{"run": "true"}]})), "payload.run"),
    ];
    for (body, field) in table {
        check_refused(&server.api, submission(&server.api, body.to_string()), INVALID, field).await;
    }
    assert_eq!(server.api.json("/jobs").await["items"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn an_invalid_field_of_a_request_about_a_job_is_refused_with_its_name() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("true").await;
    for (path, body) in [
        ("resubmit", json!({"type": "other"})),
        ("resubmit", json!({"payload": []})),
        ("cancel", json!({"force": true})),
        ("cancel", json!({"reason": 7})),
    ] {
        let request = server.api.request(Method::POST, &format!("/jobs/{id}/{path}")).json(&body);
        let field = body.as_object().and_then(|body| body.keys().next()).expect("the body has a field").clone();
        check_refused(&server.api, request, INVALID, &field).await;
    }
    let reason = json!({"reason": "x".repeat(5_000)});
    let request = server.api.request(Method::POST, &format!("/jobs/{id}/cancel")).json(&reason);
    check_refused(&server.api, request, INVALID, "reason").await;
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_too_large_with_and_without_a_content_length() {
    let server = TestServer::start().await;
    let too_large = (413, "payload_too_large");
    let body = json!({"type": "command", "payload": {"run": "x".repeat(10_000_000)}}).to_string();
    let (id, _) = server.api.run("true").await;
    for _ in 0..5 {
        check_refused(&server.api, submission(&server.api, body.clone()), too_large, "1048576").await;
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            body.as_bytes().chunks(64 << 10).map(|piece| Ok(piece.to_vec())).collect();
        let chunked = Body::wrap_stream(futures_util::stream::iter(pieces));
        check_refused(&server.api, submission(&server.api, chunked), too_large, "1048576").await;
        let cancel = server.api.request(Method::POST, &format!("/jobs/{id}/cancel")).body(body.clone());
        check_refused(&server.api, cancel, too_large, "1048576").await;
    }
    let just_fits = json!({"type": "elsewhere", "payload": {"text": "x".repeat((1 << 20) - 100)}});
    server.api.submit_job(just_fits).await;
}

#[tokio::test]
async fn a_body_of_the_wrong_content_type_is_refused() {
    let server = TestServer::start().await;
    let body = json!({"type": "command", "payload": {"run": "true"}}).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/mixed", ""]
    {
        let request = server.api.request(Method::POST, "/jobs").header("content-type", content_type).body(body.clone());
        check_refused(&server.api, request, (415, "unsupported_media_type"), "application/json").await;
    }
    let request = server.api.request(Method::POST, "/jobs").body(body.clone());
    check_refused(&server.api, request, (415, "unsupported_media_type"), "application/json").await;
    let unbounded = server.api.request(Method::POST, "/jobs").header("content-type", "multipart/form-data");
    check_refused(&server.api, unbounded.body(body.clone()), INVALID, "boundary").await;
    let with_charset =
        server.api.request(Method::POST, "/jobs").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(with_charset.body(body).send().await.expect("the server answers").status(), 201);
}

#[tokio::test]
async fn a_repeated_submission_returns_the_job_that_the_first_one_created() {
    let server = TestServer::start().await;
    let job = json!({"type": "elsewhere", "payload": {"a": 1, "b": [2]}});
    let keyed =
        |key: &str, job: &Value| server.api.request(Method::POST, "/jobs").header("idempotency-key", key).json(job);
    let repeats = (0..20).map(|_| {
        let request = keyed("once", &job);
        tokio::spawn(async move {
            let reply = request.send().await.expect("the server answers");
            assert_eq!(reply.status(), 201);
            let job: Value = reply.json().await.expect("a job");
            job["id"].as_str().expect("a job has an id").to_owned()
        })
    });
    let mut ids = HashSet::new();
    for repeat in repeats.collect::<Vec<_>>() {
        ids.insert(repeat.await.expect("the task does not panic"));
    }
    assert_eq!(ids.len(), 1, "concurrent repeats create one job");
    assert_eq!(server.api.json("/jobs").await["items"].as_array().map(Vec::len), Some(1));
    for (field, value) in [
        ("type", json!("other")),
        ("priority", json!(1)),
        ("payload", json!({"a": 2})),
        ("maxAttempts", json!(2)),
        ("affinityKey", json!("there")),
    ] {
        let mut other = job.clone();
        other[field] = value;
        check_refused(&server.api, keyed("once", &other), INVALID, "Idempotency-Key").await;
    }
    for key in ["", &"k".repeat(201)] {
        check_refused(&server.api, keyed(key, &job), INVALID, "Idempotency-Key").await;
    }
    let other_key = keyed("twice", &job).send().await.expect("the server answers");
    let other: Value = other_key.json().await.expect("a job");
    assert!(!ids.contains(other["id"].as_str().expect("a job has an id")));
}
