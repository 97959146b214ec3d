//! Tests that memory usage does not grow with the length of a line. This file contains only one test, because the test
//! reads the peak memory usage of its process.

#![cfg(target_os = "linux")]

use std::fs;

use redact::{Redactor, Rules};

/// The number of bytes in a read.
const READ: usize = 64 << 10;

/// The number of bytes by which the peak memory usage may grow while a line is redacted. For the texts in this test,
/// the redactor holds back less than 100 KiB.
const GROWTH: u64 = 2 << 20;

const VALUE: &str = "correct horse battery";

/// Returns the peak memory usage of this process, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux provides the status of a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the status contains the peak");
    let kib = line.trim().strip_suffix(" kB").expect("the peak is given in kB");
    kib.trim().parse::<u64>().expect("the peak is a number") << 10
}

/// Redacts `total` bytes that repeat `piece` and contain no line end. Checks that memory does not grow, and returns the
/// number of masks.
fn redact_line(piece: &str, total: usize) -> u64 {
    let redactor = Redactor::with_rules([VALUE, "another-value-0123456789"], &Rules::built_in());
    let text = piece.repeat(READ / piece.len() + 2);
    // Each read begins where the last one ended, so that reads end anywhere in the piece.
    let read = |number: usize| &text.as_bytes()[number * READ % piece.len()..][..READ];
    let mut stream = redactor.stream();
    let warm_up = 64;
    let mut before = 0;
    for number in 0..total / READ {
        stream.push(read(number));
        if number == warm_up {
            before = peak();
        }
    }
    stream.finish();
    let growth = peak() - before;
    assert!(growth <= GROWTH, "{growth} bytes more after {total} bytes of {piece:?}");
    stream.redactions()
}

/// Text that the redactor must hold back: the beginnings of registered values (plain, escaped, encoded or interrupted
/// by styles), and the beginnings of secrets that rules recognise.
const HELD: [&str; 13] = [
    "correct horse batter",
    "correct\x1b[0m\x1b[31m",
    "\\u0063%6Frrect&#32;",
    "c\x08c_\x08o",
    " ",
    "\"",
    "\\",
    "Y29ycmVjdCBob3JzZSBiYXR0",
    "token=a1b2c3-",
    "token_",
    "password=",
    "-----BEGIN PRIVATE KEY-----",
    "eyJa-",
];

#[test]
#[ignore = "it takes about half a minute, and is part of `make test-long`"]
fn a_line_of_a_gigabyte_is_redacted_with_little_memory() {
    for piece in HELD {
        redact_line(piece, 16 << 20);
    }
    let piece = format!(
        "2024-05-01T12:00:00Z INFO \x1b[32mcompile\x1b[0m: {{\"msg\":\"GET \\\"/v1?a=%20b\\\"\"}} {VALUE}, \
         Compiling serde_json v1.0.1 (/srv/ci/target/release) and nothing else of interest "
    );
    let total = 1_000_000_000;
    let masks = redact_line(&piece, total);
    let pieces = (total / piece.len()) as u64;
    assert!(masks.abs_diff(pieces) <= (READ / piece.len()) as u64, "{masks} masks in {pieces} pieces");
}
