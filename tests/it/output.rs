//! The log events of a job agree with its complete log.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::gate::Gate;
use crate::harness::process::Process;
use crate::harness::sse::Stream;
use crate::harness::{Mode, Random, TOKEN, TestServer, in_both_modes, number, of_kind, restore, sha256};

/// Returns the payload of the event that reports the end of the last attempt.
fn totals(events: &[Value]) -> &Value {
    let mut ends = of_kind(events, "attempt").into_iter().filter(|event| event["payload"]["status"] != "started");
    &ends.next_back().expect("the attempt has ended")["payload"]
}

/// Returns the text of all log events of one stream.
fn of_stream(events: &[Value], stream: &str) -> String {
    let logs = of_kind(events, "log").into_iter().filter(|event| event["payload"]["stream"] == stream);
    logs.map(|event| event["message"].as_str().expect("a message is text")).collect()
}

/// Checks that the `attempt` and `end` events of a finished job agree with its log artifact, and returns the output.
async fn check_story(server: &TestServer, id: &str) -> Vec<u8> {
    let events = server.api.events(id).await;
    let output = server.api.output(id, 1).await;
    let totals = totals(&events);
    let end = events.last().expect("a log has an end");
    assert_eq!(end["payload"]["kind"], "end");
    let lines = output.split_inclusive(|byte| *byte == b'\n').count();
    for payload in [totals, &end["payload"]] {
        assert_eq!(number(&payload["bytes"]), output.len());
        assert_eq!(payload["logSha256"], sha256(&output));
        // `lines` does not distinguish the streams. If both end with an unfinished line, the total is greater.
        assert!(number(&payload["lines"]) >= lines);
    }
    output
}

async fn fr_001_the_first_line_is_an_event_before_the_second_is_printed(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    // The second line is printed only after the test has received the first.
    let command = format!("echo first; while [ ! -e {} ]; do sleep 0.01; done; echo second", go.display());
    let id = server.api.submit(json!({"run": command})).await;
    let mut stream = Stream::open(&server.api, &id, "?kind=log", None).await;
    let first = stream.next().await.expect("the job prints").json();
    assert_eq!(first["message"], "first\n");
    std::fs::write(&go, "").expect("the folder can be written");
    let second = stream.next().await.expect("the job keeps printing").json();
    assert_eq!(second["message"], "second\n");
}

async fn a_prompt_without_a_newline_is_an_event_while_the_command_waits(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let go = folder.path().join("go");
    let command = format!("printf 'Continue? '; while [ ! -e {} ]; do sleep 0.01; done; echo yes", go.display());
    let id = server.api.submit(json!({"run": command})).await;
    let mut stream = Stream::open(&server.api, &id, "?kind=log", None).await;
    let prompt = stream.next().await.expect("the prompt arrives").json();
    assert_eq!((&prompt["message"], &prompt["payload"]["partial"]), (&json!("Continue? "), &json!(true)));
    std::fs::write(&go, "").expect("the folder can be written");
    let rest = stream.next().await.expect("the job keeps printing").json();
    assert_eq!((&rest["message"], &rest["payload"]["line"]), (&json!("yes\n"), &json!(1)));
}

