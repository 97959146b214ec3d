//! Artifacts that workers upload are stored completely or not at all, with their checksums.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::harness::workers::{RemoteWorker, id_of, of_job};
use crate::harness::{TestServer, of_kind, sha256, until};

/// Uploads a form for a job, and returns the status and the body of the reply.
async fn upload(worker: &RemoteWorker, job: &Value, form: Form) -> (u16, Value) {
    let request = worker.request(Method::POST, &of_job(job, "artifacts/upload")).multipart(form);
    let reply = request.send().await.expect("the server answers");
    (reply.status().as_u16(), reply.json().await.expect("the body is JSON"))
}

fn form(worker: &str, name: &str, content: impl Into<Vec<u8>>) -> Form {
    let file = Part::bytes(content.into()).file_name("ignored.bin");
    Form::new().part("file", file).text("workerId", worker.to_owned()).text("name", name.to_owned())
}

async fn artifacts(server: &TestServer, job: &Value) -> Vec<Value> {
    let page = server.api.json(&format!("/jobs/{}/artifacts", id_of(job))).await;
    page["items"].as_array().expect("a page has items").clone()
}

async fn download(server: &TestServer, artifact: &Value) -> Vec<u8> {
    let [job, id] = ["jobId", "id"].map(|name| artifact[name].as_str().expect("it has ids"));
    let reply = server.api.get(&format!("/jobs/{job}/artifacts/{id}/download")).await;
    assert_eq!(reply.status(), 200);
    reply.bytes().await.expect("the body arrives").to_vec()
}

/// Returns the number of files in a job's directory of artifacts.
fn files(server: &TestServer, job: &Value) -> usize {
    let folder = server.data.path().join("artifacts").join(id_of(job)).join("1");
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn an_uploaded_file_is_listed_with_an_event_and_can_be_downloaded() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let content: Vec<u8> = (0..=255).cycle().take(700_000).collect();
    let digest = format!("sha256:{}", sha256(&content));
    let form = form("one", "reports/a b.bin", content.clone())
        .text("contentType", "application/x-report")
        .text("digest", digest.clone())
        .text("leaseEpoch", "1");
    let (status, artifact) = upload(&worker, &job, form).await;
    let expected = json!({
        "id": artifact["id"], "jobId": job["id"], "name": "reports/a b.bin", "contentType": "application/x-report",
        "sizeBytes": 700_000, "digest": digest, "storagePath": null, "attempt": 1, "stage": null,
        "createdAt": artifact["createdAt"],
    });
    assert_eq!((status, &artifact), (201, &expected));
    assert_eq!(artifacts(&server, &job).await, std::slice::from_ref(&artifact));
    assert!(download(&server, &artifact).await == content);
    let events = server.api.events(id_of(&job)).await;
    let payload = &of_kind(&events, "artifact")[0]["payload"];
    let expected = json!({
        "kind": "artifact", "artifactId": artifact["id"], "name": "reports/a b.bin", "sizeBytes": 700_000,
    });
    assert_eq!(payload, &expected);
}

#[tokio::test]
async fn the_parts_may_have_any_order_and_the_file_may_name_itself() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let file = Part::bytes(b"<r/>".to_vec()).file_name("r.xml").mime_str("text/xml").expect("it is a type");
    let last = Form::new().text("workerId", "one").text("note", "unknown parts are ignored").part("file", file);
    let (status, artifact) = upload(&worker, &job, last).await;
    assert_eq!(json!([status, artifact["name"], artifact["contentType"]]), json!([201, "r.xml", "text/xml"]));
    let (status, artifact) = upload(&worker, &job, form("one", "empty", "")).await;
    let found = json!([status, artifact["sizeBytes"], artifact["contentType"], artifact["digest"]]);
    let expected = json!([201, 0, "application/octet-stream", format!("sha256:{}", sha256(b""))]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_second_upload_of_a_name_replaces_the_first() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let (_, first) = upload(&worker, &job, form("one", "a.txt", "first")).await;
    let (status, second) = upload(&worker, &job, form("one", "a.txt", "second")).await;
    assert_eq!(status, 201);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(artifacts(&server, &job).await, std::slice::from_ref(&second));
    assert_eq!(download(&server, &second).await, b"second");
    assert_eq!(files(&server, &job), 1, "the file of the first is gone");
}

