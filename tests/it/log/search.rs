//! Tests of `/log/search`: which lines are found, how the results are divided, and what is refused.

use std::io::Write;
use std::process::{Command, Stdio};

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use crate::harness::gate::Gate;
use crate::harness::{Random, TestServer, number, of_kind};

/// Ways to search, as parameters of the API and as options of `grep`.
const WAYS: [(&str, &str); 6] = [
    ("", "-F"),
    ("&ignoreCase=true", "-Fi"),
    ("&invert=true", "-Fv"),
    ("&regex=true", "-E"),
    ("&regex=true&ignoreCase=true", "-Ei"),
    ("&regex=true&invert=true&ignoreCase=true", "-Eiv"),
];

/// Patterns that mean the same to `grep -E` and to the server.
const PATTERNS: [&str; 10] = ["a", "Ab", "error", "^b", "c$", "^$", "a.*c", "(ab|ba)+c?", "[^a-c]", "é"];

/// The last line of the first half of a job's output, on both streams.
const HALF: &str = "---half---";

/// Prints random lines: some coloured, some that overwrite themselves, some empty, and an unfinished last one.
fn random_script(random: &mut Random) -> String {
    let words = ["a", "b", "c", "Ab", "error:", "é", "\\033[31m", "\\033[0m", "50 %%\\r", "\\t", " "];
    let mut line = || {
        let text: String = (0..random.below(8)).map(|_| words[random.below(words.len())]).collect();
        let end = if random.below(9) == 0 { "" } else { "\\n" };
        let stream = if random.below(4) == 0 { ">&2" } else { "" };
        format!("printf '{text}{end}' {stream}\n")
    };
    (0..60).map(|_| line()).collect()
}

/// Returns all lines as a reader sees them.
async fn visible_lines(server: &TestServer, id: &str, attempt: i64) -> Vec<String> {
    let page = server.api.json(&format!("/jobs/{id}/lines?count=2000&attempt={attempt}")).await;
    let items = page["items"].as_array().expect("a page has items");
    assert_eq!(number(&page["totalLines"]), items.len());
    let text = |item: &Value| model::ansi::plain_text(item["text"].as_str().expect("a text")).into_owned();
    items.iter().map(text).collect()
}

/// Returns the numbers of the lines that `grep -n` prints.
fn grep(options: &str, pattern: &str, lines: &[String]) -> Vec<i64> {
    let mut grep = Command::new("grep")
        .args(["-n", "-a", options, "-e", pattern])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("grep is installed");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    grep.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("grep reads it all");
    let found = grep.wait_with_output().expect("grep ends").stdout;
    let found = String::from_utf8(found).expect("grep prints UTF-8");
    found.lines().map(|line| line.split_once(':').expect("a number").0.parse().expect("a number")).collect()
}

async fn search(server: &TestServer, id: &str, query: &str) -> Value {
    server.api.json(&format!("/jobs/{id}/log/search?{query}")).await
}

