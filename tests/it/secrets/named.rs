//! Only jobs that request a named secret receive its value. No reply and no file contains the value.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use super::{replies, send};
use crate::harness::cli::Cli;
use crate::harness::{Api, TestServer, until_async};

const VALUE: &str = "s3cr3t-of-the-server";

/// Sets a secret, and returns the status and the body of the reply.
async fn set(api: &Api, name: &str, value: &str) -> (u16, Value) {
    let request = api.request(Method::PUT, &format!("/secrets/{name}")).json(&json!({"value": value}));
    let reply = request.send().await.expect("the server answers");
    (reply.status().as_u16(), reply.json().await.expect("the body is JSON"))
}

async fn remove(api: &Api, name: &str) -> u16 {
    let reply = api.request(Method::DELETE, &format!("/secrets/{name}")).send().await.expect("the server answers");
    reply.status().as_u16()
}

async fn output(server: &TestServer, payload: Value) -> String {
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    String::from_utf8(server.api.output(&id, 1).await).expect("the output is text")
}

/// Returns whether any file below the directory contains the text.
fn is_in_a_file(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).expect("the directory exists").any(|entry| {
        let path = entry.expect("reading succeeds").path();
        if path.is_dir() {
            return is_in_a_file(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn a_secret_is_set_replaced_listed_and_removed_and_its_value_is_never_sent() {
    let server = TestServer::start().await;
    let api = &server.api;
    assert_eq!(api.json("/secrets").await, json!({"items": []}));
    let (status, made) = set(api, "DEPLOY_TOKEN", VALUE).await;
    assert_eq!((status, &made["name"]), (201, &json!("DEPLOY_TOKEN")));
    assert_eq!((&made["updatedByUserId"], &made["maskedEverywhere"]), (&json!("admin"), &json!(true)));
    let (status, replaced) = set(api, "DEPLOY_TOKEN", "1234").await;
    assert_eq!((status, &replaced["createdAt"]), (200, &made["createdAt"]));
    assert_eq!(replaced["maskedEverywhere"], false, "the value is short");
    set(api, "A", VALUE).await;
    let listed = api.json("/secrets").await;
    let names: Vec<_> = listed["items"].as_array().expect("a list").iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["A", "DEPLOY_TOKEN"]);
    assert_eq!(api.json("/secrets/DEPLOY_TOKEN").await, replaced);
    assert!(!listed.to_string().contains(VALUE));
    assert_eq!((remove(api, "A").await, remove(api, "A").await), (204, 404));
    assert_eq!(api.get("/secrets/A").await.json::<Value>().await.expect("JSON")["detail"]["code"], "secret_not_found");
}

#[tokio::test]
async fn invalid_names_and_values_are_refused_with_their_field() {
    let server = TestServer::start().await;
    for (name, value, field) in [
        ("1A", VALUE, "name"),
        ("A-B", VALUE, "name"),
        ("%C3%A9", VALUE, "name"),
        (&"A".repeat(101), VALUE, "name"),
        ("A", "", "value"),
        ("A", " \n", "value"),
        ("A", "a\0b", "value"),
        ("A", &"x".repeat(16 * 1024 + 1), "value"),
    ] {
        let (status, reply) = set(&server.api, name, value).await;
        assert_eq!(status, 422, "{name}");
        let message = reply["detail"]["message"].as_str().expect("an error has a message");
        assert!(message.starts_with(&format!("{field}: ")), "{name}: {message}");
    }
    // The total size of all values is limited too, because each redactor keeps all values in memory.
    assert_eq!(set(&server.api, "A", &"x".repeat(15_000)).await.0, 201);
    assert_eq!(set(&server.api, "B", &"y".repeat(15_000)).await.0, 201);
    assert_eq!(set(&server.api, "C", &"z".repeat(15_000)).await.0, 422);
    assert_eq!(set(&server.api, "B", &"z".repeat(15_000)).await.0, 200, "it replaces the other value");
}

#[tokio::test]
async fn steps_receive_the_secrets_they_ask_for_as_variables_and_files_and_their_values_are_masked() {
    let server = TestServer::start().await;
    set(&server.api, "DEPLOY_TOKEN", VALUE).await;
    set(&server.api, "CONFIG", "line one of the file\nline two of the file\n").await;
    let show = "printf %s \"$DEPLOY_TOKEN\" | wc -c; printf %s \"$T\" | wc -c; echo \"$DEPLOY_TOKEN\"";
    let shown = output(
        &server,
        json!({
            "secrets": ["DEPLOY_TOKEN"],
            "secretFiles": ["CONFIG"],
            "steps": [
                {"run": format!("{show}; cat \"$CONFIG\""), "secrets": ["T=DEPLOY_TOKEN"]},
                {"run": "stat -c %a \"$CONFIG\"; echo \"[$T]\"; case $CONFIG in $TAILWATER_WORKSPACE/*) exit 1;; esac"},
            ],
        }),
    )
    .await;
    assert_eq!(shown, "20\n20\n[REDACTED]\n[REDACTED]\n600\n[]\n");
    let without = output(&server, json!({"run": "env | grep -c DEPLOY_TOKEN || true"})).await;
    assert_eq!(without, "0\n", "a job that does not ask for a secret does not receive it");
    let masked = output(&server, json!({"run": format!("echo {VALUE}")})).await;
    assert_eq!(masked, "[REDACTED]\n", "its value is masked in all jobs");
    let left: Vec<_> = fs::read_dir(server.data.path().join("work")).expect("it exists").collect();
    assert!(left.is_empty(), "the files are removed: {left:?}");
}

#[tokio::test]
async fn no_reply_and_no_file_contains_the_value_of_a_secret_or_a_secret_variable() {
    let server = TestServer::start().await;
    set(&server.api, "DEPLOY_TOKEN", VALUE).await;
    let id = server
        .api
        .submit(json!({
            "title": format!("deploy with {VALUE}"),
            "secrets": ["DEPLOY_TOKEN"],
            "env": {"OTHER_PASSWORD": "another-secret-value"},
            "run": "echo $DEPLOY_TOKEN $OTHER_PASSWORD; exit 3",
        }))
        .await;
    server.api.ended(&id).await;
    let said = replies(&server, &id).await;
    let data = server.stop().await;
    for secret in [VALUE, "another-secret-value"] {
        assert!(!said.contains(secret), "{secret}");
        assert!(!is_in_a_file(data.path(), secret), "{secret} is in a file of the data directory");
    }
    // The value is stored encrypted, so it is still available after a restart.
    let server = TestServer::start_over(data, |_| {}).await;
    let shown = output(&server, json!({"secrets": ["DEPLOY_TOKEN"], "run": "printf %s $DEPLOY_TOKEN | wc -c"})).await;
    assert_eq!(shown, "20\n");
    let again = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    let again: Value = again.json().await.expect("the body is JSON");
    let again = server.api.ended(again["id"].as_str().expect("a job has an id")).await;
    assert_eq!(again["exitCode"], 3, "{again}");
}

#[tokio::test]
async fn a_removed_or_replaced_value_remains_masked_and_is_no_longer_given_to_jobs() {
    let server = TestServer::start().await;
    set(&server.api, "TOKEN", VALUE).await;
    let gate = json!({"secrets": ["TOKEN"], "run": "true"});
    server.api.ended(&server.api.submit(gate.clone()).await).await;
    set(&server.api, "TOKEN", "the-new-value-of-it").await;
    assert_eq!(
        output(&server, json!({"run": format!("echo {VALUE} the-new-value-of-it")})).await,
        "[REDACTED] [REDACTED]\n"
    );
    assert_eq!(output(&server, json!({"secrets": ["TOKEN"], "run": "printf %s $TOKEN | wc -c"})).await, "19\n");
    remove(&server.api, "TOKEN").await;
    let (status, reply) =
        send(&server.api, "/api/queue/jobs", &json!({"type": "command", "payload": gate}).to_string()).await;
    assert_eq!(status, 422);
    assert!(reply.contains("tailwater secret set TOKEN"), "{reply}");
    let server = TestServer::start_over(server.stop().await, |_| {}).await;
    assert_eq!(
        output(&server, json!({"run": format!("echo {VALUE} the-new-value-of-it")})).await,
        "[REDACTED] [REDACTED]\n"
    );
}

#[tokio::test]
async fn a_job_whose_secret_was_removed_while_it_was_queued_fails_and_says_so() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 1).await;
    set(&server.api, "TOKEN", VALUE).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let wait = format!("until [ -e {} ]; do sleep 0.02; done", go.display());
    let first = server.api.submit(json!({"run": wait})).await;
    server.api.job_when(&first, "running", |job| job["status"] == "running").await;
    let second = server.api.submit(json!({"secrets": ["TOKEN"], "run": "echo ran"})).await;
    assert_eq!(remove(&server.api, "TOKEN").await, 204);
    fs::write(&go, "").expect("the folder can be written");
    let job = server.api.ended(&second).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("spawn")), "{job}");
    assert!(
        job["errorMessage"].as_str().is_some_and(|text| text.contains("the secret TOKEN no longer exists")),
        "{job}"
    );
}

