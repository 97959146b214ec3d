//! A job's steps are compared with the steps of earlier successful jobs that have the same title and commands.

use serde_json::{Value, json};

use crate::harness::{Api, TestServer};

async fn run(api: &Api, seconds: &str) -> String {
    let steps = json!([{"id": "sleep", "run": "sleep $SECONDS"}, {"id": "done", "run": "exit $CODE"}]);
    let code = if seconds == "9" { "1" } else { "0" };
    let env = json!({"SECONDS": if seconds == "9" { "0" } else { seconds }, "CODE": code});
    let id = api.submit(json!({"title": "compared", "env": env, "steps": steps})).await;
    api.ended(&id).await;
    id
}

/// Returns the duration of a step in milliseconds.
async fn duration(api: &Api, id: &str, step: &str) -> i64 {
    let events = api.events(id).await;
    let payloads = events.iter().map(|event| &event["payload"]);
    let mut ended = payloads.filter(|payload| payload["stepId"] == step && payload["status"] == "succeeded");
    ended.next_back().and_then(|payload| payload["durationMs"].as_i64()).expect("the step has succeeded")
}

async fn usual(api: &Api, id: &str) -> Value {
    api.json(&format!("/jobs/{id}/usual")).await
}

#[tokio::test]
async fn the_usual_time_of_a_step_is_the_median_of_the_latest_five_successes() {
    let server = TestServer::start().await;
    let api = &server.api;
    let first = run(api, "0").await;
    assert_eq!(
        usual(api, &first).await,
        json!({"lastSuccess": null, "jobs": 0, "steps": []}),
        "there is no earlier job"
    );
    let mut compared = vec![first];
    for seconds in ["1", "0.3", "0", "0.3"] {
        compared.push(run(api, seconds).await);
    }
    let last = compared[4].clone();
    let failed = run(api, "9").await;
    // Jobs with other titles or commands are not compared.
    api.run("sleep 0").await;
    let other = api.submit(json!({"title": "compared", "run": "true"})).await;
    api.ended(&other).await;
    let found = usual(api, &failed).await;
    assert_eq!((&found["lastSuccess"], &found["jobs"]), (&json!(last), &json!(5)));
    for step in ["sleep", "done"] {
        let mut durations = Vec::new();
        for id in &compared {
            durations.push(duration(api, id, step).await);
        }
        durations.sort_unstable();
        let expected = json!({"stage": "execute", "stepId": step, "durationMs": durations[2]});
        assert!(found["steps"].as_array().expect("a list").contains(&expected), "{durations:?}: {found}");
    }
    let next = run(api, "0").await;
    assert_eq!(usual(api, &next).await["lastSuccess"], last, "a failed job is not compared");
    let unknown = api.get("/jobs/01890000-0000-7000-8000-000000000000/usual").await;
    assert_eq!(unknown.status(), 404);
}
