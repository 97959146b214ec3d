//! Benchmarks of the main data path, and of the redactor that it contains. A release server and its clients share the
//! same CPU cores, and each result is printed next to its target.
//!
//! The benchmarks are not tests: a missed target is not a failure. `make bench` builds the server and runs this
//! program. The arguments of the program select benchmarks by name (`idle`, `latency`, `file`, `readers`, `jobs`,
//! `flood`, `terminal`, `streams`, `disk`, `search`, `abuse`, `revocation`, `worker`, `many`, `redactor`). Jobs that
//! print lines run this program with the arguments `--print RATE COUNT`.

mod abuse;
mod client;
mod figures;
mod load;
mod redactor;
mod revocation;
mod server;
mod workers;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Returns the current time in nanoseconds since 1970.
fn now_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
    u64::try_from(since.as_nanos()).expect("the time fits into 64 bits")
}

/// Prints `count` lines at `rate` lines per second. Each line contains the time at which it was written.
fn print_lines(rate: f64, count: u32) {
    let start = Instant::now();
    let mut out = std::io::stdout().lock();
    for line in 0..count {
        let due = start + Duration::from_secs_f64(f64::from(line) / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        writeln!(out, "line {line} written at {} by the child of a benchmark", now_nanos()).expect("the pipe is open");
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [print, rate, count] = arguments.as_slice()
        && print == "--print"
    {
        print_lines(rate.parse().expect("a rate"), count.parse().expect("a count"));
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    runtime.block_on(figures::all(&arguments));
}
