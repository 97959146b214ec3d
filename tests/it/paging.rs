//! Polling with any cursor or filter returns exactly the matching events, with the same bytes as the stream.

use std::collections::HashSet;

use engine::queue::Ending;
use model::Timestamp;
use serde_json::{Value, json};

use crate::harness::page::seq_of;
use crate::harness::sse::Stream;
use crate::harness::store::{Output, Store, failed};
use crate::harness::{Api, Random, TestServer, number, sha256};

/// Simulates a job with two attempts and about `events` events in total, and starts a server with the stored data.
async fn two_attempts(random: Random, events: usize) -> (TestServer, String) {
    let store = Store::open().await;
    let id = store.submit().await;
    let mut output = Output::new(random, 5..=50);
    store.attempt(&mut output, events / 3, failed()).await;
    store.skip_back_off().await;
    store.attempt(&mut output, events - events / 3, Ending::Succeeded).await;
    (TestServer::start_over(store.close().await, |_| {}).await, id)
}

#[tokio::test]
async fn polling_and_streaming_return_byte_identical_items() {
    let server = TestServer::start().await;
    let odd = r#"printf 'a\377\000"\\\342\200\250 \360\237\230\200\r\n'; printf '\033[31mred' >&2; printf '<b>&\t\n'"#;
    let id = server.api.submit(json!({"steps": [{"run": odd, "name": "\u{202e}odd\""}, {"run": "exit 3"}]})).await;
    let items_of = |frames: Vec<crate::harness::sse::Frame>| {
        let events = frames.into_iter().filter(|frame| frame.event == "queue_event");
        events.map(|frame| (frame.id, frame.data)).collect::<Vec<_>>()
    };
    let live = items_of(Stream::open(&server.api, &id, "", None).await.rest().await);
    let stored = items_of(Stream::open(&server.api, &id, "", None).await.rest().await);
    let polled = server.api.raw_items(&id, "", 3).await;
    let polled: Vec<_> = polled.into_iter().map(|item| (Some(seq_of(&item)), item)).collect();
    assert_eq!(live, polled);
    assert_eq!(stored, polled);
    let mut newest_first = server.api.page(&id, "sort=desc").await.items;
    newest_first.reverse();
    assert!(newest_first.iter().map(|item| item.get()).eq(polled.iter().map(|(_, item)| item.as_str())));
}

#[tokio::test]
async fn a_log_has_consecutive_seqs_increasing_times_and_an_end_event_with_totals() {
    let server = TestServer::start().await;
    let run = "i=0; while [ $i -lt 300 ]; do echo $i; echo e $i >&2; i=$((i+1)); done; printf unfinished";
    let (id, job) = server.api.run(run).await;
    let events = server.api.events(&id).await;
    for (seq, event) in (1..).zip(&events) {
        assert_eq!(event["seq"], seq);
        assert_eq!(event["jobId"], id.as_str());
    }
    let time = |event: &Value| event["createdAt"].as_str().expect("an event has a time").to_owned();
    assert!(events.windows(2).all(|two| time(&two[0]) < time(&two[1])), "times strictly increase");
    assert_eq!(events.iter().filter(|event| event["payload"]["kind"] == "end").count(), 1);
    let output = server.api.output(&id, 1).await;
    let end = &events.last().expect("the list is not empty")["payload"];
    let expected = json!({
        "kind": "end", "status": "succeeded", "attempt": 1, "lastSeq": events.len(), "lines": 601,
        "bytes": output.len(), "logSha256": sha256(&output),
    });
    assert_eq!(end, &expected);
    assert_eq!(job["lastSeq"], end["lastSeq"]);
    assert_eq!(
        [&job["logLines"], &job["logBytes"], &job["logSha256"]],
        [&end["lines"], &end["bytes"], &end["logSha256"]]
    );
}

#[tokio::test]
async fn a_job_cancelled_before_it_ran_ends_with_attempt_0_and_the_checksum_of_empty_output() {
    let server = TestServer::start().await;
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let reply = server.api.post(&format!("/jobs/{id}/cancel"), &json!({"reason": "no need"})).await;
    assert_eq!(reply.status(), 200);
    let events = server.api.events(&id).await;
    let end = &events.last().expect("the list is not empty")["payload"];
    let expected = json!({
        "kind": "end", "status": "cancelled", "attempt": 0, "lastSeq": events.len(), "lines": 0, "bytes": 0,
        "logSha256": sha256(b""),
    });
    assert_eq!(end, &expected);
}

