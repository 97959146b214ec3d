//! A running job can add values, which are masked from then on. Weak secrets are reported by the names of their
//! variables.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::{TestServer, of_kind};

async fn output(server: &TestServer, payload: Value) -> String {
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    String::from_utf8(server.api.output(&id, 1).await).expect("the output is text")
}

async fn warnings(server: &TestServer, payload: Value) -> Vec<String> {
    let id = server.api.submit(payload).await;
    server.api.ended(&id).await;
    let events = server.api.events(&id).await;
    let warnings = events.iter().filter(|event| event["level"] == "warn" || event["level"] == "warning");
    warnings.map(|event| event["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Replaces a letter with the one 13 places later in the alphabet. A job receives a rotated value and rotates it back,
/// so the server learns the value only from the job.
fn rotated(letter: char) -> char {
    let place = (u8::try_from(letter).expect("it is ASCII") - b'a' + 13) % 26;
    char::from(b'a' + place)
}

#[tokio::test]
async fn a_value_in_the_mask_file_is_masked_in_all_later_output() {
    let server = TestServer::start().await;
    let value = "hunter2-of-the-job";
    let run = format!(
        "v=$(echo {} | tr a-z n-za-m); echo \"$v\" >> \"$TAILWATER_MASK\"; echo \"$v\"; echo \"$v\" >&2; printf '%s' \"$v\" | base64; \
         printf 'another one' >> \"$TAILWATER_MASK\"; echo another one",
        value.chars().map(|c| if c.is_ascii_lowercase() { rotated(c) } else { c }).collect::<String>()
    );
    let steps =
        json!({"steps": [{"run": run}, {"run": format!("echo {value}; ls -l \"$TAILWATER_MASK\" | cut -c1-10")}]});
    let shown = output(&server, steps).await;
    let mut lines: Vec<_> = shown.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["-rw-------", "[REDACTED]", "[REDACTED]", "[REDACTED]", "[REDACTED]", "[REDACTED]"]);
}

#[tokio::test]
async fn a_line_in_the_syntax_of_other_systems_adds_a_value_unless_the_setting_is_off() {
    let run = "echo ::add-mask::hunter2%0Ahunter3; echo hunter2; printf 'hunter2\\nhunter3\\n'; \
               echo '##vso[task.setsecret]swordfish'; echo swordfish; echo no ::add-mask::here; echo here";
    let server = TestServer::start().await;
    let shown = output(&server, json!({"run": run})).await;
    let expected = "::add-mask::hunter2%0Ahunter3\nhunter2\n[REDACTED]\n##vso[task.setsecret][REDACTED]\n[REDACTED]\nno ::add-mask::here\nhere\n";
    assert_eq!(shown.replace("::add-mask::[REDACTED]", "::add-mask::hunter2%0Ahunter3"), expected);
    let server = TestServer::start_with(|config| config.jobs.mask_commands = false).await;
    let shown = output(&server, json!({"run": "echo ::add-mask::hunter2; echo hunter2"})).await;
    assert_eq!(shown, "::add-mask::hunter2\nhunter2\n");
}

#[tokio::test]
async fn too_many_added_values_are_reported() {
    let server = TestServer::start().await;
    let said = warnings(&server, json!({"run": "seq -f 'value-%.0f' 300 > \"$TAILWATER_MASK\"; echo value-7"})).await;
    assert!(said.iter().any(|text| text.contains("more values to mask than the limit")), "{said:?}");
    let few = warnings(&server, json!({"run": "seq -f 'value-%.0f' 30 > \"$TAILWATER_MASK\"; echo value-7"})).await;
    assert!(few.is_empty(), "{few:?}");
}

#[tokio::test]
async fn a_weak_secret_is_masked_as_a_whole_word_and_its_variable_is_named() {
    let server = TestServer::start().await;
    let env = json!({"MY_TOKEN": "1234", "DB_PASSWORD": "changeme", "API_KEY": "hunter2-hunter2"});
    let id =
        server.api.submit(json!({"env": env, "run": "echo 1234 12345 changeme unchangemeable hunter2-hunter2"})).await;
    server.api.ended(&id).await;
    let shown = String::from_utf8(server.api.output(&id, 1).await).expect("the output is text");
    assert_eq!(shown, "[REDACTED] 12345 [REDACTED] unchangemeable [REDACTED]\n");
    let events = server.api.events(&id).await;
    let warning =
        events.iter().find(|event| event["message"].as_str().is_some_and(|text| text.contains("whole words")));
    let warning = warning.expect("a warning is in the log")["message"].as_str().expect("it is text").to_owned();
    assert!(warning.contains("DB_PASSWORD, MY_TOKEN") && !warning.contains("API_KEY"), "{warning}");
}

#[tokio::test]
async fn masks_are_counted_by_rule_in_the_attempt_event_even_after_a_crash_of_the_job() {
    let server = TestServer::start().await;
    let token = format!("ghp{}", "_aB3dE5gH7jK9mN2pQ4rS6tU8vW1xY0zC4fG6");
    let run = format!("echo $MY_TOKEN; echo {token} {token}; echo 'password: hunter2hunter'; exit 3");
    let id = server.api.submit(json!({"env": {"MY_TOKEN": "hunter2-hunter2"}, "run": run})).await;
    server.api.ended(&id).await;
    let events = server.api.events(&id).await;
    let attempts = of_kind(&events, "attempt");
    let payload = &attempts.last().expect("the attempt has ended")["payload"];
    assert_eq!(payload["redactions"], 4, "{payload}");
    assert_eq!(payload["redactionsByRule"], json!({"github-token": 2, "secret-field": 1}), "{payload}");
    assert_eq!(attempts[0]["payload"]["redactionsByRule"], Value::Null);
}

#[tokio::test]
async fn weak_values_that_a_job_adds_are_reported_with_their_source() {
    let server = TestServer::start().await;
    let said =
        warnings(&server, json!({"run": "printf '1234\npassword\nlong-enough-7\n' >> \"$TAILWATER_MASK\"; echo 1234"}));
    let said = said.await;
    assert!(said.iter().any(|text| text.contains("2 in $TAILWATER_MASK.")), "{said:?}");
    let said =
        warnings(&server, json!({"run": "echo ::add-mask::abc; echo '##vso[task.setsecret]abd'; echo abc"})).await;
    assert!(said.iter().any(|text| text.contains("2 in lines such as ::add-mask::VALUE")), "{said:?}");
    let said =
        warnings(&server, json!({"run": "echo long-enough-7 >> \"$TAILWATER_MASK\"; echo ::add-mask::long-enough-8"}));
    assert!(said.await.iter().all(|text| !text.contains("whole words")));
}

#[tokio::test]
async fn weak_named_secrets_and_weak_lines_of_the_file_are_reported_by_name() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "hunter2-hunter2\n\n4321\n").expect("it can be written");
    let server = TestServer::start_with(|config| config.jobs.redact_values_file = Some(file.path().to_owned())).await;
    for (name, value) in [("WEAK", "changeme"), ("STRONG", "hunter3-hunter3"), ("NOT_ASKED_FOR", "secret")] {
        let set = server.api.request(Method::PUT, &format!("/secrets/{name}")).json(&json!({"value": value}));
        assert_eq!(set.send().await.expect("the server answers").status(), 201);
    }
    let said = warnings(&server, json!({"secrets": ["WEAK", "STRONG"], "run": "echo $WEAK 4321 43210"})).await;
    let said: Vec<_> = said.iter().filter(|text| text.contains("whole words")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("Secrets masked only as whole words: WEAK, line 3 of redact_values_file. "),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_weak_variable_that_jobs_inherit_is_reported_by_name_and_others_only_in_the_servers_log() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(data.path(), |mut program| {
        program
            .env("TAILWATER_JOB_ENV", "PASSED_TOKEN,HTTPS_PROXY")
            .env("PASSED_TOKEN", "abcd")
            .env("KEPT_TOKEN", "efgh");
        program.env("HTTPS_PROXY", "http://user:1234@proxy.example:3128");
        program
    });
    let id = server.api.submit(json!({"run": "echo $PASSED_TOKEN"})).await;
    server.api.ended(&id).await;
    let events = server.api.events(&id).await.iter().map(ToString::to_string).collect::<String>();
    assert!(events.contains("Secrets masked only as whole words: HTTPS_PROXY, PASSED_TOKEN."), "{events}");
    assert!(!events.contains("abcd") && !events.contains("KEPT_TOKEN"), "{events}");
    let log = std::fs::read_to_string(data.path().join("server.log")).expect("it exists");
    for name in ["HTTPS_PROXY", "PASSED_TOKEN", "KEPT_TOKEN"] {
        assert!(log.lines().any(|line| line.contains(name) && line.contains("only as a whole word")), "{name}: {log}");
    }
}

#[tokio::test]
async fn weak_members_of_a_payload_for_an_external_worker_are_reported_by_name() {
    let server = TestServer::start().await;
    let payload = json!({"deep": [{"apiToken": "1234"}], "DB_PASSWORD": "hunter2-hunter2"});
    let id = server.api.submit_job(json!({"type": "elsewhere", "payload": payload})).await;
    let again = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    let again: Value = again.json().await.expect("the body is JSON");
    for id in [id.as_str(), again["id"].as_str().expect("a job has an id")] {
        let events = server.api.events(id).await;
        let warning = events.iter().find(|event| event["payload"]["kind"] == "warning").expect("there is a warning");
        let text = warning["message"].as_str().expect("it is text");
        assert!(text.starts_with("Secrets masked only as whole words: apiToken. "), "{text}");
    }
    let strong =
        server.api.submit_job(json!({"type": "elsewhere", "payload": {"DB_PASSWORD": "hunter2-hunter2"}})).await;
    assert_eq!(server.api.events(&strong).await.len(), 1);
}