#[tokio::test]
async fn a_refused_upload_leaves_nothing_behind() {
    let server = TestServer::start_with(|config| {
        (config.jobs.artifact_file_bytes, config.jobs.artifact_job_bytes) = (1_000, 1_500);
    })
    .await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let plain = || form("one", "a", "content");
    let without = |name: &'static str| {
        let mut form = Form::new();
        for (part, value) in [("workerId", "one"), ("name", "a")] {
            form = if part == name { form } else { form.text(part, value) };
        }
        if name == "file" { form } else { form.part("file", Part::bytes(b"content".to_vec())) }
    };
    let invalid = (422, "invalid_queue_payload");
    let too_large = (413, "artifact_too_large");
    let mismatch = (409, "job_ownership_mismatch");
    for (form, expected) in [
        (plain().text("digest", format!("sha256:{}", sha256(b"another"))), (422, "digest_mismatch")),
        (plain().text("digest", "sha256:short"), invalid),
        (plain().text("contentType", "text"), invalid),
        (plain().text("leaseEpoch", "first"), invalid),
        (plain().text("leaseEpoch", "2"), mismatch),
        (plain().text("name", "twice"), invalid),
        (plain().part("file", Part::bytes(b"second".to_vec())), invalid),
        (form("two", "a", "content"), mismatch),
        (form("one", "../a", "content"), invalid),
        (form("one", "", "content"), invalid),
        (without("file"), invalid),
        (without("workerId"), invalid),
        (without("name"), invalid),
        (form("one", "a", "x".repeat(1_001)), too_large),
    ] {
        let (status, body) = upload(&worker, &job, form).await;
        assert_eq!((status, &body["detail"]["code"]), (expected.0, &json!(expected.1)), "{body}");
    }
    assert_eq!((artifacts(&server, &job).await.len(), files(&server, &job)), (0, 0));
    let (status, _) = upload(&worker, &job, form("one", "a", "x".repeat(900))).await;
    assert_eq!(status, 201);
    let (status, body) = upload(&worker, &job, form("one", "b", "x".repeat(900))).await;
    assert_eq!((status, &body["detail"]["code"]), (413, &json!("artifact_too_large")), "both together: {body}");
    let (status, _) = upload(&worker, &job, form("one", "a", "y".repeat(901))).await;
    assert_eq!(status, 201, "the replaced file does not count");
    assert_eq!(files(&server, &job), 1);
}

#[tokio::test]
async fn only_the_worker_that_holds_a_running_job_can_upload() {
    let server = TestServer::start().await;
    let (worker, another) = (RemoteWorker::new(&server, "one").await, RemoteWorker::new(&server, "one").await);
    let job = server.claimed(&worker, json!({})).await;
    let refused = async |worker: &RemoteWorker, job: &Value, status: u16, code: &str| {
        let reply = upload(worker, job, form("one", "a", "content")).await;
        assert_eq!((reply.0, &reply.1["detail"]["code"]), (status, &json!(code)), "{}", reply.1);
    };
    refused(&another, &job, 409, "job_ownership_mismatch").await;
    refused(&worker, &json!({"id": "01890000-0000-7000-8000-000000000001"}), 404, "job_not_found").await;
    let request = worker.request(Method::POST, &of_job(&job, "artifacts/upload")).json(&json!({}));
    let reply = request.send().await.expect("the server answers");
    assert_eq!(reply.status(), 415);
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    refused(&worker, &job, 409, "job_state_conflict").await;
    assert_eq!(files(&server, &job), 0);
}

#[tokio::test]
async fn an_interrupted_upload_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let head = "--x\r\ncontent-disposition: form-data; name=\"workerId\"\r\n\r\none\r\n--x\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let beginning = format!("{head}{}", "y".repeat(100_000));
    let broken = futures_util::stream::iter([Ok(beginning), Err(std::io::Error::other("the worker is gone"))]);
    let request = worker.request(Method::POST, &of_job(&job, "artifacts/upload"));
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    request.body(reqwest::Body::wrap_stream(broken)).send().await.expect_err("the body breaks off");
    assert_eq!(artifacts(&server, &job).await.len(), 0);
    let (status, _) = upload(&worker, &job, form("one", "a", "whole")).await;
    assert_eq!(status, 201);
    until("only the whole file is left", || files(&server, &job) == 1).await;
}

#[tokio::test]
async fn a_log_that_a_worker_uploads_does_not_replace_the_output_of_the_server() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let (status, artifact) = upload(&worker, &job, form("one", "logs/output.log", "a line\n".repeat(1_000))).await;
    assert_eq!(status, 201);
    worker.expect(200, &of_job(&job, "complete"), json!({})).await;
    assert_eq!(download(&server, &artifact).await.len(), 7_000);
    for path in ["log", "lines?from=1", "log/search?q=line"] {
        assert_eq!(server.api.get(&format!("/jobs/{}/{path}", id_of(&job))).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_same_file_again_changes_nothing_and_is_answered_as_before() {
    let server = TestServer::start().await;
    let worker = RemoteWorker::new(&server, "one").await;
    let job = server.claimed(&worker, json!({})).await;
    let first = upload(&worker, &job, form("one", "a.txt", "content")).await;
    assert_eq!(first.0, 201, "{}", first.1);
    assert_eq!(upload(&worker, &job, form("one", "a.txt", "content")).await, first);
    until("the second file is removed", || files(&server, &job) == 1).await;
    assert_eq!(download(&server, &first.1).await, b"content");
    assert_eq!(of_kind(&server.api.events(id_of(&job)).await, "artifact").len(), 1);
    let other = upload(&worker, &job, form("one", "a.txt", "CONTENT")).await;
    assert_ne!(other.1["id"], first.1["id"]);
    assert_eq!(artifacts(&server, &job).await, std::slice::from_ref(&other.1));
}