async fn a_line_that_is_completed_before_the_deadline_is_one_event(mode: Mode) {
    let server = TestServer::start_with(|config| config.jobs.live_flush = Duration::from_mins(1)).await.in_mode(mode);
    let gate = Gate::new();
    let command = format!("echo first; {}; printf begun; sleep 0.3; echo ' and completed'", gate.wait());
    let id = server.api.submit(json!({"run": command})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    gate.open();
    server.api.ended(&id).await;
    let logs = server.api.events_with(&id, "&kind=log").await;
    let texts: Vec<&Value> = logs.iter().map(|event| &event["message"]).collect();
    assert_eq!(texts, ["first\n", "begun and completed\n"]);
}

#[tokio::test]
async fn fr_002_every_log_event_has_all_of_its_payload_fields() {
    let server = TestServer::start().await;
    let steps = json!([{"id": "one", "run": "echo out; echo err >&2"}, {"run": "printf x"}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    server.api.ended(&id).await;
    let events = server.api.events(&id).await;
    let logs = of_kind(&events, "log");
    assert!(logs.len() >= 3);
    for event in &logs {
        let payload = event["payload"].as_object().expect("a payload is an object");
        let fields: Vec<&str> = payload.keys().map(String::as_str).collect();
        let expected =
            ["attempt", "bytes", "kind", "line", "offset", "partial", "stage", "stepId", "stepIndex", "stream", "time"];
        assert_eq!(fields, expected);
        let level = if payload["stream"] == "stderr" { "warn" } else { "info" };
        assert_eq!((&event["level"], &payload["stage"]), (&json!(level), &json!("execute")));
        let time = payload["time"].as_str().expect("a time is text");
        assert!(time <= event["createdAt"].as_str().expect("a time is text"), "captured before it was stored");
    }
    let last = logs.last().expect("the list is not empty");
    assert_eq!((&last["payload"]["stepId"], &last["payload"]["stepIndex"]), (&json!("step-2"), &json!(1)));
    assert_eq!(check_story(&server, &id).await.len(), 9);
}

async fn fr_002_alternating_streams_produce_few_events_and_their_order_can_be_restored(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let script =
        "import os\nfor i in range(50000):\n  os.write(1, b'out %d\\n' % i)\n  os.write(2, b'err %d\\n' % i)\n";
    let steps = json!([{"shell": "python3", "run": script}]);
    let id = server.api.submit(json!({"steps": steps})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    let events = server.api.events(&id).await;
    let output = check_story(&server, &id).await;
    assert_eq!(totals(&events)["lines"], 100_000);
    assert_eq!(restore(&events, 1), output, "the order of output.log");
    let of = |stream: &str| of_stream(&events, stream);
    let expected = |word: &str| -> String { (0..50_000).map(|i| format!("{word} {i}\n")).collect() };
    assert!(of("stdout") == expected("out") && of("stderr") == expected("err"), "each stream is complete and in order");
    check_budget(&events, 50);
}

/// Checks that the number of log events stayed within the budget. The budget is a token bucket that contains at most
/// `rate` tokens and is refilled with `rate` tokens per second.
fn check_budget(events: &[Value], rate: usize) {
    let times: Vec<i64> = of_kind(events, "log")
        .iter()
        .map(|event| event["createdAt"].as_str().and_then(|time| time.parse().ok()).map(micros).expect("a time"))
        .collect();
    for (i, from) in times.iter().enumerate() {
        for (j, to) in times.iter().enumerate().skip(i) {
            let seconds = usize::try_from((to - from) / 1_000_000).expect("times increase") + 1;
            assert!(j - i < rate + rate * seconds + 2, "{} events within {seconds} s", j - i + 1);
        }
    }
}

fn micros(time: model::Timestamp) -> i64 {
    time.0
}

async fn fr_004_sc_002_half_a_million_lines_stay_within_the_budget_and_are_complete(mode: Mode) {
    // The rate is so low that the budget takes effect. At the default rate, a few large events would contain the whole
    // output.
    let server = TestServer::start_with(|config| config.jobs.live_events_per_second = 10).await.in_mode(mode);
    let (id, job) = server.api.run("seq -f 'line %.0f of a file that is read as fast as it can be' 500000").await;
    assert_eq!(job["status"], "succeeded");
    let events = server.api.events(&id).await;
    let output = check_story(&server, &id).await;
    assert!(restore(&events, 1) == output, "the events contain the whole output");
    let expected: String =
        (1..=500_000).map(|i| format!("line {i} of a file that is read as fast as it can be\n")).collect();
    assert!(output == expected.as_bytes(), "the log is what was printed");
    let totals = totals(&events);
    assert_eq!((number(&totals["lines"]), number(&totals["suppressedBytes"])), (500_000, 0));
    check_budget(&events, 10);
    let mut line = 1;
    for event in of_kind(&events, "log") {
        assert_eq!(number(&event["payload"]["line"]), line);
        line += event["message"].as_str().expect("a message is text").matches('\n').count();
    }
}

#[tokio::test]
async fn fr_004_slowly_printed_lines_share_events_when_they_exceed_the_budget() {
    let server = TestServer::start_with(|config| config.jobs.live_events_per_second = 5).await;
    let (id, _) = server.api.run("for i in $(seq 300); do echo line $i; sleep 0.005; done").await;
    let events = server.api.events(&id).await;
    assert_eq!(restore(&events, 1), check_story(&server, &id).await);
    check_budget(&events, 5);
}

#[tokio::test]
async fn fr_005_without_live_events_only_the_complete_log_contains_output() {
    let server = TestServer::start_with(|config| config.jobs.live_log_events = false).await;
    let (id, job) = server.api.run("seq 1000; echo oops >&2").await;
    assert_eq!(job["status"], "succeeded");
    let events = server.api.events(&id).await;
    assert!(of_kind(&events, "log").is_empty());
    assert_eq!(of_kind(&events, "step").len(), 2);
    assert_eq!(totals(&events)["lines"], 1001);
    assert_eq!(check_story(&server, &id).await.len(), 3893 + 5);
}

const SECRET: &str = "hunter2-correct-horse-battery";

/// Checks that neither the secret nor a large part of it appears in the events, the job or the log artifact.
async fn check_hidden(server: &TestServer, id: &str) {
    let events = server.api.events(id).await;
    let job = server.api.job(id).await;
    let output = server.api.output(id, 1).await;
    for (what, text) in [
        ("the events", serde_json::to_vec(&events).expect("values serialise")),
        ("the job", serde_json::to_vec(&job).expect("values serialise")),
        ("the output", output.clone()),
    ] {
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(SECRET), "{what} contain the secret");
        // No substring of half the secret's length may appear.
        let pieces = SECRET.as_bytes().windows(SECRET.len() / 2).map(|piece| String::from_utf8_lossy(piece));
        pieces.for_each(|piece| assert!(!text.contains(&*piece), "{what} contain {piece:?}"));
    }
    assert!(restore(&events, 1) == output);
}

/// Starts a server that never shows part of a secret value, because it waits for the rest of the value longer than any
/// test runs.
///
/// With the default setting, the server may show up to 7 bytes of a value if the job pauses for 100 ms within the
/// value. On a busy machine, this can happen by accident.
async fn server_that_waits() -> TestServer {
    TestServer::start_with(|config| config.jobs.live_flush = Duration::from_mins(10)).await
}

async fn fr_003_a_secret_split_at_every_byte_is_masked_everywhere(mode: Mode) {
    let server = server_that_waits().await.in_mode(mode);
    // The script writes the secret in two parts, with a pause in between, so that the server reads them separately. It
    // uses stdout and stderr in turn.
    let script = "import os,time\ns=os.environ['DEPLOY_TOKEN'].encode()\nfor i in range(len(s)+1):\n  fd=1+i%2\n  \
                  os.write(fd,b'<'+s[:i]); time.sleep(0.01); os.write(fd,s[i:]+b'>\\n')\n";
    let payload = json!({"title": format!("push with {SECRET}"), "env": {"DEPLOY_TOKEN": SECRET},
                         "steps": [{"shell": "python3", "name": format!("step {SECRET}"), "run": script}]});
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    check_hidden(&server, &id).await;
    let events = server.api.events(&id).await;
    let masks = |stream: &str| of_stream(&events, stream).matches("<[REDACTED]>\n").count();
    assert_eq!(masks("stdout") + masks("stderr"), SECRET.len() + 1);
    assert_eq!(number(&totals(&server.api.events(&id).await)["redactions"]), SECRET.len() + 1);
}

async fn fr_003_a_randomly_split_secret_is_masked_everywhere(mode: Mode) {
    let mut random = Random::new("fr_003_random_splits");
    let server = server_that_waits().await.in_mode(mode);
    let mut script = String::from("import os,time\ns=os.environ['DB_PASSWORD'].encode()\n");
    for _ in 0..60 {
        let mut cuts: Vec<usize> = (0..random.below(5)).map(|_| random.below(SECRET.len() + 1)).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for to in cuts.into_iter().chain([SECRET.len()]) {
            writeln!(script, "os.write(1,s[{from}:{to}])").expect("writing to a String cannot fail");
            if random.below(3) == 0 {
                script += "time.sleep(0.005)\n";
            }
            from = to;
        }
        script += "os.write(1,b'\\n')\n";
    }
    let steps = json!([{"shell": "python3", "run": script}]);
    let id = server.api.submit(json!({"env": {"DB_PASSWORD": SECRET}, "steps": steps})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    check_hidden(&server, &id).await;
    let output = server.api.output(&id, 1).await;
    assert_eq!(String::from_utf8_lossy(&output), "[REDACTED]\n".repeat(60));
}

async fn fr_003_errors_names_and_reasons_are_masked_too(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let payload = json!({"env": {"API_KEY": SECRET}, "steps": [
        {"name": format!("use {SECRET}"), "run": format!("echo {SECRET}; exit 7")},
        {"run": "true", "shell": format!("/no/such/{SECRET}")},
    ]});
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["errorMessage"], "use [REDACTED]: exited with code 7");
    check_hidden(&server, &id).await;

    let id = server.api.submit(json!({"env": {"API_KEY": SECRET}, "run": "sleep 60"})).await;
    server.api.post(&format!("/jobs/{id}/cancel"), &json!({"reason": format!("it shows {SECRET}")})).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["cancelReason"], "it shows [REDACTED]");
    check_hidden(&server, &id).await;
}

async fn fr_003_the_servers_own_secrets_are_masked_in_every_job(mode: Mode) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), format!("{SECRET}\n\nanother-value-to-mask\n")).expect("writing succeeds");
    let path = file.path().to_owned();
    let server = TestServer::start_with(|config| config.jobs.redact_values_file = Some(path)).await.in_mode(mode);
    let (id, _) = server.api.run(&format!("echo {SECRET} another-value-to-mask {TOKEN}")).await;
    check_hidden(&server, &id).await;
    assert_eq!(server.api.output(&id, 1).await, b"[REDACTED] [REDACTED] [REDACTED]\n");
}

