//! Tests of `/lines`: the fields of each line, and invalid parameters.

use serde_json::{Value, json};

use crate::harness::gate::Gate;
use crate::harness::{TestServer, number, of_kind, restore};

#[tokio::test]
async fn a_line_has_its_source_and_the_event_in_which_it_was_sent() {
    let server = TestServer::start().await;
    let steps = json!([{"id": "one", "run": "printf 'half '; sleep 0.3; echo 'error: no' >&2; sleep 0.3; echo done"},
                       {"run": "printf '\\033[33mwarning: yellow\\033[0m'"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    server.api.ended(&id).await;
    let page = server.api.json(&format!("/jobs/{id}/lines")).await;
    assert_eq!((&page["totalLines"], &page["complete"]), (&json!(3), &json!(true)));
    let items = page["items"].as_array().expect("a page has items");
    let short: Vec<Value> = items
        .iter()
        .map(|item| {
            json!([
                item["line"],
                item["stream"],
                item["stage"],
                item["stepId"],
                item["level"],
                item["text"],
                item["truncated"]
            ])
        })
        .collect();
    let expected = json!([
        [1, "stdout", "execute", "one", "info", "half done", false],
        [2, "stderr", "execute", "one", "error", "error: no", false],
        [3, "stdout", "execute", "step-2", "warn", "\u{1b}[33mwarning: yellow\u{1b}[0m", false],
    ]);
    assert_eq!(json!(short), expected);
    let events = server.api.events(&id).await;
    for item in items {
        let sent = events.iter().find(|event| event["seq"] == item["seq"]).expect("the line was sent live");
        let text = item["text"].as_str().expect("a text");
        assert!(
            sent["message"].as_str().expect("a text").contains(text.get(..4).expect("the line has text")),
            "{item}"
        );
        assert_eq!((&sent["payload"]["time"], &sent["payload"]["line"]), (&item["time"], &item["line"]));
    }
}

#[tokio::test]
async fn the_text_of_a_line_is_as_a_terminal_shows_it_after_all_rewrites() {
    let server = TestServer::start().await;
    let script = "printf 'abcdef\\033[3DX\\n'; printf '100 %%\\r 50 %%\\n'; printf 'gone\\r\\033[K\\033[31mred\\033[0m\\n'; \
                  printf 'windows\\r\\n'; seq -f 'step %.0f of 100000' -s \"$(printf '\\r')\" 100000";
    let id = server.api.submit(json!({"run": script})).await;
    server.api.ended(&id).await;
    let page = server.api.json(&format!("/jobs/{id}/lines")).await;
    let items = page["items"].as_array().expect("a page has items");
    let shown: Vec<Value> = items.iter().map(|item| json!([item["text"], item["truncated"]])).collect();
    let expected = json!([
        ["abcXef", false],
        [" 50 %", false],
        ["\u{1b}[31mred\u{1b}[0m", false],
        ["windows", false],
        ["step 100000 of 100000", false],
    ]);
    assert_eq!(json!(shown), expected);
    let log = server.api.get(&format!("/jobs/{id}/log")).await.text().await.expect("a body");
    assert!(log.starts_with("abcdef\u{1b}[3DX\n100 %\r 50 %\n"), "the log contains every byte");
}

#[tokio::test]
async fn lines_are_returned_by_number_or_from_the_end_during_and_after_the_job() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("seq 1000; {}; seq 1001 1500", gate.wait())})).await;
    let has_printed = |events: &[Value]| {
        of_kind(events, "log")
            .iter()
            .any(|event| event["message"].as_str().is_some_and(|text| text.ends_with("1000\n")))
    };
    server.api.events_when(&id, "contain a thousand lines", has_printed).await;
    let check = async |query: &str, numbers: std::ops::Range<usize>, total: usize, complete: bool| {
        let page = server.api.json(&format!("/jobs/{id}/lines?{query}")).await;
        let items = page["items"].as_array().expect("a page has items");
        let found: Vec<usize> = items.iter().map(|item| number(&item["line"])).collect();
        assert_eq!(found, numbers.collect::<Vec<_>>(), "{query}");
        assert!(items.iter().all(|item| item["text"].as_str() == Some(&item["line"].to_string())), "{query}");
        assert_eq!((number(&page["totalLines"]), page["complete"] == true), (total, complete), "{query}");
    };
    check("", 1..201, 1000, false).await;
    check("from=-3", 998..1001, 1000, false).await;
    check("from=-2000&count=2", 1..3, 1000, false).await;
    check("from=999&count=2000", 999..1001, 1000, false).await;
    check("from=1001", 1001..1001, 1000, false).await;
    gate.open();
    server.api.ended(&id).await;
    check("from=1&count=2000", 1..1501, 1500, true).await;
    check("from=-1", 1500..1501, 1500, true).await;
    check("from=700&count=1&attempt=1&full=false", 700..701, 1500, true).await;
}

