//! With `terminal`, the programs of a job behave as on a terminal, except that no pager waits for a key. Many tests in
//! other modules run both with pipes and with terminals.

use serde_json::{Value, json};

use crate::harness::{Api, Mode, TestServer, of_kind};

/// Runs a job in a terminal, and returns the job and its output.
async fn in_terminal(api: &Api, mut payload: Value) -> (Value, String) {
    payload["terminal"] = json!(true);
    let id = api.submit(payload).await;
    let job = api.ended(&id).await;
    (job, String::from_utf8(api.output(&id, 1).await).expect("the content is text"))
}

/// Runs a job in a terminal, which must succeed, and returns its output.
async fn printed(api: &Api, payload: Value) -> String {
    let (job, output) = in_terminal(api, payload).await;
    assert_eq!(job["status"], "succeeded", "{}: {output}", job["errorMessage"]);
    output
}

#[tokio::test]
async fn a_line_that_python_prints_is_seen_before_it_prints_the_next() {
    let server = TestServer::start().await.in_mode(Mode::Terminals);
    // Python buffers its output unless it is written to a terminal. The job prints a line whenever a file appears.
    let script = "import os, sys, time\nfor i in range(3):\n  print('line', i)\n  \
                  while not os.path.exists(f'{sys.argv[1]}/{i}'): time.sleep(0.01)\n";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let payload =
        json!({"run": format!("python3 -c \"{script}\" {}", folder.path().display()), "env": {"PYTHONUNBUFFERED": ""}});
    let id = server.api.submit(payload).await;
    for line in 0..3 {
        let expected: String = (0..=line).map(|line| format!("line {line}\n")).collect();
        server.api.events_when(&id, "contain the line", |events| text_of(events) == expected).await;
        std::fs::write(folder.path().join(line.to_string()), "").expect("the folder can be written");
    }
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
}

/// Returns the text of all log events.
fn text_of(events: &[Value]) -> String {
    of_kind(events, "log").iter().map(|event| event["message"].as_str().expect("a message is text")).collect()
}

#[tokio::test]
async fn each_stream_is_a_separate_terminal_of_the_size_that_the_job_requests() {
    let server = TestServer::start().await;
    let script = "import os\nfor fd in 1, 2: print(os.isatty(fd), *os.get_terminal_size(fd))\n\
                  print(os.environ['COLUMNS'], os.environ['LINES'], os.ttyname(1) != os.ttyname(2), os.isatty(0))";
    for (env, size) in [
        (json!({}), "120 40"),
        (json!({"COLUMNS": "77", "LINES": "1"}), "77 1"),
        (json!({"LINES": "1000"}), "120 1000"),
    ] {
        let payload = json!({"env": env, "steps": [{"shell": "python3", "run": script}]});
        let expected = format!("True {size}\nTrue {size}\n{size} True False\n");
        assert_eq!(printed(&server.api, payload).await, expected);
    }
    let steps = json!([{"run": "test -t 1"}, {"run": "test ! -t 1 && test ! -t 2", "terminal": false}]);
    printed(&server.api, json!({"steps": steps})).await;
    let (_, job) = server.api.run("test ! -t 1 && test ! -t 2 && test -z \"$PAGER$COLUMNS\"").await;
    assert_eq!(job["status"], "succeeded", "without `terminal`, there is none");
}

#[tokio::test]
async fn an_impossible_size_is_refused_and_an_error_names_the_variable() {
    let server = TestServer::start().await;
    let payload = json!({"run": "true", "terminal": true, "env": {"COLUMNS": "wide"}});
    let reply = server.api.post("/jobs", &json!({"type": "command", "payload": payload})).await;
    assert_eq!(reply.status(), 422);
    let body: Value = reply.json().await.expect("the body is JSON");
    let message = "payload.env.COLUMNS: must be a number from 1 to 1000, because it is the size of the terminal";
    assert_eq!(body["detail"]["message"], message);
}

#[tokio::test]
async fn cargo_builds_in_colour() {
    let server = TestServer::start().await;
    let run = "mkdir src; echo 'fn unused() {}' > src/lib.rs; \
               printf '[package]\\nname = \"small\"\\nedition = \"2024\"\\n[workspace]\\n' > Cargo.toml; \
               cargo build --offline";
    // Cargo sets variables for tests. The server does not pass them on to jobs.
    let output = printed(&server.api, json!({"run": run})).await;
    let (compiling, warning) = ("Compiling\u{1b}[0m small", "\u{1b}[33mwarning");
    assert!(output.contains(compiling) && output.contains(warning), "{output:?}");
    let (id, _) = server.api.run(run).await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    assert!(output.contains("Compiling small") && !output.contains('\u{1b}'), "{output:?}");
}

#[tokio::test]
async fn pytest_reports_in_colour() {
    let server = TestServer::start().await;
    let run = "echo 'def test_sum(): assert 1 + 1 == 3' > test_sum.py; python3 -m pytest -p no:cacheprovider";
    let (job, output) = in_terminal(&server.api, json!({"run": run})).await;
    assert_eq!(job["exitCode"], 1, "{output}");
    assert!(output.contains("\u{1b}[31m\u{1b}[1m1 failed\u{1b}[0m"), "{output:?}");
    let (id, _) = server.api.run(run).await;
    let output = String::from_utf8(server.api.output(&id, 1).await).expect("the content is text");
    assert!(output.contains("1 failed") && !output.contains('\u{1b}'), "{output:?}");
}