async fn fr_003_the_servers_own_log_contains_no_secret_even_at_the_most_verbose_level(mode: Mode) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let log = data.path().join("server.log");
    let server = Process::start_by(data.path(), |mut server| {
        server.env("TAILWATER_LOG", "trace").env("EXTRA_PASSWORD", "another-value-to-mask");
        server
    })
    .in_mode(mode);
    let payload = json!({"title": SECRET, "env": {"API_KEY": SECRET},
                         "run": format!("echo {SECRET}; echo another-value-to-mask; no-such-{SECRET}; exit 9")});
    let id = server.api.submit(payload).await;
    let job = server.api.ended(&id).await;
    assert_eq!(job["exitCode"], 127);
    server.api.post("/jobs", &json!({"type": "command", "payload": {"run": SECRET, "wrong": SECRET}})).await;
    drop(server);
    let text = std::fs::read_to_string(log).expect("the server has a log");
    assert!(text.contains("committed"), "the log is at its most verbose level: {text}");
    for hidden in [SECRET, "another-value-to-mask", TOKEN] {
        assert!(!text.contains(hidden), "the server's log contains {hidden}");
    }
}

#[tokio::test]
async fn sc_003_a_new_payload_kind_needs_no_migration() {
    let server = TestServer::start().await;
    // Events can be filtered by the kind `warning`, although it appears neither in the database schema nor in the
    // payload types.
    let id = server.api.submit(json!({"env": {"PIN_TOKEN": "1234"}, "run": "true"})).await;
    server.api.ended(&id).await;
    let polled = server.api.events_with(&id, "&kind=warning").await;
    assert_eq!(polled.len(), 1);
    let streamed =
        Stream::open(&server.api, &id, "?kind=warning", None).await.next().await.expect("the event is streamed");
    assert_eq!(streamed.json(), polled[0]);
    let event: model::Event = serde_json::from_value(polled[0].clone()).expect("the page can read it");
    assert!(matches!(event.payload, model::Payload::Other(_)));
}