#[tokio::test]
async fn lines_are_returned_from_a_time_on_during_and_after_the_job() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let run = format!(
        "for i in $(seq 20); do echo $i; sleep 0.02; done; printf unfinished; {}; echo; seq 21 30",
        gate.wait()
    );
    let id = server.api.submit(json!({"run": run})).await;
    // After a pause, the word may be split across two events, so the restored output is checked.
    let is_unfinished = |events: &[Value]| restore(events, 1).ends_with(b"unfinished");
    server.api.events_when(&id, "end with an unfinished line", is_unfinished).await;
    let check = async || {
        let all = server.api.json(&format!("/jobs/{id}/lines")).await;
        let items = all["items"].as_array().expect("a page has items");
        for item in items {
            let time = item["time"].as_str().expect("a line has a time");
            let first = items.iter().find(|other| other["time"].as_str() >= Some(time)).expect("the line itself");
            let page = server.api.json(&format!("/jobs/{id}/lines?at={time}&count=2")).await;
            assert_eq!(page["items"][0]["line"], first["line"], "at {time}");
            assert_eq!(page["totalLines"], all["totalLines"]);
        }
        let before = server.api.json(&format!("/jobs/{id}/lines?at=2001-01-01T00:00:00Z&count=1")).await;
        assert_eq!(before["items"][0]["line"], 1);
        let after = server.api.json(&format!("/jobs/{id}/lines?at=2999-01-01T00:00:00Z&count=1")).await;
        assert_eq!((&after["items"], &after["totalLines"]), (&json!([]), &all["totalLines"]));
        items.len()
    };
    assert_eq!(check().await, 21);
    gate.open();
    server.api.ended(&id).await;
    assert_eq!(check().await, 31);
    for (query, says) in
        [("at=yesterday", "at: "), ("at=2999-01-01T00:00:00Z&from=1", "from cannot be combined with at")]
    {
        let reply = server.api.get(&format!("/jobs/{id}/lines?{query}")).await;
        assert_eq!(reply.status(), 422, "{query}");
        let body: Value = reply.json().await.expect("an error is JSON");
        assert!(body["detail"]["message"].as_str().is_some_and(|message| message.contains(says)), "{query}: {body}");
    }
}

#[tokio::test]
async fn a_line_longer_than_16_kib_is_truncated_unless_all_of_it_is_requested() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("head -c 200000 /dev/zero | tr '\\0' x; echo; echo after").await;
    let page = server.api.json(&format!("/jobs/{id}/lines")).await;
    let text = |item: &Value| item["text"].as_str().expect("a text").len();
    assert_eq!((text(&page["items"][0]), &page["items"][0]["truncated"]), (16 << 10, &json!(true)));
    assert_eq!(page["items"][1]["text"], "after");
    let full = server.api.json(&format!("/jobs/{id}/lines?from=1&full=true")).await;
    assert_eq!((text(&full["items"][0]), &full["items"][0]["truncated"]), (200_000, &json!(false)));
    assert_eq!(full["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_line_that_was_not_sent_live_has_no_event_but_is_in_the_log() {
    let server = TestServer::start_with(|config| config.jobs.live_log_events = false).await;
    let (id, _) = server.api.run("seq 5").await;
    let page = server.api.json(&format!("/jobs/{id}/lines")).await;
    let items = page["items"].as_array().expect("a page has items");
    assert_eq!(items.len(), 5);
    assert!(items.iter().all(|item| item["seq"].is_null() && item["stepId"] == "run"), "{page}");
}

#[tokio::test]
async fn a_job_that_has_not_run_has_an_empty_log_that_is_complete_once_it_is_cancelled() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    for complete in [false, true] {
        let page = server.api.json(&format!("/jobs/{id}/lines")).await;
        assert_eq!(page, json!({"items": [], "totalLines": 0, "complete": complete}));
        assert_eq!(server.api.get(&format!("/jobs/{id}/log")).await.text().await.expect("a body"), "");
        server.api.post(&format!("/jobs/{id}/cancel"), &json!({})).await;
    }
}

#[tokio::test]
async fn invalid_parameters_of_log_and_lines_are_refused_with_their_names() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("echo x").await;
    let table = [
        ("lines?from=0", "from"),
        ("lines?from=first", "from"),
        ("lines?from=1.5", "from"),
        ("lines?count=0", "count"),
        ("lines?count=2001", "count"),
        ("lines?count=-1", "count"),
        ("lines?full=true&count=2", "count"),
        ("lines?full=yes", "full"),
        ("lines?raw=yes", "raw"),
        ("lines?attempt=0", "attempt"),
        ("lines?attempt=2", "attempt"),
        ("lines?stream=stdout", "stream"),
        ("log?stage=build", "stage"),
        ("log?stream=both", "stream"),
        ("log?timestamps=1", "timestamps"),
        ("log?follow=maybe", "follow"),
        ("log?attempt=last", "attempt"),
        ("log?attempt=2", "attempt"),
        ("log?attempt=2&follow=true", "attempt"),
        ("log?from=3", "from"),
    ];
    for (query, name) in table {
        let reply = server.api.get(&format!("/jobs/{id}/{query}")).await;
        assert_eq!(reply.status(), 422, "{query}");
        let body: Value = reply.json().await.expect("an error is JSON");
        assert_eq!(body["detail"]["code"], "invalid_query", "{query}");
        assert!(body["detail"]["message"].as_str().is_some_and(|message| message.starts_with(name)), "{query}: {body}");
    }
    for path in ["log", "lines", "log?follow=true"] {
        for unknown in ["01890000-0000-7000-8000-000000000000", "42"] {
            assert_eq!(server.api.get(&format!("/jobs/{unknown}/{path}")).await.status(), 404, "{path}");
        }
    }
}