#[tokio::test]
async fn a_time_cursor_is_as_exact_as_a_seq_cursor() {
    let (server, id) = two_attempts(Random::new("a_time"), 9).await;
    let events = server.api.events(&id).await;
    let time_of =
        |event: &Value| -> Timestamp { event["createdAt"].as_str().expect("a time").parse().expect("a time") };
    let times: Vec<Timestamp> = events.iter().map(time_of).collect();
    for at in times.iter().flat_map(|at| [-1, 0, 1].map(|step| Timestamp(at.0 + step))) {
        let later: Vec<i64> = (1..).zip(&times).filter(|(_, time)| **time > at).map(|(seq, _)| seq).collect();
        let earlier: Vec<i64> = (1..).zip(&times).filter(|(_, time)| **time < at).map(|(seq, _)| seq).collect();
        let without_zone = at.to_string().trim_end_matches('Z').to_owned();
        let in_paris = format!("{}%2B02:00", Timestamp(at.0 + 7_200_000_000).to_string().trim_end_matches('Z'));
        for text in [at.to_string(), without_zone, in_paris] {
            assert_eq!(server.api.page(&id, &format!("after={text}")).await.seqs(), later, "after={text}");
            assert_eq!(server.api.page(&id, &format!("before={text}")).await.seqs(), earlier, "before={text}");
            let mut newest_first = server.api.page(&id, &format!("before={text}&sort=desc")).await.seqs();
            newest_first.reverse();
            assert_eq!(newest_first, earlier, "before={text}&sort=desc");
        }
    }
    for seq in 0..=i64::try_from(events.len()).expect("the number is small") {
        let after = server.api.page(&id, &format!("after={seq}&limit=1")).await.seqs();
        assert_eq!(after.first().copied().unwrap_or(seq + 1), seq + 1);
        let before = server.api.page(&id, &format!("before={seq}&limit=1&sort=desc")).await.seqs();
        assert_eq!(before.first().copied().unwrap_or(0), (seq - 1).max(0));
    }
}

#[tokio::test]
async fn an_event_id_breaks_ties_between_equal_times() {
    let (server, id) = two_attempts(Random::new("a_tie"), 12).await;
    let [first, last] = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
    for event in &server.api.events(&id).await[1..] {
        let (seq, own) = (event["seq"].as_i64().expect("a seq"), event["id"].as_str().expect("an id"));
        let time = event["createdAt"].as_str().expect("a time");
        for (name, expected) in [(own, seq + 1), (first, seq), (last, seq + 1)] {
            let page = server.api.page(&id, &format!("after={time}&afterEventId={name}&limit=1")).await;
            assert!(page.seqs().first().is_none_or(|found| *found == expected), "after {seq} {name}: {page:?}");
            assert_eq!(page.items.is_empty(), expected > page.last_seq);
        }
        for (name, expected) in [(own, seq - 1), (first, seq - 1), (last, seq)] {
            let page = server.api.page(&id, &format!("before={time}&beforeEventId={name}&limit=1&sort=desc")).await;
            assert_eq!(page.seqs(), [expected], "before {seq} {name}");
        }
    }
}

#[tokio::test]
async fn newest_first_pages_reach_the_start_without_gaps_or_repeats() {
    let (server, id) = two_attempts(Random::new("newest_first"), 130).await;
    let oldest_first = server.api.raw_items(&id, "", 500).await;
    for filter in ["", "&kind=log", "&kind=step,job", "&stream=stderr&stepId=test"] {
        let expected = server.api.raw_items(&id, filter, 500).await;
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.api.page(&id, &format!("sort=desc&limit=7{filter}{cursor}")).await;
            items.extend(page.items.iter().map(|item| item.get().to_owned()));
            cursor = format!("&before={}", page.next_before);
            if !page.has_more {
                break;
            }
        }
        items.reverse();
        assert_eq!(items, expected, "{filter}");
    }
    let up_to = server.api.page(&id, "before=100&limit=500").await;
    assert_eq!(up_to.items.len(), 99);
    assert!(up_to.items.iter().zip(&oldest_first).all(|(item, expected)| item.get() == expected));
}