async fn a_short_secret_is_masked_as_a_whole_token_and_the_log_warns(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let id = server.api.submit(json!({"env": {"PIN_TOKEN": "1234"}, "run": "echo 1234 x1234 12345 [1234]"})).await;
    server.api.ended(&id).await;
    assert_eq!(server.api.output(&id, 1).await, b"[REDACTED] x1234 12345 [[REDACTED]]\n");
    let events = server.api.events(&id).await;
    assert_eq!(of_kind(&events, "warning").len(), 1);
}

async fn all_256_byte_values_are_stored_and_invalid_utf_8_is_shown_as_replacement_characters(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let script = "import os\nos.write(1, bytes(range(256)) + 'ä€😀'.encode())\n\
                  for b in 'ä€😀'.encode(): os.write(1, bytes([b]))\nos.write(1, b'\\xf0\\x9f')\n";
    let id = server.api.submit(json!({"steps": [{"shell": "python3", "run": script}]})).await;
    server.api.ended(&id).await;
    let text = "ä€😀".as_bytes();
    let expected = [&(0..=255).collect::<Vec<u8>>(), text, text, b"\xf0\x9f"].concat();
    assert_eq!(check_story(&server, &id).await, expected);
    let events = server.api.events(&id).await;
    let shown: String =
        of_kind(&events, "log").iter().map(|event| event["message"].as_str().expect("a message is text")).collect();
    assert!(shown.ends_with("ä€😀ä€😀\u{fffd}"), "characters are whole: {shown:?}");
    let bytes: usize = of_kind(&events, "log").iter().map(|event| number(&event["payload"]["bytes"])).sum();
    assert_eq!(bytes, expected.len());
}

