//! Checks that `/log`, `/lines`, the events and the spool contain exactly the same bytes.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::harness::{Api, Random, TestServer, number, of_kind, restore, sha256};

/// Generates a script that writes randomly split text to both streams.
fn script(random: &mut Random) -> String {
    let mut script = String::from("import os,time\n");
    for _ in 0..random.below(120) + 20 {
        let stream = random.below(2) + 1;
        let piece: String = (0..random.below(30))
            .map(|_| ["a", "\u{e4}", "\u{20ac}", "\n", "x\n", "error: no\n"][random.below(6)])
            .collect();
        writeln!(script, "os.write({stream}, {piece:?}.encode())").expect("writing to a String cannot fail");
        if random.below(8) == 0 {
            script += "time.sleep(0.003)\n";
        }
    }
    script
}

/// Reads all lines in pages of `count` lines.
pub async fn all_lines(api: &Api, id: &str, count: usize) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    loop {
        let page = api.json(&format!("/jobs/{id}/lines?from={}&count={count}", lines.len() + 1)).await;
        let items = page["items"].as_array().expect("a page has items").clone();
        if items.is_empty() {
            assert_eq!(number(&page["totalLines"]), lines.len());
            return lines;
        }
        lines.extend(items);
    }
}

/// Checks that every way to read the log of a finished job's first attempt gives the same bytes, and returns these
/// bytes.
pub async fn check(server: &TestServer, id: &str, count: usize) -> Vec<u8> {
    let api = &server.api;
    let log =
        async |query: &str| api.get(&format!("/jobs/{id}/log{query}")).await.bytes().await.expect("a body").to_vec();
    let events = api.events(id).await;
    let output = api.output(id, 1).await;
    assert_eq!(events.last().map(|end| &end["payload"]["logSha256"]), Some(&json!(sha256(&output))));
    assert!(restore(&events, 1) == output, "the events");
    assert!(log("").await == output, "the log");
    assert!(log("?follow=true").await == output, "the log, followed");
    let lines = all_lines(api, id, count).await;
    for stream in ["stdout", "stderr"] {
        let mut sent: Vec<(&Value, String)> = Vec::new();
        for event in of_kind(&events, "log").into_iter().filter(|event| event["payload"]["stream"] == stream) {
            let text = event["message"].as_str().expect("a text");
            match sent.last_mut().filter(|(step, _)| *step == &event["payload"]["stepId"]) {
                Some((_, whole)) => whole.push_str(text),
                None => sent.push((&event["payload"]["stepId"], text.to_owned())),
            }
        }
        let whole: String = sent.iter().map(|(_, text)| text.as_str()).collect();
        assert!(log(&format!("?stream={stream}")).await == whole.as_bytes(), "the log of {stream}");
        // The end of a step also ends its last line, even without a newline.
        let expected = sent.iter().flat_map(|(step, text)| text.lines().map(|line| (*step, line)));
        let found = lines.iter().filter(|line| line["stream"] == stream);
        let found = found.map(|line| (&line["stepId"], line["text"].as_str().expect("a text")));
        assert!(found.eq(expected), "the lines of {stream}");
    }
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(number(&line["line"]), index + 1);
        let sent = events.iter().find(|event| event["seq"] == line["seq"]).expect("the line was sent live");
        assert_eq!(sent["payload"]["stream"], line["stream"]);
    }
    output
}

#[tokio::test]
async fn log_lines_events_and_spool_of_random_jobs_agree() {
    let mut random = Random::new("same_story");
    let server = TestServer::start_with(|config| {
        config.jobs.live_event_bytes = 64;
        config.jobs.live_flush = std::time::Duration::from_millis(5);
    })
    .await;
    for _ in 0..5 {
        let steps =
            json!([{"shell": "python3", "run": script(&mut random)}, {"shell": "python3", "run": script(&mut random)}]);
        let id = server.api.submit(json!({"steps": steps})).await;
        server.api.ended(&id).await;
        check(&server, &id, random.below(20) + 1).await;
        let log =
            async |query: &str| server.api.get(&format!("/jobs/{id}/log?{query}")).await.text().await.expect("a body");
        let both = [log("stepId=step-1").await, log("stepId=step-2").await].concat();
        assert_eq!(both, log("").await, "the steps' logs together are the whole log");
        assert_eq!(log("stepId=step-1&timestamps=false").await, log("stepId=step-1&stage=execute&follow=true").await);
        assert_eq!(log("stepId=no-such-step").await, "");
        let times = log("timestamps=true&stream=stdout").await;
        let bare: String =
            times.split_inclusive('\n').map(|line| line.split_once("Z ").map_or(line, |(_, rest)| rest)).collect();
        assert_eq!(bare.lines().count(), log("stream=stdout").await.lines().count());
    }
}