#[tokio::test]
async fn no_pager_waits_for_a_key() {
    let server = TestServer::start().await;
    let git = "git init -q .; git config user.email a@example.org; git config user.name a; \
               for i in $(seq 60); do git commit -q --allow-empty -m \"commit $i\"; done; git config core.pager less; ";
    let by_name = "python3 -c 'import os, tty; fd = os.open(os.ttyname(2), os.O_RDONLY); tty.setraw(fd); \
                   print(os.read(fd, 1))'";
    for (run, shows) in [
        // git uses `cat`, even if its settings specify another pager, so the whole output is shown.
        (format!("{git} git log; git log"), "commit 1\n"),
        (format!("{git} GIT_PAGER= git -c color.ui=always log | less; echo after"), "after\n"),
        // Pagers that are started explicitly show the first page and exit.
        ("seq 1000 | less; seq 1000 | less; echo after".to_owned(), "after\n"),
        ("seq 1000 > file; less file; less file 2>&1; echo after".to_owned(), "after\n"),
        ("seq 1000 | more; seq 1000 | more; echo after".to_owned(), "after\n"),
        // This program does what any pager does: it opens its terminal by name, switches it to raw mode, and reads a
        // key.
        (format!("{by_name}; {by_name}"), "b'q'\n"),
        // A program that leaves the settings of the terminal unchanged reads end-of-file.
        ("cat <&2 >/dev/null; cat <&1 >/dev/null; cat; echo after".to_owned(), "after\n"),
    ] {
        // The timeout is reached only if a program waits for a key.
        let output = printed(&server.api, json!({"run": run, "timeoutSeconds": 60})).await;
        assert!(output.ends_with(shows), "{run}: {output:?}");
    }
}

#[tokio::test]
async fn a_job_may_choose_another_pager() {
    let server = TestServer::start().await;
    let run = "echo $PAGER $GIT_PAGER";
    assert_eq!(printed(&server.api, json!({"run": run})).await, "cat cat\n");
    let env = json!({"PAGER": "less", "GIT_PAGER": "more"});
    assert_eq!(printed(&server.api, json!({"run": run, "env": env})).await, "less more\n");
}

#[tokio::test]
async fn a_program_that_asks_for_a_password_fails_instead_of_waiting() {
    let server = TestServer::start().await;
    let (job, output) = in_terminal(&server.api, json!({"run": "read answer < /dev/tty"})).await;
    assert_eq!((&job["status"], &job["failureReason"]), (&json!("failed"), &json!("exit_code")), "{output}");
    let setsid = json!({"run": "setsid -w sh -c 'read answer < /dev/tty'"});
    assert_eq!(in_terminal(&server.api, setsid).await.0["status"], "failed");
}

#[tokio::test]
async fn output_can_be_written_to_the_streams_by_their_names() {
    let server = TestServer::start().await;
    let run = "echo out > /dev/stdout; echo err > /dev/stderr; echo both | tee /dev/stderr";
    let id = server.api.submit(json!({"run": run, "terminal": true})).await;
    assert_eq!(server.api.ended(&id).await["status"], "succeeded");
    let mut lines: Vec<String> = Vec::new();
    for stream in ["stdout", "stderr"] {
        let events = server.api.events_with(&id, &format!("&stream={stream}")).await;
        lines.push(text_of(&events));
    }
    assert_eq!(lines, ["out\nboth\n", "err\nboth\n"]);
}

#[tokio::test]
async fn the_payload_and_a_resubmitted_job_keep_the_setting() {
    let server = TestServer::start().await;
    let payload = json!({"terminal": true, "steps": [{"run": "test -t 1"}, {"run": "true", "terminal": false}]});
    let id = server.api.submit(payload.clone()).await;
    assert_eq!(server.api.ended(&id).await["payload"], payload);
    let resubmitted = async |changes: Value| {
        let reply = server.api.post(&format!("/jobs/{id}/resubmit"), &json!({"payload": changes})).await;
        let job: Value = reply.json().await.expect("the body is JSON");
        server.api.ended(job["id"].as_str().expect("a job has an id")).await
    };
    let again = resubmitted(json!({})).await;
    assert_eq!((&again["status"], &again["payload"]), (&json!("succeeded"), &payload));
    let without = resubmitted(json!({"terminal": null})).await;
    assert_eq!((&without["status"], &without["payload"]["terminal"]), (&json!("failed"), &Value::Null));
}

#[tokio::test]
async fn a_background_process_that_keeps_the_terminal_is_killed_and_its_last_words_are_stored() {
    let server = TestServer::start().await;
    let run = "(sleep 0.2; echo late; sleep 600) & echo early";
    assert_eq!(printed(&server.api, json!({"run": run})).await, "early\nlate\n");
}

/// The number of bytes that are printed to each stream. The benchmark `terminal` prints 2 GiB.
const MUCH: usize = 100 << 20;

#[tokio::test]
async fn everything_that_two_streams_print_as_fast_as_possible_passes_through_their_terminals() {
    let server = TestServer::start_with(|config| config.jobs.live_log_events = false).await;
    let run = format!("yes 'a line of stdout' | head -c {MUCH} & yes 'a line of stderr' | head -c {MUCH} >&2; wait");
    let id = server.api.submit(json!({"run": run, "terminal": true})).await;
    let job = server.api.ended(&id).await;
    assert_eq!((&job["status"], &job["logBytes"]), (&json!("succeeded"), &json!(2 * MUCH)), "{job}");
    for stream in ["stdout", "stderr"] {
        let log = server.api.get(&format!("/jobs/{id}/log?stream={stream}")).await;
        let log = log.bytes().await.expect("the body arrives");
        let line = format!("a line of {stream}\n");
        assert_eq!(log.len(), MUCH, "{stream}");
        assert!(log.chunks(line.len()).all(|chunk| line.as_bytes().starts_with(chunk)), "{stream} is unchanged");
    }
}