async fn a_character_that_is_split_by_pauses_is_sent_whole(mode: Mode) {
    let server =
        TestServer::start_with(|config| config.jobs.live_flush = Duration::from_millis(20)).await.in_mode(mode);
    // The four bytes of the character are written 100 ms apart, although the server sends an incomplete line after 20
    // ms.
    let run = r"for byte in '\360' '\237' '\231' '\202'; do printf $byte; sleep 0.1; done; echo";
    let (id, _) = server.api.run(run).await;
    let events = server.api.events(&id).await;
    assert_eq!(of_stream(&events, "stdout"), "\u{1f642}\n");
    assert_eq!(check_story(&server, &id).await, "\u{1f642}\n".as_bytes());
}

async fn an_unfinished_last_line_is_counted_and_carriage_returns_are_preserved(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let (id, _) = server.api.run("printf '10%%\\r50%%\\r100%%\\ndone'").await;
    assert_eq!(check_story(&server, &id).await, b"10%\r50%\r100%\ndone");
    assert_eq!(totals(&server.api.events(&id).await)["lines"], 2);
}

async fn a_line_of_100_mb_is_stored_and_sent_in_several_events(mode: Mode) {
    let server = TestServer::start().await.in_mode(mode);
    let (id, job) = server.api.run("head -c 100000000 /dev/zero | tr '\\0' x; echo; echo after").await;
    assert_eq!(job["status"], "succeeded");
    let output = server.api.output(&id, 1).await;
    assert_eq!(output.len(), 100_000_007);
    let logs = server.api.events_with(&id, "&kind=log").await;
    let bytes: usize = logs.iter().map(|event| number(&event["payload"]["bytes"])).sum();
    assert_eq!(bytes, 100_000_007);
    let lines: Vec<usize> = logs.iter().map(|event| number(&event["payload"]["line"])).collect();
    assert!(lines.iter().all(|line| *line <= 2) && lines.is_sorted());
    assert_eq!(job["logLines"], 2);
}