fn encoded(pattern: &str) -> String {
    pattern.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Compares searches with `grep` on the lines of one attempt. Returns the number of lines that were found.
async fn compare(server: &TestServer, random: &mut Random, id: &str, attempt: i64, searches: usize) -> usize {
    let lines = visible_lines(server, id, attempt).await;
    let mut found = 0;
    for _ in 0..searches {
        let (pattern, (way, options)) = (PATTERNS[random.below(PATTERNS.len())], WAYS[random.below(WAYS.len())]);
        let query = format!("q={}{way}&attempt={attempt}&limit=2000", encoded(pattern));
        let page = search(server, id, &query).await;
        let expected = grep(options, pattern, &lines);
        assert_eq!(page["lines"], json!(expected), "{options} {pattern:?} in {lines:?}");
        let items = page["items"].as_array().expect("a page has items");
        let numbers: Vec<i64> = items.iter().map(|item| item["line"].as_i64().expect("a number")).collect();
        assert_eq!((number(&page["matches"]), numbers), (expected.len(), expected.clone()), "{page}");
        for item in items {
            let line = &lines[number(&item["line"]) - 1];
            let shown = model::ansi::plain_text(item["text"].as_str().expect("a text")).into_owned();
            assert_eq!(&shown, line);
            for range in item["ranges"].as_array().expect("a list") {
                let (from, to) = (number(&range[0]), number(&range[1]));
                let text: String = line.chars().skip(from).take(to - from).collect();
                assert!(
                    !grep(options, pattern, std::slice::from_ref(&text)).is_empty() || pattern.contains(['^', '$']),
                    "{text:?}"
                );
            }
        }
        found += expected.len();
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_running_and_finished_attempts_find_what_grep_finds() {
    let (server, mut random) = (TestServer::start().await, Random::new("search"));
    let mut found = 0;
    // Only one job is retried, because a retry waits for some seconds.
    for attempts in [2, 1, 1, 1, 1, 1] {
        let gate = Gate::new();
        let (first, second) = (random_script(&mut random), random_script(&mut random));
        let script = format!("{first}printf '\\n{HALF}\\n'; printf '\\n{HALF}\\n' >&2; {}; {second}", gate.wait());
        let id = server
            .api
            .submit_job(
                json!({"type": "command", "payload": {"run": format!("{script}\nexit 1")}, "maxAttempts": attempts}),
            )
            .await;
        // The end of the first half has been read from both streams, and so has all output before it.
        crate::harness::until_async("the first half has arrived", async || {
            let path = format!("/jobs/{id}/log/search?q={HALF}");
            server.api.json(&path).await["matches"] == 2
        })
        .await;
        found += compare(&server, &mut random, &id, 1, 10).await;
        gate.open();
        server.api.ended(&id).await;
        found += compare(&server, &mut random, &id, 1, 20).await;
        found += compare(&server, &mut random, &id, attempts, 20).await;
    }
    assert!(found > 1000, "the patterns match many lines: {found}");
}

#[tokio::test]
async fn a_search_also_finds_lines_that_were_not_sent_live() {
    let server = TestServer::start_with(|config| {
        config.live_job_bytes = 10_000;
        config.live_tail_bytes = 10_000;
    })
    .await;
    let (id, _) = server.api.run("seq 100000").await;
    assert!(!of_kind(&server.api.events(&id).await, "gap").is_empty(), "most lines are in a gap");
    let page = search(&server, &id, "q=4999&limit=3").await;
    assert_eq!(page["lines"], json!([4999, 14999, 24999]));
    assert_eq!((&page["next"], &page["done"]), (&json!(25000), &json!(false)));
}

#[tokio::test]
async fn pages_in_both_directions_contain_every_match_once() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 60000").await;
    let expected: Vec<i64> = (1..=60_000).filter(|number: &i64| number.to_string().contains("777")).collect();
    let (mut forward, mut next) = (Vec::new(), json!(1));
    while !next.is_null() {
        let page = search(&server, &id, &format!("q=777&limit=20&from={next}")).await;
        forward.extend(page["lines"].as_array().expect("a list").iter().map(|line| line.as_i64().expect("a number")));
        next = page["next"].clone();
    }
    assert_eq!(forward, expected);
    let (mut backward, mut next) = (Vec::new(), json!(100_000));
    while !next.is_null() {
        let page = search(&server, &id, &format!("q=777&limit=20&before={next}")).await;
        backward.extend(page["lines"].as_array().expect("a list").iter().map(|line| line.as_i64().expect("a number")));
        next = page["next"].clone();
    }
    backward.reverse();
    assert_eq!(backward, expected);
}

/// Requests the results of a search as a stream.
async fn parts(server: &TestServer, id: &str, query: &str) -> Vec<Value> {
    let path = format!("/jobs/{id}/log/search?{query}");
    let reply = server.api.request(Method::GET, &path).header(ACCEPT, "application/x-ndjson").send().await;
    let reply = reply.expect("the server answers");
    assert_eq!(reply.headers()["content-type"], "application/x-ndjson");
    let body = reply.text().await.expect("the body is complete");
    body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_results_counts_every_match_and_ends_when_everything_has_been_searched() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 2000000").await;
    let parts = parts(&server, &id, "q=5&limit=7").await;
    assert!(parts.len() > 2, "the results arrive in parts");
    let all =
        |name: &str| parts.iter().flat_map(|part| part[name].as_array().expect("a list").clone()).collect::<Vec<_>>();
    let expected: Vec<i64> = (1..=2_000_000).filter(|number: &i64| number.to_string().contains('5')).collect();
    let items: Vec<i64> = all("items").iter().map(|item| item["line"].as_i64().expect("a number")).collect();
    assert_eq!(items, expected[..7]);
    assert!(
        all("lines") == expected[..100_000].iter().map(|line| json!(line)).collect::<Vec<_>>(),
        "the numbers are limited"
    );
    let counts: Vec<usize> = parts.iter().map(|part| number(&part["matches"])).collect();
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&expected.len()));
    let (last, before) = parts.split_last().expect("there are parts");
    assert_eq!((&last["done"], &last["next"], &last["totalLines"]), (&json!(true), &Value::Null, &json!(2_000_000)));
    assert!(before.iter().all(|part| part["done"] == json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_searches_of_a_compressed_log_find_what_they_found_before_its_compression() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 2000000").await;
    let before = parts(&server, &id, "q=5&limit=7").await;
    let log = server.data.path().join("spool").join(&id).join("1").join("output.log");
    crate::harness::until("the log is compressed", || !log.exists()).await;
    for _ in 0..4 {
        let search = || parts(&server, &id, "q=5&limit=7");
        let (first, second) = tokio::join!(search(), search());
        assert!(first == before && second == before);
    }
}

#[tokio::test]
async fn as_text_a_search_returns_the_exact_lines_even_if_they_are_not_consecutive() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("printf 'one\\377x\\n\\033[31mtwo\\033[0m\\rx\\n'; seq 200000; printf 'x end'").await;
    let text = async |query: &str| {
        let path = format!("/jobs/{id}/log/search?{query}");
        let reply = server.api.request(Method::GET, &path).header(ACCEPT, "text/plain").send().await;
        let reply = reply.expect("the server answers");
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["content-type"]),
            (200, &"text/plain; charset=utf-8".parse().expect("a header"))
        );
        reply.bytes().await.expect("the body is complete").to_vec()
    };
    assert_eq!(text("q=x").await, b"one\xffx\n\x1b[31mtwo\x1b[0m\rx\nx end\n");
    let expected: String = (1..=200_000)
        .filter(|number: &i64| number.to_string().contains('7'))
        .map(|number| format!("{number}\n"))
        .collect();
    assert!(text("q=7").await == expected.as_bytes(), "all matching lines, in order");
    let timed = String::from_utf8(text("q=x+end&timestamps=true").await).expect("the line is ASCII");
    let (time, line) = timed.split_once(' ').expect("a time and the line");
    assert!(time.parse::<model::Timestamp>().is_ok() && line == "x end\n", "{timed}");
    let reply = server.api.get(&format!("/jobs/{id}/log/search?q=x&timestamps=true")).await;
    assert_eq!(reply.status(), 422, "JSON already contains the times");
}

