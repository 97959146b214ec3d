//! The first step of a job starts only after all input files exist. If an upload fails, no job is created.

use std::io::Write;
use std::path::Path;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::harness::{TOKEN, TestServer, sha256, tcp, until, until_async};

/// Returns a gzip-compressed tar archive that contains one file.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, content).expect("writing to a Vec cannot fail");
    builder.into_inner().and_then(flate2::write::GzEncoder::finish).expect("writing to a Vec cannot fail")
}

fn form(job: &Value, input: Vec<u8>) -> Form {
    Form::new().part("job", Part::text(job.to_string())).part("input", Part::bytes(input))
}

async fn post(server: &TestServer, form: Form) -> (u16, Value) {
    let reply = server.api.request(Method::POST, "/jobs").multipart(form).send().await.expect("the server answers");
    (reply.status().as_u16(), reply.json().await.expect("the body is JSON"))
}

fn stored(data: &Path) -> usize {
    std::fs::read_dir(data.join("inputs")).expect("the folder exists").count()
}

#[tokio::test]
async fn a_form_submits_a_job_with_its_files() {
    let server = TestServer::start().await;
    let job = json!({"type": "command", "payload": {"run": "cat a/b"}});
    let (status, body) = post(&server, form(&job, archive("a/b", b"text"))).await;
    assert_eq!(status, 201, "{body}");
    let id = body["id"].as_str().expect("a job has an id");
    assert_eq!(server.api.ended(id).await["status"], "succeeded");
    assert_eq!(server.api.output(id, 1).await, b"text");
}

#[tokio::test]
async fn an_invalid_form_is_refused_and_stores_nothing() {
    let server = TestServer::start().await;
    let job = json!({"type": "command", "payload": {"run": "true"}});
    let part = |value: &Value| Part::text(value.to_string());
    let input = || Part::bytes(archive("a", b""));
    for (form, words) in [
        (Form::new(), "not a form"),
        (Form::new().part("input", input()).part("job", part(&job)), "job"),
        (Form::new().part("job", part(&job)), "input"),
        (Form::new().part("job", part(&job)).part("input", input()).part("more", input()), "two parts"),
        (form(&json!({"type": "command", "payload": {}}), vec![1]), "payload.run"),
        (form(&json!({"type": "other", "payload": {}}), vec![1]), "command"),
        (form(&json!([]), vec![1]), ""),
    ] {
        let (status, body) = post(&server, form).await;
        assert_eq!((status, &body["detail"]["code"]), (422, &json!("invalid_queue_payload")), "{body}");
        assert!(body["detail"]["message"].as_str().is_some_and(|message| message.contains(words)), "{body}");
    }
    assert_eq!(server.api.json("/jobs").await["items"], json!([]));
    assert_eq!(stored(server.data.path()), 0);
    let no_form = server.api.request(Method::POST, "/jobs").header("content-type", "multipart/form-data").body("x");
    assert_eq!(no_form.send().await.expect("the server answers").status(), 422);
}

#[tokio::test]
async fn an_interrupted_upload_leaves_neither_a_job_nor_a_file() {
    let server = TestServer::start().await;
    let mut body = Vec::new();
    let job = json!({"type": "command", "payload": {"run": "true"}});
    write!(body, "--b\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n{job}\r\n")
        .expect("writing to a Vec cannot fail");
    body.extend(b"--b\r\nContent-Disposition: form-data; name=\"input\"\r\n\r\n");
    // The content cannot be compressed, so the archive is larger than the pieces in which the server receives a body.
    let content: Vec<u8> = (0..4_000_u32).flat_map(|index| sha256(&index.to_le_bytes()).into_bytes()).collect();
    body.extend(archive("a", &content));
    let whole = [&body[..], b"\r\n--b--\r\n"].concat();
    // The connection is closed within the part `job`, within the archive, at the end of the archive, and just before
    // the end of the form.
    for length in [60, body.len() - 40, body.len(), whole.len() - 6] {
        let mut connection = tcp::connect(&server.api.base).await;
        let head = format!(
            "POST /api/queue/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
            whole.len()
        );
        connection.write_all(head.as_bytes()).await.expect("the server reads");
        connection.write_all(&whole[..length]).await.expect("the server reads");
        if length >= body.len() - 40 {
            until("the file is being received", || stored(server.data.path()) == 1).await;
        }
        drop(connection);
        until("the file is removed", || stored(server.data.path()) == 0).await;
    }
    assert_eq!(server.api.json("/jobs").await["items"], json!([]));
}

#[tokio::test]
async fn an_archive_with_a_link_to_the_outside_fails_the_job_before_any_step() {
    let server = TestServer::start().await;
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "evil", "/etc").expect("writing to a Vec cannot fail");
    let input = builder.into_inner().and_then(flate2::write::GzEncoder::finish).expect("writing to a Vec cannot fail");
    let job = json!({"type": "command", "payload": {"run": "echo ran"}});
    let (_, body) = post(&server, form(&job, input)).await;
    let job = server.api.ended(body["id"].as_str().expect("a job has an id")).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("spawn")));
    assert!(
        job["errorMessage"].as_str().is_some_and(|message| message.contains("evil is a link that points outside")),
        "{job}"
    );
    assert_eq!(job["logBytes"], 0);
}

#[tokio::test]
async fn input_files_survive_retries_and_restarts_and_unreferenced_files_are_removed() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 1).await;
    let blocker = server.api.submit(json!({"run": "sleep 1000"})).await;
    server.api.job_when(&blocker, "runs", |job| job["status"] == "running").await;
    let job = json!({"type": "command", "maxAttempts": 2, "payload": {"run": "cat a; rm a; exit 1"}});
    let (_, body) = post(&server, form(&job, archive("a", b"text\n"))).await;
    let id = body["id"].as_str().expect("a job has an id").to_owned();
    let data = server.stop().await;
    std::fs::write(data.path().join("inputs/0190.part"), "half").expect("it can be written");
    std::fs::write(data.path().join("inputs").join(uuid::Uuid::now_v7().to_string()), "lost")
        .expect("it can be written");
    let server = TestServer::start_over(data, |_| {}).await;
    assert_eq!(stored(server.data.path()), 1, "files that a crash left behind are removed");
    until_async("the second attempt waits", async || {
        let job = server.api.job(&id).await;
        job["attempt"] == 1 && job["status"] == "queued"
    })
    .await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["attempt"]), (&json!("dead_letter"), &json!(2)));
    assert_eq!(server.api.output(&id, 1).await, b"text\n");
    assert_eq!(server.api.output(&id, 2).await, b"text\n");
}

#[tokio::test]
async fn a_repeated_submission_with_the_same_key_returns_the_same_job_and_stores_one_archive() {
    let server = TestServer::start().await;
    let job = json!({"type": "command", "payload": {"run": "cat a"}});
    let submit = async |content: &[u8]| {
        let request = server.api.request(Method::POST, "/jobs").header("idempotency-key", "once");
        let reply = request.multipart(form(&job, archive("a", content))).send().await.expect("the server answers");
        (reply.status().as_u16(), reply.json::<Value>().await.expect("it is JSON"))
    };
    let (first, second, other) = (submit(b"text").await, submit(b"text").await, submit(b"another").await);
    assert_eq!((first.0, second.0, other.0), (201, 201, 422));
    assert_eq!(first.1["id"], second.1["id"]);
    assert_eq!(stored(server.data.path()), 1);
}
