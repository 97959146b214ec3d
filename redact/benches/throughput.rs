//! Prints the redactor's throughput: `cargo bench -p redact`. It makes no assertions, because machines differ. An
//! argument selects the measurements whose names contain it: `cargo bench -p redact -- 'JSON log'`.

#![expect(clippy::print_stdout, reason = "the program's purpose is to print")]

use std::hint::black_box;
use std::time::Instant;

use redact::{Redactor, Rules};

/// The size of a read in bytes, which is the default capacity of a pipe on Linux.
const READ: u32 = 64 * 1024;
const READS: u32 = 8;
/// The number of rounds. Only the fastest one counts, because other processes may slow down the others.
const ROUNDS: u32 = 100;

/// The number of reads of a text without line ends.
const LINE_READS: u32 = 16;
/// The number of rounds for a text without line ends. Each round takes long if the search is not linear.
const LINE_ROUNDS: u32 = 3;

const VALUES: [&str; 3] =
    ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "correct horse battery staple", "s3cr3t-p4ssw0rd"];

fn main() {
    let log = |line: usize| {
        format!(
            "2024-05-01T12:00:00.{line:06}Z INFO compile: Compiling serde_json v1.0.{line} (/srv/ci/target/release)\n"
        )
    };
    // Each line contains prefixes of all values, but no complete value.
    let near =
        |line: usize| format!("ghp_16C7e42F292c6912 correct horse batter s3cr3t-p4s{line} correct s3cr3 ghp_16C7\n");
    // No value begins in this text, but values contain its pairs of bytes, so nothing is skipped.
    let pairs = |line: usize| format!("kkSS44{line}kkSS44aakk44SSaakkSS44\n");
    let hits = |line: usize| format!("{line}{}\n", VALUES[line % 3]);

    // Text that a program has escaped or coloured.
    let json = |line: usize| {
        format!("{{\"time\":\"2024-05-01T12:00:00.{line:06}Z\",\"msg\":\"GET \\\"/v1/{line}?a=%20b\\\"\"}}\n")
    };
    let coloured = |line: usize| {
        format!("\x1b[1m\x1b[32m   Compiling\x1b[0m serde_json v1.0.{line} (\x1b[4m/srv/ci/target/release\x1b[0m)\r\n")
    };
    let indented =
        |line: usize| format!("        at Object.<anonymous> (/srv/app/node_modules/x/index.js:{line}:17)\n");
    let base64 = |line: usize| {
        let digits = format!("{:016x}", (line as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        format!("{digits}LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t{digits}MIIF\n")
    };

    let three = Redactor::new(VALUES);
    let hundred = Redactor::new(tokens(100));
    measure("no values, log", &Redactor::none(), log);
    measure("3 values, log", &three, log);
    measure("3 values, near misses", &three, near);
    measure("3 values, only secrets", &three, hits);
    measure("4 values that stop the skipping", &Redactor::new(["xxkkxx", "xxSSxx", "xx44xx", "xxaaxx"]), pairs);
    measure("300 values, log", &Redactor::new(tokens(300)), log);
    measure("short values, log", &Redactor::new(["0", "true", "abc"]), log);
    measure("one value, itself repeated", &Redactor::new(["a".repeat(40)]), |_| "a".repeat(80));
    measure("100 values, log", &hundred, log);
    measure("100 values, JSON log", &hundred, json);
    measure("100 values, coloured log", &hundred, coloured);
    measure("100 values, stack traces", &hundred, indented);
    measure("100 values, base64", &hundred, base64);
    measure("100 values, only spaces", &hundred, |_| " ".repeat(80));
    measure("100 values, only escapes", &hundred, |_| "\\u0061%62&#99;".repeat(8));
    measure("100 values, only colours", &hundred, |_| "\x1b[0m".repeat(20));
    measure("1,000 values, log", &Redactor::new(tokens(1_000)), log);

    let begun = Instant::now();
    let rules = Rules::built_in();
    println!("compile the built-in rules          {:7.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let only_rules = Redactor::with_rules::<_, &[u8]>([], &rules);
    let both = Redactor::with_rules(tokens(100), &rules);
    let fields =
        |line: usize| format!("time={line} level=info method=GET token_count={line} key=value auth=none password=\n");
    // The visible text of each line contains literals of rules, so that it is searched separately.
    let coloured_fields = |line: usize| {
        format!(
            "\x1b[2mtime={line}\x1b[0m \x1b[32mINFO\x1b[0m GET https://example.com \x1b[3mtoken_count\x1b[0m={line}\n"
        )
    };
    let dashes = |_| "-".repeat(79) + "\n";
    let names = |_| "password=".repeat(9) + "\n";
    let found = |line: usize| format!("{line} DB_PASSWORD=hunter{line}hunter\n");
    measure("rules, log", &only_rules, log);
    measure("rules and 100 values, log", &both, log);
    measure("rules and 100 values, JSON log", &both, json);
    measure("rules and 100 values, coloured log", &both, coloured);
    measure("rules and 100 values, stack traces", &both, indented);
    measure("rules and 100 values, base64", &both, base64);
    measure("rules, fields", &only_rules, fields);
    measure("rules, coloured log", &only_rules, coloured);
    measure("rules, coloured fields", &only_rules, coloured_fields);
    measure("rules, rulers", &only_rules, dashes);
    measure("rules, only names", &only_rules, names);
    measure("rules, only secrets", &only_rules, found);
    measure("rules, JSON log", &only_rules, json);
    measure_line("rules, line of assignments", &only_rules, "token=a1b2c3-");
    measure_line("rules, line of headers", &only_rules, "Authorization:x9");
    measure_line("rules, line of name parts", &only_rules, "token_");
    measure_line("rules, line of names", &only_rules, "password=");
    measure_line("rules, line of token prefixes", &only_rules, "eyJa-");
    for count in [1, 3, 20, 100, 1_000] {
        measure_compilation(count);
    }
}

/// Returns `count` different tokens of 40 characters.
fn tokens(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|i| {
        let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{mixed:020x}{:020X}", mixed.rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    })
}

fn measure_compilation(count: u64) {
    if !is_selected("compile") {
        return;
    }
    let fastest = (0..5).map(|_| {
        let begun = Instant::now();
        black_box(Redactor::new(tokens(count)));
        begun.elapsed()
    });
    let seconds = fastest.min().expect("there is at least one round").as_secs_f64();
    let kib = Redactor::new(tokens(count)).memory() >> 10;
    println!("compile {count:4} values of 40 bytes       {:7.1} ms, {kib} KiB", seconds * 1e3);
}

/// Returns whether the command-line arguments select the measurement `name`.
fn is_selected(name: &str) -> bool {
    let mut selections = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
    selections.peek().is_none() || selections.any(|selection| name.contains(&selection))
}

fn measure(name: &str, redactor: &Redactor, line: impl Fn(usize) -> String) {
    if !is_selected(name) {
        return;
    }
    let mut text = String::new();
    for number in 0.. {
        text.push_str(&line(number));
        if text.len() >= READ as usize {
            break;
        }
    }
    let read = &text.as_bytes()[..READ as usize];
    let mut stream = redactor.stream();
    let fastest = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        for _ in 0..READS {
            black_box(stream.push(black_box(read)));
        }
        begun.elapsed() / READS
    });
    let seconds = fastest.min().expect("there is at least one round").as_secs_f64();
    println!("{name:35} {:7.0} MB/s", f64::from(READ) / 1e6 / seconds);
}

/// Measures a single line of 1 MiB that repeats `piece`, from its beginning to its end.
fn measure_line(name: &str, redactor: &Redactor, piece: &str) {
    if !is_selected(name) {
        return;
    }
    let length = (READ * LINE_READS) as usize;
    let mut line = piece.repeat(length / piece.len() + 1);
    line.truncate(length);
    let fastest = (0..LINE_ROUNDS).map(|_| {
        let mut stream = redactor.stream();
        let begun = Instant::now();
        for read in line.as_bytes().chunks(READ as usize) {
            black_box(stream.push(black_box(read)));
        }
        black_box(stream.finish());
        begun.elapsed() / LINE_READS
    });
    let seconds = fastest.min().expect("there is at least one round").as_secs_f64();
    println!("{name:35} {:7.1} MB/s", f64::from(READ) / 1e6 / seconds);
}
