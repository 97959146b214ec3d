//! The throughput of the redactor, through which all output passes, on one core. `cargo bench -p redact` measures
//! further texts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use redact::{Redactor, Rules};

use crate::figures::{mib, row};

/// The size of a read in bytes, which is the default capacity of a pipe on Linux.
const READ: usize = 64 << 10;

/// The number of reads in a round, and the number of rounds. Only the fastest round counts, because other processes may
/// slow down the others.
const READS: u32 = 16;
const ROUNDS: u32 = 40;

/// The number of reads in the long line: together one gigabyte.
const LINE_READS: usize = 1_000_000_000 / READ;

/// Measures the redactor.
pub fn redactor() {
    let rules = Rules::built_in();
    let log = |line: usize| {
        format!(
            "2024-05-01T12:00:00.{line:06}Z INFO compile: Compiling serde_json v1.0.{line} (/srv/ci/target/release)\n"
        )
    };
    let coloured = |line: usize| {
        format!("\x1b[1m\x1b[32m   Compiling\x1b[0m serde_json v1.0.{line} (\x1b[4m/srv/ci/target/release\x1b[0m)\r\n")
    };
    let values = Redactor::new(secrets(100));
    let both = Redactor::with_rules(secrets(100), &rules);
    row("redactor: 100 secrets, log", &speed(&values, log), "200 MB/s");
    row("redactor: 100 secrets and rules, log", &speed(&both, log), "120 MB/s");
    row("redactor: 100 secrets and rules, colours", &speed(&both, coloured), "120 MB/s");
    let (time, memory) = long_line(&both);
    row("redactor: a line of 1 GB", &format!("{:.0} MB/s", 1e3 / time.as_secs_f64()), "120 MB/s");
    row("redactor: memory for that line", &mib(memory), "1.0 MiB");
    let begun = Instant::now();
    black_box(Redactor::with_rules(secrets(1_000), &rules));
    row("redactor: compile 1,000 secrets", &format!("{:.0} ms", begun.elapsed().as_secs_f64() * 1e3), "1000 ms");
}

/// Returns `count` different secrets of 40 characters.
fn secrets(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|number| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{mixed:020x}{:020X}", mixed.rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    })
}

/// Returns the throughput for a text whose lines `line` creates.
fn speed(redactor: &Redactor, line: impl Fn(usize) -> String) -> String {
    let text: String = (0..)
        .map(line)
        .scan(0, |length, line| {
            *length += line.len();
            (*length < READ + 1_000).then_some(line)
        })
        .collect();
    let read = &text.as_bytes()[..READ];
    let mut stream = redactor.stream();
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        for _ in 0..READS {
            black_box(stream.push(black_box(read)));
        }
        begun.elapsed() / READS
    });
    let fastest = rounds.min().expect("there is at least one round");
    format!("{:.0} MB/s", 65.536e-3 / fastest.as_secs_f64())
}

/// Redacts a line of one gigabyte. Returns the time, and by how much the memory of this program has grown.
fn long_line(redactor: &Redactor) -> (Duration, u64) {
    let read: Vec<u8> = b"abcdefghijklmnopqrstuvwxyz 0123456789 ".iter().copied().cycle().take(READ).collect();
    let mut stream = redactor.stream();
    black_box(stream.push(&read));
    let (before, mut most) = (resident(), 0);
    let begun = Instant::now();
    for number in 0..LINE_READS {
        black_box(stream.push(black_box(&read)));
        if number % 1_000 == 0 {
            most = most.max(resident());
        }
    }
    black_box(stream.finish());
    (begun.elapsed(), most.saturating_sub(before))
}

/// Returns the resident memory of this program in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux reports it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1024
}
