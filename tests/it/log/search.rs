//! Tests of `/log/search`: which lines are found, how the results are split into pages, and which requests are refused.

use std::collections::HashSet;

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::gate::Gate;
use crate::harness::{TOKEN, TestServer, number, of_kind, tcp, until_async};

async fn search(server: &TestServer, id: &str, query: &str) -> Value {
    server.api.json(&format!("/jobs/{id}/log/search?{query}")).await
}

#[tokio::test]
async fn a_search_also_finds_lines_that_were_not_sent_live() {
    let server = TestServer::start_with(|config| {
        config.jobs.live_job_bytes = 10_000;
        config.jobs.live_tail_bytes = 10_000;
    })
    .await;
    let (id, _) = server.api.run("seq 100000").await;
    assert!(!of_kind(&server.api.events(&id).await, "gap").is_empty(), "most lines are in a gap");
    let page = search(&server, &id, "q=4999&limit=3").await;
    assert_eq!(page["lines"], json!([4999, 14999, 24999]));
    assert_eq!((&page["next"], &page["done"]), (&json!(25000), &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_ends_its_search() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("yes 0123456789012345678901234567890123456789 | head -c 60000000").await;
    // The client reads only the status, so the search cannot send its results to the end.
    let mut socket = tcp::connect(&server.api.base).await;
    let path = format!("/api/queue/jobs/{id}/log/search?q=0&format=text");
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.expect("the server reads it");
    let mut status = [0; 12];
    socket.read_exact(&mut status).await.expect("the server answers");
    assert_eq!((&status, server.api.open_streams().await), (b"HTTP/1.1 200", 1));
    drop(socket);
    until_async("the search has ended", async || server.api.open_streams().await == 0).await;
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

#[tokio::test]
async fn a_line_has_the_same_event_in_both_directions_as_among_all_lines() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("for i in $(seq 20); do seq -f 'line %.0f' 40; echo done >&2; sleep 0.03; done").await;
    let lines = server.api.json(&format!("/jobs/{id}/lines?attempt=1&from=1&count=820")).await;
    let expected: Vec<&Value> = lines["items"].as_array().expect("a list").iter().collect();
    let events: HashSet<Option<i64>> = expected.iter().map(|line| line["seq"].as_i64()).collect();
    assert!(events.len() > 2 && !events.contains(&None), "the lines are in several events");
    let seqs =
        |lines: &[&Value]| lines.iter().map(|line| (line["line"].clone(), line["seq"].clone())).collect::<Vec<_>>();
    for query in ["q=e&limit=500&from=200", "q=e&limit=500&before=700"] {
        let page = search(&server, &id, query).await;
        let mut found: Vec<&Value> = page["items"].as_array().expect("a list").iter().collect();
        found.sort_unstable_by_key(|line| line["line"].as_i64());
        let first = usize::try_from(found[0]["line"].as_i64().expect("a number")).expect("it is positive") - 1;
        assert_eq!(seqs(&found), seqs(&expected[first..first + 500]), "{query}");
    }
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
async fn an_interrupted_stream_of_results_can_be_continued_from_its_last_part() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 600000").await;
    let expected: Vec<i64> = (1..=600_000).filter(|number: &i64| number.to_string().contains("777")).collect();
    for (direction, is_passed) in [
        ("from=1", (|number, next| number < next) as fn(i64, i64) -> bool),
        ("before=700000", |number, next| number >= next),
    ] {
        let parts = parts(&server, &id, &format!("q=777&limit=0&{direction}")).await;
        let (mut found, mut interrupted) = (Vec::new(), 0);
        for part in &parts {
            found.extend(part["lines"].as_array().expect("a list").iter().map(|line| line.as_i64().expect("a number")));
            let passed: Vec<i64> = match part["next"].as_i64() {
                Some(next) => expected.iter().copied().filter(|number| is_passed(*number, next)).collect(),
                None => expected.clone(),
            };
            found.sort_unstable();
            assert_eq!(found, passed, "{direction}");
            interrupted += usize::from(!part["next"].is_null());
        }
        assert!(interrupted > 1, "there are several parts");
        assert!(parts.last().is_some_and(|part| part["next"].is_null()), "the last part says that nothing is left");
    }
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
async fn the_lines_of_a_message_have_its_level_and_can_be_excluded() {
    let server = TestServer::start().await;
    let traceback =
        "printf 'Traceback (most recent call last):\\n  File \"a.py\", line 3, in f\\n    f()\\nValueError: bad\\n'";
    let one = format!("echo fine; {traceback}; echo '    indented'");
    let two = "printf 'warning: hm\\n --> a.rs:1:2\\nerror: bad\\n'";
    let id = server.api.submit(json!({"steps": [{"id": "one", "run": one}, {"id": "two", "run": two}]})).await;
    server.api.ended(&id).await;
    let page = server.api.json(&format!("/jobs/{id}/lines")).await;
    let levels: Vec<&Value> = page["items"].as_array().expect("a list").iter().map(|item| &item["level"]).collect();
    let expected = ["info", "error", "error", "error", "error", "info", "warn", "warn", "error"];
    assert_eq!(json!(levels), json!(expected));
    let page = server.api.json(&format!("/jobs/{id}/lines?from=4&count=1")).await;
    assert_eq!((&page["items"][0]["text"], &page["items"][0]["level"]), (&json!("    f()"), &json!("error")));

    let steps = |one: i64, two: i64| {
        let step = |id, matches| json!({"stage": "execute", "stepId": id, "matches": matches});
        json!([step("one", one), step("two", two)])
    };
    for (query, lines, by_step) in [
        ("level=error", json!([2, 3, 4, 5, 9]), steps(4, 1)),
        ("level=error&continuations=true", json!([2, 3, 4, 5, 9]), steps(4, 1)),
        ("level=error&continuations=false", json!([2, 9]), steps(1, 1)),
        ("level=warn,error&continuations=false", json!([2, 7, 9]), steps(1, 2)),
        ("q=a&continuations=false", json!([2, 7, 9]), steps(1, 2)),
        ("level=error&before=9&continuations=false", json!([2]), json!([steps(1, 1)[0]])),
        ("level=error&limit=1", json!([2]), json!([steps(1, 1)[0]])),
        ("stepId=two&q=File", json!([]), json!([])),
    ] {
        let page = search(&server, &id, query).await;
        assert_eq!((&page["lines"], &page["steps"]), (&lines, &by_step), "{query}");
        let all_have_their_level = |item: &Value| item["level"] == expected[number(&item["line"]) - 1];
        assert!(page["items"].as_array().expect("a list").iter().all(all_have_their_level), "{query}");
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
async fn a_search_finds_the_lines_that_another_job_did_not_print() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let before = "echo built in 17.25 s; echo; printf '\\033[32mok\\033[0m\\n'; seq 100000; echo same >&2";
    let (earlier, _) = server.api.run(before).await;
    let now = "echo built in 3 s; echo; echo ok; seq 5; echo new; echo same; echo 'error: new'; echo 'error: new'";
    let (id, _) = server.api.run(now).await;
    for (query, expected) in [
        (String::new(), vec![9, 11, 12]),
        ("&level=error".to_owned(), vec![11, 12]),
        ("&q=e&invert=true".to_owned(), vec![]),
        ("&q=new&before=12".to_owned(), vec![11, 9]),
        ("&q=n.w&regex=true&limit=1".to_owned(), vec![9]),
    ] {
        let page = search(&server, &id, &format!("notIn={earlier}{query}")).await;
        assert_eq!(page["lines"], json!(expected), "{query}");
    }
    let same = search(&server, &id, &format!("notIn={id}")).await;
    assert_eq!((&same["matches"], &same["totalLines"]), (&json!(0), &json!(12)));
    let all = search(&server, &earlier, &format!("notIn={id}")).await;
    assert_eq!(all["matches"], 0, "each of its lines is known, or differs only in digits");

    let running = server.api.submit(json!({"run": format!("echo fresh; {}", gate.wait())})).await;
    let is_printed = |events: &[Value]| !of_kind(events, "log").is_empty();
    server.api.events_when(&running, "contain output", is_printed).await;
    assert_eq!(search(&server, &running, &format!("notIn={id}")).await["lines"], json!([1]), "while it runs, too");
    let unknown = uuid::Uuid::now_v7();
    for (other, reason) in [
        (running.clone(), "notIn: the job has not finished".to_owned()),
        (unknown.to_string(), "notIn: ".to_owned()),
        ("x".to_owned(), "notIn: \"x\" is not the id of a job".to_owned()),
        (String::new(), "q: specify the text to search for".to_owned()),
    ] {
        let reply = server.api.get(&format!("/jobs/{id}/log/search?notIn={other}")).await;
        let status = reply.status().as_u16();
        let body: Value = reply.json().await.expect("JSON");
        let message = body["detail"]["message"].as_str().expect("a message");
        assert!(status == 422 && message.contains(&reason), "{other}: {status} {message}");
    }
    gate.open();
}

#[tokio::test]
async fn a_silent_job_is_compared_and_one_with_too_many_different_lines_is_refused() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("echo one").await;
    let letters = r#"python3 -c "
for i in range(1100000): print(''.join(chr(97 + int(digit)) for digit in str(i)))""#;
    let (many, job) = server.api.run(letters).await;
    assert_eq!(job["status"], "succeeded");
    let reply = server.api.get(&format!("/jobs/{id}/log/search?notIn={many}")).await;
    assert_eq!(reply.status(), 422);
    assert!(reply.text().await.expect("a body").contains("more than 1048576 distinct lines"));
    let (silent, _) = server.api.run("true").await;
    assert_eq!(search(&server, &id, &format!("notIn={silent}")).await["lines"], json!([1]));
}

#[tokio::test]
async fn an_invalid_search_is_refused_with_the_reason() {
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
        ("q=a&from=1&before=2".into(), "from cannot be combined with before"),
        ("q=a&limit=2001".into(), "limit: must be 1 to 2000"),
        ("q=a&limit=0".into(), "limit: must be 1 to 2000"),
        ("q=a%0Ab".into(), "q: must not contain a line break"),
        ("q=a&level=debug".into(), "level: must be info, warn or error, not \"debug\""),
        ("q=a&continuations=some".into(), "continuations: must be one of true, false"),
        ("continuations=false".into(), "q: specify the text to search for"),
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