async fn random_output_of_two_streams_agrees_everywhere(mode: Mode) {
    let mut random = Random::new("random_output");
    let server = TestServer::start_with(|config| {
        config.jobs.live_event_bytes = 64;
        config.jobs.live_flush = Duration::from_millis(5);
    })
    .await
    .in_mode(mode);
    for _ in 0..4 {
        let mut script = String::from("import os,time\n");
        let mut written = [Vec::new(), Vec::new()];
        for _ in 0..random.below(150) + 20 {
            let stream = random.below(2);
            let piece: String = (0..random.below(40)).map(|_| ["a", "ä", "€", "\n", "x\n"][random.below(5)]).collect();
            written[stream].extend_from_slice(piece.as_bytes());
            writeln!(script, "os.write({}, {piece:?}.encode())", stream + 1).expect("writing to a String cannot fail");
            if random.below(6) == 0 {
                script += "time.sleep(0.003)\n";
            }
        }
        let id = server.api.submit(json!({"steps": [{"shell": "python3", "run": script}]})).await;
        server.api.ended(&id).await;
        let output = check_story(&server, &id).await;
        let events = server.api.events(&id).await;
        assert_eq!(restore(&events, 1), output);
        for (stream, name) in ["stdout", "stderr"].into_iter().enumerate() {
            assert_eq!(of_stream(&events, name).as_bytes(), written[stream], "{name}");
        }
        check_line_numbers(&events, number(&totals(&events)["lines"]));
    }
}

/// Checks that each line number belongs to exactly one line, and that the pieces of a line are consecutive within its
/// stream.
fn check_line_numbers(events: &[Value], lines: usize) {
    let mut owner = vec![None; lines + 1];
    let mut open: [Option<usize>; 2] = [None; 2];
    for event in of_kind(events, "log") {
        let payload = &event["payload"];
        let stream = usize::from(payload["stream"] == "stderr");
        let mut text = event["message"].as_str().expect("a message is text");
        let whole = json!([[payload["offset"], payload["bytes"], payload["line"]]]);
        let segments = if payload["segments"].is_null() { &whole } else { &payload["segments"] };
        for segment in segments.as_array().expect("segments are a list") {
            let (piece, rest) = text.split_at(number(&segment[1]));
            text = rest;
            for (line, part) in (number(&segment[2])..).zip(piece.split_inclusive('\n')) {
                match open[stream] {
                    Some(open) => assert_eq!(line, open, "an unfinished line continues"),
                    None => assert_eq!(owner[line].replace(stream), None, "line {line} begins once"),
                }
                open[stream] = (!part.ends_with('\n')).then_some(line);
            }
        }
    }
    assert!(owner[1..].iter().all(Option::is_some), "every number belongs to a line");
}

in_both_modes!(
    fr_001_the_first_line_is_an_event_before_the_second_is_printed,
    a_prompt_without_a_newline_is_an_event_while_the_command_waits,
    a_line_that_is_completed_before_the_deadline_is_one_event,
    fr_002_alternating_streams_produce_few_events_and_their_order_can_be_restored,
    fr_004_sc_002_half_a_million_lines_stay_within_the_budget_and_are_complete,
    fr_003_a_secret_split_at_every_byte_is_masked_everywhere,
    fr_003_a_randomly_split_secret_is_masked_everywhere,
    fr_003_errors_names_and_reasons_are_masked_too,
    fr_003_the_servers_own_secrets_are_masked_in_every_job,
    fr_003_the_servers_own_log_contains_no_secret_even_at_the_most_verbose_level,
    a_short_secret_is_masked_as_a_whole_token_and_the_log_warns,
    all_256_byte_values_are_stored_and_invalid_utf_8_is_shown_as_replacement_characters,
    a_character_that_is_split_by_pauses_is_sent_whole,
    an_unfinished_last_line_is_counted_and_carriage_returns_are_preserved,
    a_line_of_100_mb_is_stored_and_sent_in_several_events,
    random_output_of_two_streams_agrees_everywhere,
);
