//! The restrictions on steps: what a step cannot read or do, and what it can still do.

mod hidden;
mod limits;
mod user;

use serde_json::{Value, json};

use crate::harness::Api;

/// Runs a job with this payload, which must succeed, and returns its output.
async fn printed(api: &Api, payload: Value) -> String {
    let id = api.submit(payload.clone()).await;
    let job = api.ended(&id).await;
    let output = String::from_utf8_lossy(&api.output(&id, 1).await).into_owned();
    assert_eq!(job["status"], "succeeded", "{payload}: {job}\n{output}");
    output
}

/// Runs a command, and returns its output without the last line feed. The job must succeed.
async fn line(api: &Api, command: &str) -> String {
    printed(api, json!({"run": command})).await.trim_end().to_owned()
}

/// Returns the log of the server with this data directory.
fn logged(data: &std::path::Path) -> String {
    std::fs::read_to_string(data.join("server.log")).expect("the log is text")
}