#[tokio::test]
async fn a_value_that_is_set_while_a_job_is_running_is_masked_in_its_later_output() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    // The job assembles the value from another string. The server learns the value only when the secret is set.
    let other = VALUE.replace("server", "X");
    let wait = format!("until [ -e {} ]; do sleep 0.02; done", go.display());
    let run = format!("v=$(echo {other} | sed s/X/server/); echo before $v; {wait}; echo after $v; echo $v | base64");
    let id = server.api.submit(json!({"run": run})).await;
    until_async("the job has printed a line", async || !server.api.events_with(&id, "&kind=log").await.is_empty())
        .await;
    set(&server.api, "TOKEN", VALUE).await;
    set(&server.api, "OTHER", "another-value").await;
    remove(&server.api, "TOKEN").await;
    fs::write(&go, "").expect("the folder can be written");
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let shown = String::from_utf8(server.api.output(&id, 1).await).expect("the output is text");
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[..2], [&*format!("before {VALUE}"), "after [REDACTED]"]);
    assert!(lines[2].starts_with("[REDACTED]"), "{shown}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_decrypted_is_listed_and_blocks_nothing_else() {
    let server = TestServer::start().await;
    set(&server.api, "GOOD", VALUE).await;
    set(&server.api, "DAMAGED", "the-damaged-value").await;
    let data = server.stop().await;
    let url = format!("sqlite://{}", data.path().join("tailwater.sqlite").display());
    let mut database = SqliteConnection::connect(&url).await.expect("the database exists");
    let damage = "update secrets set sealed = (select sealed from secrets where name = 'GOOD') where name = 'DAMAGED'";
    sqlx::query(damage).execute(&mut database).await.expect("the table exists");
    database.close().await.expect("the database can be closed");

    let server = TestServer::start_over(data, |_| {}).await;
    let api = &server.api;
    let listed = api.json("/secrets").await;
    let readable = |name: &str| {
        let items = listed["items"].as_array().expect("a list");
        items.iter().find(|item| item["name"] == name).map(|item| item["readable"].clone())
    };
    assert_eq!([readable("GOOD"), readable("DAMAGED")], [Some(json!(true)), Some(json!(false))]);
    assert_eq!(api.json("/secrets/DAMAGED").await["readable"], false);
    let asks = |name: &str| json!({"secrets": [name], "run": format!("echo ${name}")});
    assert_eq!(output(&server, asks("GOOD")).await, "[REDACTED]\n");
    let failed = api.ended(&api.submit(asks("DAMAGED")).await).await;
    let message = failed["errorMessage"].as_str().unwrap_or_default();
    assert!(message.contains("the secret DAMAGED no longer exists, or its value cannot be decrypted"), "{failed}");
    // Other secrets can be set, and the damaged one can be replaced and removed.
    assert_eq!(set(api, "ANOTHER", "another-value").await.0, 201);
    let (status, replaced) = set(api, "DAMAGED", "the-new-value").await;
    assert_eq!((status, &replaced["readable"]), (200, &json!(true)));
    assert_eq!(output(&server, asks("DAMAGED")).await, "[REDACTED]\n");
    assert_eq!(remove(api, "DAMAGED").await, 204);
}

