//! A job can be edited and resubmitted, both with the form rendered by the server and with the API call made by the
//! page.

use serde_json::{Value, json};

use super::{Browser, header, text_of};
use crate::harness::form::fields_of;
use crate::harness::{Api, TOKEN, TestServer};

const SECRET: &str = "hunter2hunter2";

/// Returns a payload that uses every field.
fn payload() -> Value {
    json!({
        "title": "Nightly <b>", "env": {"API_TOKEN": SECRET, "LINES": "one\ntwo", "MODE": "fast"},
        "workingDirectory": "/tmp", "timeoutSeconds": 60, "artifacts": ["dist/**"],
        "prepare": [{"name": "Get ready", "run": "true"}],
        "steps": [
            {"id": "check", "name": "Check", "run": format!("test \"$API_TOKEN\" = {SECRET} && echo it is kept\n"), "shell": "bash",
             "timeoutSeconds": 50, "env": {"DB_PASSWORD": "swordfish-swordfish"}},
            {"run": "\n echo \"$MODE\" </textarea> &amp; || true", "shell": "bash", "continueOnError": true},
        ],
    })
}

/// Returns the id of the job to which a reply redirects.
fn led_to(reply: &reqwest::Response) -> String {
    assert_eq!(reply.status(), 303);
    header(reply, "location").strip_prefix("/tasks/queue/").expect("the redirect leads to the job").to_owned()
}

/// Loads the form of a job, replaces the values of some fields, and submits it as a browser without scripts does.
async fn edit(browser: &Browser, id: &str, edits: &[(&str, usize, &str)]) -> reqwest::Response {
    let html = browser.html(&format!("/tasks/queue/new?from={id}")).await;
    let mut fields = fields_of(&html);
    for (name, position, value) in edits {
        let mut of_name = fields.iter_mut().filter(|(field, _)| field == name);
        let field = of_name.nth(*position).unwrap_or_else(|| panic!("the form has no field {name} {position}"));
        (*value).clone_into(&mut field.1);
    }
    // Browsers send line breaks as CR LF.
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.replace('\n', "\r\n"))).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.send_job(&fields).await
}

/// Checks that a job was resubmitted from the job `from`, and returns its payload.
async fn remade(api: &Api, id: &str, from: &str) -> Value {
    let job = api.job(id).await;
    assert_eq!(job["resubmittedFrom"], from);
    job["payload"].clone()
}

/// Waits until a job has finished, and returns its output.
async fn output(api: &Api, id: &str) -> String {
    api.ended(id).await;
    String::from_utf8(api.output(id, 1).await).expect("it is UTF-8")
}

