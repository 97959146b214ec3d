//! Compares `/log/search` with `grep`.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::gate::Gate;
use crate::harness::{Random, TestServer, number, of_kind};

/// The options of a search, as parameters of the API and as options of `grep`.
const WAYS: [(&str, &str); 6] = [
    ("", "-F"),
    ("&ignoreCase=true", "-Fi"),
    ("&invert=true", "-Fv"),
    ("&regex=true", "-E"),
    ("&regex=true&ignoreCase=true", "-Ei"),
    ("&regex=true&invert=true&ignoreCase=true", "-Eiv"),
];

/// Expressions that are difficult to generate. `grep -E` and the server interpret them in the same way.
const EXPRESSIONS: [&str; 6] = ["^$", "^b", "c$", "a.*c", "(ab|ba)+c?", "[^a-c]"];

/// The maximum number of bytes of a job's output that are sent live at its beginning and at its end. The output
/// between them is a gap.
const LIVE_BYTES: u64 = 200;

/// The line that a job prints to both streams after the first half of its output.
const HALF: &str = "---half---";

/// Returns a script that prints random lines. Some lines are coloured, some overwrite themselves, some are empty, and
/// some have no line break.
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

fn encoded(pattern: &str) -> String {
    pattern.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Returns a part of a random line, which is not empty.
fn random_text(random: &mut Random, lines: &[String]) -> String {
    loop {
        let line: Vec<char> = lines[random.below(lines.len())].chars().collect();
        let start = random.below(line.len() + 1);
        let text: String = line[start..].iter().take(1 + random.below(6)).collect();
        if !text.is_empty() {
            return text;
        }
    }
}

/// Returns an expression that matches a part of a random line, and possibly other texts.
fn random_expression(random: &mut Random, lines: &[String]) -> String {
    let mut text = || {
        let text = random_text(random, lines);
        text.chars()
            .flat_map(|char| ".[]{}()*+?^$|\\".contains(char).then_some('\\').into_iter().chain([char]))
            .collect()
    };
    let (one, other): (String, String) = (text(), text());
    let class: String = random_text(random, lines).chars().filter(|char| char.is_alphanumeric()).collect();
    match random.below(8) {
        0 => EXPRESSIONS[random.below(EXPRESSIONS.len())].to_owned(),
        1 => format!("^{one}"),
        2 => format!("{one}$"),
        3 => format!("({one}|{other})+"),
        4 => format!("{one}.*{other}"),
        5 if !class.is_empty() => format!("[{class}]{{2,3}}"),
        6 if !class.is_empty() => format!("^[^{class}]*$"),
        _ => format!("{one}?"),
    }
}

/// Compares random searches with `grep` on the lines of one attempt. Returns the number of lines that were found.
async fn compare(server: &TestServer, random: &mut Random, id: &str, attempt: i64, searches: usize) -> usize {
    let lines = visible_lines(server, id, attempt).await;
    let mut found = 0;
    for _ in 0..searches {
        let (way, options) = WAYS[random.below(WAYS.len())];
        let generate = if way.contains("regex") { random_expression } else { random_text };
        let pattern = &generate(random, &lines);
        let query = format!("q={}{way}&attempt={attempt}&limit=2000", encoded(pattern));
        let page = server.api.json(&format!("/jobs/{id}/log/search?{query}")).await;
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

/// Waits until the first half of an attempt's output has been read, which is when [`HALF`] is found on both streams.
async fn until_half(server: &TestServer, id: &str, attempt: i64) {
    server.api.job_when(id, "in the attempt", |job| job["attempt"].as_i64() >= Some(attempt)).await;
    let path = format!("/jobs/{id}/log/search?q={HALF}&attempt={attempt}");
    crate::harness::until_async("the first half has arrived", async || {
        let page: Value = server.api.get(&path).await.json().await.expect("the body is JSON");
        page["matches"] == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_running_and_finished_attempts_with_gaps_find_what_grep_finds() {
    let server = TestServer::start_with(|config| {
        config.jobs.live_job_bytes = LIVE_BYTES;
        config.jobs.live_tail_bytes = LIVE_BYTES;
    })
    .await;
    let (mut random, mut found) = (Random::new("search"), 0);
    // Only one job has a second attempt, because second attempts start only after a delay of some seconds.
    for attempts in [2, 1, 1, 1, 1, 1] {
        let gates = [Gate::new(), Gate::new()];
        let (first, second) = (random_script(&mut random), random_script(&mut random));
        let wait = format!("if [ $TAILWATER_ATTEMPT = 1 ]; then {}; else {}; fi", gates[0].wait(), gates[1].wait());
        let script = format!("{first}printf '\\n{HALF}\\n'; printf '\\n{HALF}\\n' >&2; {wait}; {second}");
        let job = json!({"type": "command", "payload": {"run": format!("{script}\nexit 1")}, "maxAttempts": attempts});
        let id = server.api.submit_job(job).await;
        for (attempt, gate) in (1..=attempts).zip(&gates) {
            until_half(&server, &id, attempt).await;
            found += compare(&server, &mut random, &id, attempt, 10).await;
            gate.open();
        }
        server.api.ended(&id).await;
        assert!(!of_kind(&server.api.events(&id).await, "gap").is_empty(), "some lines were not sent live");
        for attempt in 1..=attempts {
            found += compare(&server, &mut random, &id, attempt, 40).await;
        }
    }
    assert!(found > 1000, "the patterns match many lines: {found}");
}