#[tokio::test]
async fn a_server_with_another_key_refuses_to_start() {
    let server = TestServer::start().await;
    let data = server.stop().await;
    fs::remove_file(data.path().join("secrets-key")).expect("the key was generated");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let started = tailwater::server::Server::start(crate::harness::config(data.path()), listener).await;
    let error = started.err().expect("the key is another one").to_string();
    assert!(error.contains("restore the file secrets-key"), "{error}");
}

#[tokio::test]
async fn the_command_line_sets_lists_uses_and_removes_secrets() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let set = cli.run_with(&["secret", "set", "DEPLOY_TOKEN"], &format!("{VALUE}\n")).await;
    assert_eq!((set.code, set.stdout.as_str()), (Some(0), "DEPLOY_TOKEN was set\n"), "{}", set.stderr);
    let short = cli.run_with(&["secret", "set", "PIN"], "1234").await;
    assert!(short.stderr.contains("whole word"), "{}", short.stderr);
    let list = cli.run(&["secret", "list"]).await;
    assert!(list.stdout.contains("DEPLOY_TOKEN") && !list.stdout.contains(VALUE), "{}", list.stdout);
    let run = cli.run(&["run", "--secret", "T=DEPLOY_TOKEN", "--", "sh", "-c", "printf %s $T | wc -c; echo $T"]).await;
    assert_eq!(run.stdout, "20\n[REDACTED]\n", "{}", run.stderr);
    let run = cli.run(&["run", "--secret-file", "DEPLOY_TOKEN", "--", "sh", "-c", "wc -c < $DEPLOY_TOKEN"]).await;
    assert_eq!(run.stdout, "20\n", "{}", run.stderr);
    let empty = cli.run_with(&["secret", "set", "OTHER"], "\n").await;
    assert_eq!(empty.code, Some(1), "{}", empty.stderr);
    let removed = cli.run(&["secret", "remove", "DEPLOY_TOKEN"]).await;
    assert_eq!((removed.code, removed.stdout.as_str()), (Some(0), "DEPLOY_TOKEN was removed\n"));
    assert_eq!(cli.run(&["secret", "remove", "DEPLOY_TOKEN"]).await.code, Some(1));
    assert_eq!(cli.run(&["secret", "remove", "a/b"]).await.code, Some(1));
}