#[tokio::test]
async fn a_search_of_a_running_job_says_from_which_line_to_continue() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("printf 'one\\ntw'; {}; echo o; echo three", gate.wait())})).await;
    server
        .api
        .events_when(&id, "both lines have arrived", |events| {
            of_kind(events, "log")
                .iter()
                .any(|event| event["message"].as_str().is_some_and(|text| text.ends_with("tw")))
        })
        .await;
    let page = search(&server, &id, "q=o").await;
    assert_eq!((&page["lines"], &page["next"], &page["done"]), (&json!([1]), &json!(2), &json!(true)));
    gate.open();
    server.api.ended(&id).await;
    let page = search(&server, &id, "q=o&from=2").await;
    assert_eq!((&page["lines"], &page["next"], &page["done"]), (&json!([2]), &Value::Null, &json!(true)));
    let page = search(&server, &id, "q=o&from=9").await;
    assert_eq!((&page["lines"], &page["next"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn lines_are_selected_by_level_step_and_stream_without_a_text() {
    let server = TestServer::start().await;
    let steps =
        json!([{"id": "one", "run": "echo fine; echo 'error: no'"}, {"id": "two", "run": "echo two; echo err >&2"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    server.api.ended(&id).await;
    for (query, expected) in [
        ("level=error", vec!["error: no"]),
        ("level=warn,error", vec!["error: no", "err"]),
        ("stepId=two&stream=stdout", vec!["two"]),
        ("stage=execute&q=o", vec!["error: no", "two"]),
        ("stage=publish", vec![]),
        ("stepId=none", vec![]),
    ] {
        let page = search(&server, &id, query).await;
        let texts: Vec<&Value> = page["items"].as_array().expect("a list").iter().map(|item| &item["text"]).collect();
        assert_eq!(json!(texts), json!(expected), "{query}");
    }
}

#[tokio::test]
async fn a_secret_is_not_found_but_its_mask_is() {
    let server = TestServer::start().await;
    let env = json!({"MY_TOKEN": "hunter2-supersecret"});
    let id = server.api.submit(json!({"run": "echo it is $MY_TOKEN", "env": env})).await;
    server.api.ended(&id).await;
    assert_eq!(search(&server, &id, "q=hunter2").await["lines"], json!([]));
    assert_eq!(search(&server, &id, "q=%5BREDACTED%5D").await["lines"], json!([1]));
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused_with_the_reason() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("echo one").await;
    let long = "x".repeat(4001);
    for (query, reason) in [
        (String::new(), "q: specify the text to search for"),
        ("q=".into(), "q: specify the text to search for"),
        ("invert=true&level=info".into(), "q: specify the text to search for"),
        ("q=(&regex=true".into(), "q: not a valid regular expression: unclosed group"),
        ("q=(a%7B1000%7D)%7B1000%7D&regex=true".into(), "too large"),
        ("q=a&regex=yes".into(), "regex: must be one of true, false"),
        ("q=a&from=0".into(), "from: must be 1 to"),
        ("q=a&from=1&before=2".into(), "from, before: specify one of them"),
        ("q=a&limit=2001".into(), "limit: must be 1 to 2000"),
        ("q=a&limit=0".into(), "limit: must be 1 to 2000"),
        ("q=a%0Ab".into(), "q: must not contain a line break"),
        ("q=a&level=debug".into(), "level: must be info, warn or error, not \"debug\""),
        ("q=a&attempt=9".into(), "there is no attempt 9"),
        ("q=a&colour=red".into(), "colour is not a parameter of this path"),
        (format!("q={long}"), "q: must not be longer than 4000 bytes"),
    ] {
        let reply = server.api.get(&format!("/jobs/{id}/log/search?{query}")).await;
        let status = reply.status().as_u16();
        let body: Value = reply.json().await.expect("JSON");
        let message = body["detail"]["message"].as_str().expect("a message");
        assert!(status == 422 && message.contains(reason), "{query}: {status} {message}");
    }
}
