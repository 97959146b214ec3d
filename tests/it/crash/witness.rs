//! A client of a server that is killed repeatedly. The client submits jobs and reads their output. Afterwards it checks
//! that the restarted server still has everything that was acknowledged or shown.

use std::collections::HashMap;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::{check_integrity, orphans};
use crate::harness::process::Process;
use crate::harness::sse::Stream;
use crate::harness::{Api, of_kind, restore, sha256};

/// The number of lines that a short job prints to each stream. They make the log large enough to be compressed.
const LINES: usize = 300;

/// Records the acknowledged jobs and the events that the client has read.
#[derive(Default)]
pub struct Witness {
    /// The id of each acknowledged job, and whether the job is short.
    jobs: Vec<(String, bool)>,
    seen: HashMap<String, Vec<Value>>,
}

impl Witness {
    /// Submits a job that prints for several seconds and starts a process in a new session.
    pub async fn submit_long(&mut self, api: &Api) {
        let command = "setsid sh -c 'for i in $(seq 300); do echo bg $i; sleep 0.01; done' & \
                       for i in $(seq 300); do echo out $i; echo err $i >&2; sleep 0.01; done";
        self.submit(api, json!({"run": command}), false).await;
    }

    /// Submits short jobs one after another and reads the log of each, until the server has been killed.
    pub async fn submit_until_server_dies(&mut self, api: &Api) {
        let command =
            format!("for i in $(seq {LINES}); do echo out $i; echo err $i >&2; done; sleep 0.05; echo kept > kept.txt");
        let payload = json!({"run": command, "artifacts": ["*.txt"]});
        while let Some(id) = self.submit(api, payload.clone(), true).await {
            self.read(api, &id).await;
        }
    }

    /// Submits a job, and returns its id, or `None` if the server has not acknowledged the job.
    async fn submit(&mut self, api: &Api, payload: Value, is_short: bool) -> Option<String> {
        let job = json!({"type": "command", "payload": payload});
        let reply = api.request(Method::POST, "/jobs").json(&job).send().await.ok()?;
        let status = reply.status();
        let body: Value = reply.json().await.ok()?;
        assert_eq!(status, 201, "{body}");
        let id = body["id"].as_str().expect("a job has an id").to_owned();
        self.jobs.push((id.clone(), is_short));
        Some(id)
    }

    /// Reads a job's stream until the stream ends or the connection breaks.
    async fn read(&mut self, api: &Api, id: &str) {
        let Ok(reply) = api.request(Method::GET, &format!("/jobs/{id}/events/stream")).send().await else { return };
        let mut stream = Stream::of(reply);
        let seen = self.seen.entry(id.to_owned()).or_default();
        while let Ok(Some(frame)) = stream.try_next().await {
            if frame.event == "queue_event" {
                seen.push(frame.json());
            }
        }
    }

    /// Restarts the server, waits until every job has finished, and checks that everything that was acknowledged or
    /// shown still exists.
    pub async fn check_after_restart(&self, data: &Path) {
        let server = Process::start(data);
        let (mut succeeded, mut interrupted) = (0, 0);
        for (id, is_short) in &self.jobs {
            let job = server.api.ended(id).await;
            let events = server.api.events(id).await;
            let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
            assert_eq!(seqs, (1..).take(events.len()).collect::<Vec<_>>(), "seq has no gaps");
            assert_eq!(of_kind(&events, "end").len(), 1);
            let end = events.last().expect("the list is not empty");
            assert_eq!((&end["payload"]["kind"], &end["payload"]["status"]), (&json!("end"), &job["status"]));
            for event in self.seen.get(id).into_iter().flatten() {
                let index =
                    event["seq"].as_i64().and_then(|seq| usize::try_from(seq - 1).ok()).expect("the event has a seq");
                assert_eq!(events.get(index), Some(event), "a reader has seen this event");
            }
            let output = server.api.output(id, 1).await;
            assert!(restore(&events, 1) == output, "events and output of {id} agree");
            let attempt = &of_kind(&events, "attempt").pop().expect("the attempt began")["payload"];
            assert_eq!(attempt["logSha256"], sha256(&output), "the checksum is right");
            assert_eq!(attempt["bytes"], output.len());
            let files = listed_files(&server.api, id).await;
            assert_eq!(stored_files(data, id), files.len(), "exactly the listed files are stored");
            if job["status"] == "succeeded" {
                succeeded += 1;
                if *is_short {
                    let mut lines: Vec<&str> =
                        std::str::from_utf8(&output).expect("the content is text").lines().collect();
                    let mut printed: Vec<String> =
                        (1..=LINES).flat_map(|i| [format!("out {i}"), format!("err {i}")]).collect();
                    lines.sort_unstable();
                    printed.sort_unstable();
                    assert_eq!(lines, printed, "the output of a successful job is complete");
                    assert_eq!(files, ["kept.txt"]);
                }
            } else {
                interrupted += 1;
                assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("interrupted")));
                assert_eq!(attempt["status"], "interrupted", "an event reports the interruption");
            }
        }
        eprintln!("{succeeded} jobs succeeded, {interrupted} were interrupted");
        assert!(succeeded > 0 && interrupted > 0);
        let ids: Vec<String> = self.jobs.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(orphans(&ids), 0, "no orphan is left");
        server.kill();
        check_integrity(data).await;
    }
}

/// Returns the names of a job's artifacts, without the log.
async fn listed_files(api: &Api, id: &str) -> Vec<String> {
    let page = api.json(&format!("/jobs/{id}/artifacts")).await;
    let names = page["items"].as_array().expect("a page has items").iter();
    let names = names.filter_map(|item| item["name"].as_str()).filter(|name| *name != "logs/output.log");
    names.map(str::to_owned).collect()
}

/// Returns the number of a job's files in the artifact store.
fn stored_files(data: &Path, id: &str) -> usize {
    std::fs::read_dir(data.join("artifacts").join(id).join("1")).map_or(0, Iterator::count)
}
