//! A running job can add values, which are masked from then on. Weak secrets are reported by the names of their
//! variables.

use serde_json::{Value, json};

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
