//! Stages run in order. A stage runs only if all previous stages have succeeded. Otherwise, it is reported as skipped.

use serde_json::{Value, json};

use crate::harness::{Mode, TestServer, in_both_modes, of_kind};

/// Returns the status changes of all stages and steps, such as `prepare started` and `prepare/step-1 succeeded`.
async fn status_changes(server: &TestServer, id: &str) -> Vec<String> {
    let events = server.api.events(id).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let change = |event: &Value| {
        let payload = &event["payload"];
        let (stage, status) = (text(&payload["stage"]), text(&payload["status"]));
        match payload["kind"].as_str() {
            Some("stage") => Some(format!("{stage} {status}")),
            Some("step") if status != "started" => Some(format!("{stage}/{} {status}", text(&payload["stepId"]))),
            _ => None,
        }
    };
    events.iter().filter(|event| event["payload"]["stage"].is_string()).filter_map(change).collect()
}

/// Runs a job and checks its final status, its exit code, and the status changes of its stages and steps.
async fn check(payload: Value, (status, exit_code): (&str, Value), expected: &[&str]) {
    let server = TestServer::start().await;
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["exitCode"]), (&json!(status), &exit_code), "{job}");
    assert_eq!(status_changes(&server, &id).await, expected);
}

#[tokio::test]
async fn stages_run_in_order_in_one_workspace_and_number_their_own_steps() {
    let server = TestServer::start().await;
    let payload = json!({
        "publish": [{"run": "cat made; echo published"}],
        "prepare": [{"run": "echo one > made"}, {"run": "echo two >> made"}],
        "run": "cat made",
    });
    let id = server.api.submit(payload).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    assert_eq!(server.api.output(&id, 1).await, b"one\ntwo\none\ntwo\npublished\n");
    let expected = [
        "prepare started",
        "prepare/step-1 succeeded",
        "prepare/step-2 succeeded",
        "prepare succeeded",
        "execute started",
        "execute/run succeeded",
        "execute succeeded",
        "publish started",
        "publish/step-1 succeeded",
        "publish succeeded",
    ];
    assert_eq!(status_changes(&server, &id).await, expected);
    let events = server.api.events(&id).await;
    let of = |kind: &str, field: &str| -> Vec<Value> {
        of_kind(&events, kind).iter().map(|event| event["payload"][field].clone()).collect()
    };
    // On a busy machine, the lines of a step may be distributed over several events.
    let mut stages = of("log", "stage");
    stages.dedup();
    assert_eq!(stages, ["execute", "publish"]);
    assert!(of("log", "stepIndex").iter().all(|index| index == 0));
    assert_eq!(of("step", "stepIndex"), [0, 0, 1, 1, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_job_without_stages_reports_only_execute() {
    check(
        json!({"run": "true"}),
        ("succeeded", json!(0)),
        &["execute started", "execute/run succeeded", "execute succeeded"],
    )
    .await;
}

#[tokio::test]
async fn when_prepare_fails_execute_and_publish_are_skipped() {
    let payload = json!({
        "prepare": [{"run": "exit 3"}, {"run": "true"}], "steps": [{"id": "a", "run": "true"}, {"id": "b", "run": "true"}],
        "publish": [{"run": "true"}],
    });
    check(
        payload,
        ("failed", json!(3)),
        &[
            "prepare started",
            "prepare/step-1 failed",
            "prepare/step-2 skipped",
            "prepare failed",
            "execute skipped",
            "execute/a skipped",
            "execute/b skipped",
            "publish skipped",
            "publish/step-1 skipped",
        ],
    )
    .await;
}

#[tokio::test]
async fn publish_runs_only_after_success() {
    let payload = json!({"prepare": [{"run": "true"}], "run": "exit 7", "publish": [{"run": "echo never"}]});
    check(
        payload,
        ("failed", json!(7)),
        &[
            "prepare started",
            "prepare/step-1 succeeded",
            "prepare succeeded",
            "execute started",
            "execute/run failed",
            "execute failed",
            "publish skipped",
            "publish/step-1 skipped",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_failed_step_with_continue_on_error_does_not_end_the_job() {
    let payload = json!({
        "prepare": [{"run": "exit 1", "continueOnError": true}, {"run": "true"}],
        "steps": [{"run": "exit 2", "continueOnError": true}],
        "publish": [{"run": "true"}],
    });
    check(
        payload,
        ("succeeded", json!(0)),
        &[
            "prepare started",
            "prepare/step-1 failed",
            "prepare/step-2 succeeded",
            "prepare succeeded",
            "execute started",
            "execute/step-1 failed",
            "execute succeeded",
            "publish started",
            "publish/step-1 succeeded",
            "publish succeeded",
        ],
    )
    .await;
}

async fn a_job_that_is_cancelled_in_prepare_runs_nothing_else(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let payload =
        json!({"prepare": [{"run": "echo here; sleep 600"}], "run": "echo never", "publish": [{"run": "true"}]});
    let id = server.api.submit(payload).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(server.api.ended(&id).await["status"], "cancelled");
    let story = status_changes(&server, &id).await;
    assert_eq!(
        story[1..],
        [
            "prepare/step-1 cancelled",
            "prepare failed",
            "execute skipped",
            "execute/run skipped",
            "publish skipped",
            "publish/step-1 skipped",
        ]
    );
}

async fn secrets_of_every_stage_are_masked(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let secret = "hunter2-correct-horse";
    let step = json!([{"run": "echo $DEPLOY_TOKEN", "env": {"DEPLOY_TOKEN": secret}}]);
    let id = server.api.submit(json!({"prepare": step, "run": format!("echo {secret}"), "publish": step})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(server.api.output(&id, 1).await, b"[REDACTED]\n[REDACTED]\n[REDACTED]\n");
    assert!(!job.to_string().contains(secret), "{job}");
}

#[tokio::test]
async fn a_resubmitted_job_runs_every_stage_again() {
    let server = TestServer::start().await;
    let payload = json!({"prepare": [{"run": "true"}], "run": "true", "publish": [{"run": "true"}]});
    let id = server.api.submit(payload.clone()).await;
    server.api.ended(&id).await;
    let reply = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({})).await;
    let again: Value = reply.json().await.expect("the body is JSON");
    assert_eq!(again["payload"], payload);
    let again = again["id"].as_str().expect("a job has an id");
    assert_eq!(server.api.ended(again).await["status"], "succeeded");
    assert_eq!(status_changes(&server, again).await, status_changes(&server, &id).await);
}

in_both_modes!(secrets_of_every_stage_are_masked, a_job_that_is_cancelled_in_prepare_runs_nothing_else,);
