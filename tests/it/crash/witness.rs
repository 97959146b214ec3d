//! Who submits jobs to a server that dies, reads what they print, and holds the next lives of the server to all of it.

use std::collections::HashMap;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::{check_integrity, orphans};
use crate::harness::process::Process;
use crate::harness::sse::Stream;
use crate::harness::{Api, of_kind, restore, sha256};

/// Lines of each stream of a short job: its log is large enough to be compressed.
const LINES: usize = 300;

/// What was submitted and read.
#[derive(Default)]
pub struct Witness {
    /// Every job that the server has acknowledged, and whether it is one that ends by itself soon.
    jobs: Vec<(String, bool)>,
    seen: HashMap<String, Vec<Value>>,
}

impl Witness {
    /// Submits a job that prints for seconds, with a process that leaves its group.
    pub async fn submit_long(&mut self, api: &Api) {
        let command = "setsid sh -c 'for i in $(seq 300); do echo bg $i; sleep 0.01; done' & \
                       for i in $(seq 300); do echo out $i; echo err $i >&2; sleep 0.01; done";
        self.submit(api, json!({"run": command}), false).await;
    }

    /// Submits short jobs, one after the other, and reads each to its end, until the server is dead.
    pub async fn use_it_until_it_dies(&mut self, api: &Api) {
        let command =
            format!("for i in $(seq {LINES}); do echo out $i; echo err $i >&2; done; sleep 0.05; echo kept > kept.txt");
        let payload = json!({"run": command, "artifacts": ["*.txt"]});
        while let Some(id) = self.submit(api, payload.clone(), true).await {
            self.read(api, &id).await;
        }
    }

    /// Submits a job; returns its id if the server has acknowledged it.
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

    /// Reads a job's stream until it ends or is cut.
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

    /// Starts the server once more, lets every job end, and holds the server to what it had acknowledged and shown.
    pub async fn hold_to_it(&self, data: &Path) {
        let server = Process::start(data);
        let (mut succeeded, mut interrupted) = (0, 0);
        for (id, is_short) in &self.jobs {
            let job = server.api.ended(id).await;
            let events = server.api.events(id).await;
            let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
            assert_eq!(seqs, (1..).take(events.len()).collect::<Vec<_>>(), "seq has no holes");
            assert_eq!(of_kind(&events, "end").len(), 1);
            let end = events.last().expect("there are some");
            assert_eq!((&end["payload"]["kind"], &end["payload"]["status"]), (&json!("end"), &job["status"]));
            for event in self.seen.get(id).into_iter().flatten() {
                let place = event["seq"].as_i64().and_then(|seq| usize::try_from(seq - 1).ok()).expect("it has one");
                assert_eq!(events.get(place), Some(event), "a reader had seen it");
            }
            let output = server.api.output(id, 1).await;
            assert!(restore(&events, 1) == output, "events and output of {id} tell the same story");
            let attempt = &of_kind(&events, "attempt").pop().expect("it began")["payload"];
            assert_eq!(attempt["logSha256"], sha256(&output), "the checksum is right");
            assert_eq!(attempt["bytes"], output.len());
            let files = listed_files(&server.api, id).await;
            assert_eq!(stored_files(data, id), files.len(), "what is stored is listed, and the other way round");
            if job["status"] == "succeeded" {
                succeeded += 1;
                if *is_short {
                    let mut lines: Vec<&str> = std::str::from_utf8(&output).expect("it is text").lines().collect();
                    let mut printed: Vec<String> =
                        (1..=LINES).flat_map(|i| [format!("out {i}"), format!("err {i}")]).collect();
                    lines.sort_unstable();
                    printed.sort_unstable();
                    assert_eq!(lines, printed, "what succeeded is stored, all of it");
                    assert_eq!(files, ["kept.txt"]);
                }
            } else {
                interrupted += 1;
                assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("interrupted")));
                assert_eq!(attempt["status"], "interrupted", "an event says what happened");
            }
        }
        eprintln!("{succeeded} jobs succeeded, {interrupted} were interrupted");
        assert!(succeeded > 0 && interrupted > 0);
        let ids: Vec<String> = self.jobs.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(orphans(&ids), 0, "no orphan lives");
        server.kill();
        check_integrity(data).await;
    }
}

/// Returns the names of a job's artifacts but its log.
async fn listed_files(api: &Api, id: &str) -> Vec<String> {
    let page = api.json(&format!("/jobs/{id}/artifacts")).await;
    let names = page["items"].as_array().expect("a page has items").iter();
    let names = names.filter_map(|item| item["name"].as_str()).filter(|name| *name != "logs/output.log");
    names.map(str::to_owned).collect()
}

/// Returns how many files of a job the store holds.
fn stored_files(data: &Path, id: &str) -> usize {
    std::fs::read_dir(data.join("artifacts").join(id).join("1")).map_or(0, Iterator::count)
}