#[tokio::test]
async fn the_edit_form_is_prefilled_and_contains_no_secret() {
    let server = TestServer::start().await;
    let browser = Browser::logged_in(&server).await;
    let id =
        server.api.submit_job(json!({"type": "command", "payload": payload(), "priority": 7, "maxAttempts": 2})).await;
    let html = browser.html(&format!("/tasks/queue/new?from={id}")).await;
    assert!(!html.contains(SECRET) && !html.contains("swordfish"), "{html}");
    let text = text_of(&html);
    for shown in
        ["Nightly <b>", "Get ready", "dist/**", "id check", "timeout 50 s", "DB_PASSWORD", "continues on error"]
    {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    let second = "\n echo \"$MODE\" </textarea> &amp; || true";
    for field in [
        ("from", id.as_str()),
        ("name", "Check"),
        ("name", ""),
        ("run", "test \"$API_TOKEN\" = [REDACTED] && echo it is kept\n"),
        ("run", second),
        ("title", "Nightly <b>"),
        ("workingDirectory", "/tmp"),
        ("envName", "API_TOKEN"),
        ("envValue", ""),
        ("envValue", "one\ntwo"),
        ("envValue", "fast"),
        ("shell", "bash"),
        ("timeoutSeconds", "60"),
        ("maxAttempts", "2"),
        ("priority", "7"),
    ] {
        let fields = fields_of(&html);
        assert!(fields.iter().any(|(name, value)| (name.as_str(), value.as_str()) == field), "{field:?} in {fields:?}");
    }
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
}

#[tokio::test]
async fn a_submitted_edit_form_changes_only_the_edited_fields_and_keeps_the_secrets() {
    let server = TestServer::start().await;
    let (api, browser) = (&server.api, Browser::logged_in(&server).await);
    let id = api.submit(payload()).await;
    let shown = api.job(&id).await["payload"].clone();
    let edited = |pointer: &str, value: Value| {
        let mut payload = shown.clone();
        *payload.pointer_mut(pointer).expect("the payload has the field") = value;
        payload
    };
    for (edits, expected) in [
        (vec![], shown.clone()),
        (vec![("title", 0, "Daily")], edited("/title", json!("Daily"))),
        (vec![("run", 1, "echo a\necho b")], edited("/steps/1/run", json!("echo a\necho b"))),
        (vec![("name", 0, "Look")], edited("/steps/0/name", json!("Look"))),
        (vec![("workingDirectory", 0, "/")], edited("/workingDirectory", json!("/"))),
        (vec![("envValue", 2, "slow")], edited("/env/MODE", json!("slow"))),
        (vec![("timeoutSeconds", 0, "61")], edited("/timeoutSeconds", json!(61))),
    ] {
        let again = led_to(&edit(&browser, &id, &edits).await);
        assert_eq!(remade(api, &again, &id).await, expected, "{edits:?}");
        let output = output(api, &again).await;
        assert!(output.contains("it is kept"), "{edits:?}: {output}");
    }
    let again = led_to(
        &edit(&browser, &id, &[("shell", 0, ""), ("priority", 0, "5"), ("envName", 2, ""), ("envValue", 2, "")]).await,
    );
    let payload = remade(api, &again, &id).await;
    assert_eq!((&payload["steps"][0]["shell"], &payload["steps"][1]["shell"]), (&Value::Null, &Value::Null));
    assert_eq!(payload["env"], json!({"API_TOKEN": "[REDACTED]", "LINES": "one\ntwo"}));
    assert_eq!(api.job(&again).await["priority"], 5);
}

#[tokio::test]
async fn a_typed_value_replaces_a_secret_and_the_mask_is_never_run() {
    let server = TestServer::start().await;
    let (api, browser) = (&server.api, Browser::logged_in(&server).await);
    let run = "test \"$API_TOKEN\" = correct-horse && echo replaced";
    let id = api.submit(json!({"run": run, "env": {"API_TOKEN": SECRET}})).await;
    let again = led_to(&edit(&browser, &id, &[("envValue", 0, "correct-horse"), ("run", 0, run)]).await);
    let output = output(api, &again).await;
    assert_eq!(output, "replaced\n");
    // A renamed variable does not keep the secret value, and a command that contains the mask is refused.
    let reply = edit(&browser, &id, &[("envName", 0, "OTHER_TOKEN")]).await;
    let status = reply.status();
    let text = reply.text().await.expect("the body arrives");
    assert!(status == 422 && text.contains("payload.env.OTHER_TOKEN"), "{status} {text}");
    let reply = edit(&browser, &id, &[("run", 0, "echo [REDACTED]")]).await;
    assert_eq!(reply.status(), 422);
}

#[tokio::test]
async fn a_job_without_an_edit_form_cannot_be_edited() {
    let server = TestServer::start().await;
    let browser = Browser::logged_in(&server).await;
    let other = server.api.submit_job(json!({"type": "elsewhere", "payload": {"run": "a"}})).await;
    let none = "00000000-0000-7000-8000-000000000000";
    for (from, status) in [(other.as_str(), 422), (none, 404), ("nonsense", 404)] {
        let page = browser.get(&format!("/tasks/queue/new?from={from}")).await;
        assert_eq!(page.status(), status, "{from}");
        assert!(fields_of(&page.text().await.expect("the body arrives")).is_empty(), "{from}");
        let reply = browser.send_job(&[("from", from), ("run", "true")]).await;
        assert_eq!(reply.status(), status, "{from}");
    }
    assert_eq!(server.api.json("/jobs").await["items"].as_array().map(Vec::len), Some(1));
    let page = browser.html(&format!("/tasks/queue/{other}")).await;
    assert!(!page.contains("?from="), "{page}");
}

#[tokio::test]
async fn the_page_of_a_finished_command_links_to_the_edit_form() {
    let server = TestServer::start().await;
    let browser = Browser::logged_in(&server).await;
    let (id, _) = server.api.run("true").await;
    let page = browser.html(&format!("/tasks/queue/{id}")).await;
    assert!(page.contains(&format!("\"/tasks/queue/new?from={id}\"")), "{page}");
}

#[tokio::test]
async fn the_api_call_of_the_page_resubmits_a_job_with_changes() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("echo one").await;
    let call = |arguments: Value| {
        let url = format!("{}/rpc/resubmit_with_changes", server.api.base);
        server.api.client.post(url).bearer_auth(TOKEN).json(&arguments).send()
    };
    let reply = call(json!({"id": id, "changes": {"payload": {"run": "echo two"}, "priority": 3}})).await;
    let job: Value = reply.expect("the server answers").json().await.expect("the body is JSON");
    assert_eq!((&job["payload"], &job["priority"]), (&json!({"run": "echo two"}), &json!(3)));
    assert_eq!(job["resubmittedFrom"], id);
    let reply = call(json!({"id": id, "changes": {"payload": {"run": " "}}})).await.expect("the server answers");
    assert_eq!(reply.status(), 422);
}

#[tokio::test]
async fn a_job_with_a_terminal_keeps_it_when_it_is_edited_and_a_form_can_change_it() {
    let server = TestServer::start().await;
    let browser = Browser::logged_in(&server).await;
    let steps = json!([{"run": "test -t 1"}, {"run": "true", "terminal": false}]);
    let id = server.api.submit(json!({"terminal": true, "steps": steps})).await;
    let html = browser.html(&format!("/tasks/queue/{id}")).await;
    assert!(text_of(&html).contains("some steps"), "the job's page names the steps in a terminal: {html}");
    let edited = led_to(&edit(&browser, &id, &[("title", 0, "Edited")]).await);
    assert_eq!(remade(&server.api, &edited, &id).await, json!({"title": "Edited", "terminal": true, "steps": steps}));
    // Browsers do not send the field `terminal` if the checkbox is not checked.
    let html = browser.html(&format!("/tasks/queue/new?from={id}")).await;
    assert!(text_of(&html).contains("not in a terminal"), "{html}");
    let fields: Vec<_> = fields_of(&html).into_iter().filter(|(name, _)| name != "terminal").collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let without = led_to(&browser.send_job(&fields).await);
    assert_eq!(remade(&server.api, &without, &id).await, json!({"steps": steps}));
    let new = led_to(&browser.send_job(&[("run", "test -t 1"), ("terminal", "on")]).await);
    assert_eq!(server.api.ended(&new).await["status"], "succeeded");
    assert_eq!(server.api.job(&new).await["payload"], json!({"run": "test -t 1", "terminal": true}));
}