/// A function that returns the query parameters for the page that begins after (or before) an event. The arguments are
/// the direction, `after` or `before`, and the event.
type CursorOf = fn(&str, &Value) -> String;

#[tokio::test]
async fn six_hundred_events_of_one_append_are_read_once_with_every_cursor_in_both_directions() {
    let store = Store::open().await;
    let id = store.submit().await;
    let mut output = Output::new(Random::new("one append"), 5..=50);
    store.attempt_in_batches(&mut output, 600, 600, Ending::Succeeded).await;
    let server = TestServer::start_over(store.close().await, |_| {}).await;
    let cursors: [CursorOf; 3] = [
        |edge, event| format!("{edge}={}", event["seq"]),
        |edge, event| format!("{edge}={}", event["createdAt"].as_str().expect("a time")),
        |edge, event| {
            let [time, id] = ["createdAt", "id"].map(|name| event[name].as_str().expect("a text"));
            format!("{edge}={time}&{edge}EventId={id}")
        },
    ];
    for (sort, edge) in [("asc", "after"), ("desc", "before")] {
        for cursor in cursors {
            let (mut seqs, mut query) = (Vec::new(), String::new());
            let last_seq = loop {
                let page = server.api.page(&id, &format!("sort={sort}&limit=97{query}")).await;
                seqs.extend(page.seqs());
                if !page.has_more {
                    break page.last_seq;
                }
                let last = page.items.last().expect("a page before others is not empty").get();
                query = format!("&{}", cursor(edge, &serde_json::from_str(last).expect("it is JSON")));
            };
            if sort == "desc" {
                seqs.reverse();
            }
            assert!(last_seq > 600 && seqs.iter().copied().eq(1..=last_seq), "{sort} {query}: {seqs:?}");
        }
    }
}

#[tokio::test]
async fn a_page_has_as_many_events_as_requested() {
    let (server, id) = two_attempts(Random::new("limits"), 600).await;
    for (query, count) in [("", 200), ("limit=1", 1), ("limit=500", 500), ("sort=desc", 200), ("after=10&limit=", 200)]
    {
        let page = server.api.page(&id, query).await;
        assert_eq!((page.items.len(), page.has_more), (count, true), "{query}");
    }
    for limit in ["0", "501", "-1", "1.5", "many", "99999999999999999999"] {
        let reply = server.api.get(&format!("/jobs/{id}/events?limit={limit}")).await;
        assert_eq!(reply.status(), 422, "{limit}");
    }
}

#[tokio::test]
async fn a_cursor_beyond_the_end_returns_an_empty_page() {
    let (server, id) = two_attempts(Random::new("beyond"), 10).await;
    let last = server.api.page(&id, "").await.last_seq;
    let (next, most) = (last + 1, i64::MAX);
    let beyond = [
        format!("after={last}"),
        format!("after={next}"),
        format!("after={most}"),
        "after=9998-12-31T23:59:59Z".to_owned(),
        "before=1".to_owned(),
        "before=0".to_owned(),
        "before=1&sort=desc".to_owned(),
        "before=1970-01-01T00:00:00Z&sort=desc".to_owned(),
    ];
    for query in beyond {
        let page = server.api.page(&id, &query).await;
        assert!(page.items.is_empty() && !page.has_more && page.terminal, "{query}: {page:?}");
    }
    for query in [format!("before={most}"), "before=9998-12-31T23:59:59&sort=desc".to_owned()] {
        assert_eq!(server.api.page(&id, &query).await.items.len(), number(&json!(last)), "{query}");
    }
}