#[tokio::test]
async fn the_page_sets_and_removes_secrets_without_scripts() {
    let server = TestServer::start().await;
    let api = &server.api;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let post = |body: &'static str| {
        let request = client.post(format!("{}/secrets", api.base)).bearer_auth(crate::harness::TOKEN);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        async move {
            let reply = request.send().await.expect("the server answers");
            assert_eq!(reply.status(), 303, "{body}");
            reply.headers()["location"].to_str().expect("an address").to_owned()
        }
    };
    assert_eq!(post("name=DEPLOY_TOKEN&value=line+one%0D%0Aline+two").await, "/secrets?set=DEPLOY_TOKEN");
    let shown =
        output(&server, json!({"secrets": ["DEPLOY_TOKEN"], "run": "printf %s \"$DEPLOY_TOKEN\" | wc -c"})).await;
    assert_eq!(shown, "17\n", "line breaks of the form are LF");
    assert_eq!(post("name=1&value=x").await, "/secrets?error=name");
    assert_eq!(post("name=A&value=").await, "/secrets?error=value");
    assert_eq!(post("name=A").await, "/secrets?error=missing");
    assert_eq!(post("name=DEPLOY_TOKEN").await, "/secrets?removed=DEPLOY_TOKEN");
    assert_eq!(api.json("/secrets").await, json!({"items": []}));
}