#[tokio::test]
async fn a_filter_returns_the_same_events_as_filtering_the_whole_log() {
    let mut random = Random::new("filters");
    let (server, id) = two_attempts(Random::new("their log"), 300).await;
    let all = server.api.events(&id).await;
    let mut matched = HashSet::new();
    for _ in 0..60 {
        let filter = [
            pick(&mut random, "kind", &["log", "step", "job,end,attempt", "log,step", "nothing"]),
            pick(&mut random, "level", &["info", "warn", "error"]),
            pick(&mut random, "stream", &["stdout", "stderr"]),
            pick(&mut random, "stepId", &["build", "test", "pack", "nothing"]),
            pick(&mut random, "attempt", &["0", "1", "2", "3"]),
        ];
        let wanted = |event: &&Value| filter.iter().flatten().all(|(name, value)| has(event, name, value));
        let expected: Vec<&Value> = all.iter().filter(wanted).collect();
        let given: Vec<String> = filter.iter().flatten().map(|(name, value)| format!("&{name}={value}")).collect();
        let query = given.concat();
        let items = server.api.raw_items(&id, &query, 1 + random.below(60)).await;
        let items: Vec<Value> =
            items.iter().map(|item| serde_json::from_str(item).expect("the text is JSON")).collect();
        assert!(items.iter().eq(expected), "{query}");
        matched.insert(items.len());
    }
    assert!(matched.len() > 5, "the filters select different events: {matched:?}");
}

/// Returns a filter with a random value, or `None` in half of the cases.
fn pick<'a>(random: &mut Random, name: &'a str, values: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let at = random.below(values.len() * 2);
    values.get(at).map(|value| (name, *value))
}

/// Returns whether an event's JSON matches the filter.
fn has(event: &Value, name: &str, value: &str) -> bool {
    match name {
        "level" => event["level"] == value,
        "attempt" => event["payload"]["attempt"].as_i64() == value.parse().ok(),
        _ => value.split(',').any(|value| event["payload"][name] == value),
    }
}

#[tokio::test]
async fn a_filter_that_matches_nothing_reaches_the_end() {
    let (server, id) = two_attempts(Random::new("nothing"), 5_400).await;
    let last = server.api.page(&id, "limit=1").await.last_seq;
    for filter in ["&kind=nothing", "&stepId=nothing", "&attempt=7", "&kind=log&level=error"] {
        assert!(server.api.raw_items(&id, filter, 500).await.is_empty(), "{filter}");
        let stream = Stream::open(&server.api, &id, &format!("?{}", &filter[1..]), None).await.rest().await;
        let end: Vec<_> = stream.iter().map(|frame| (frame.event.as_str(), frame.id)).collect();
        assert_eq!(end, [("terminal", Some(last))], "{filter}");
    }
    let page = server.api.page(&id, "stepId=nothing").await;
    assert!(
        page.has_more && page.items.is_empty() && page.next_after > 0,
        "a page examines a limited number of events: {page:?}"
    );
}

#[tokio::test]
async fn a_page_ends_at_a_mebibyte_of_text_but_has_at_least_one_event() {
    let store = Store::open().await;
    let id = store.submit().await;
    store.attempt(&mut Output::new(Random::new("a_mebibyte"), 100_000..=1_300_000), 14, Ending::Succeeded).await;
    let server = TestServer::start_over(store.close().await, |_| {}).await;
    let whole = server.api.events(&id).await.len();
    for sort in ["asc", "desc"] {
        check_pages(&server.api, &id, sort, whole).await;
    }
}

async fn check_pages(api: &Api, id: &str, sort: &str, whole: usize) {
    let (mut seen, mut cursor, mut crowded) = (0, String::new(), 0);
    loop {
        let page = api.page(id, &format!("sort={sort}&limit=500{cursor}")).await;
        let text = |item: &str| {
            let item: Value = serde_json::from_str(item).expect("an item is JSON");
            item["message"].as_str().expect("a message is text").len()
        };
        let total: usize = page.items.iter().map(|item| text(item.get())).sum();
        assert!(page.items.len() == 1 || (total <= 1 << 20 && !page.items.is_empty()), "{total} bytes");
        crowded += usize::from(page.has_more);
        seen += page.items.len();
        cursor =
            if sort == "asc" { format!("&after={}", page.next_after) } else { format!("&before={}", page.next_before) };
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, whole);
    assert!(crowded > 3, "{crowded} pages were full");
}
