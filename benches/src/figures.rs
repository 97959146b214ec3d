//! The benchmarks. Each prints its results next to their targets.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::abuse;
use crate::client::{Client, Seen};
use crate::load;
use crate::redactor;
use crate::revocation;
use crate::server::Server;
use crate::workers;

/// Runs the benchmarks with the given names. If no names are given, runs all of them.
pub async fn all(names: &[String]) {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|given| given == name);
    println!("{:<44} {:>12} {:>12}", "figure", "measured", "target");
    if wanted("idle") {
        idle().await;
    }
    if wanted("latency") {
        latency().await;
    }
    if wanted("file") {
        file().await;
    }
    if wanted("readers") {
        readers().await;
    }
    if wanted("jobs") {
        jobs().await;
    }
    if wanted("flood") {
        load::flood().await;
    }
    if wanted("terminal") {
        load::terminal().await;
    }
    if wanted("streams") {
        load::streams().await;
    }
    if wanted("disk") {
        load::disk().await;
    }
    if wanted("search") {
        load::search().await;
    }
    if wanted("abuse") {
        abuse::abuse().await;
    }
    if wanted("revocation") {
        revocation::revocation().await;
    }
    if wanted("worker") {
        workers::worker().await;
    }
    if wanted("many") {
        workers::many().await;
    }
    if wanted("redactor") {
        redactor::redactor();
    }
}

/// Prints a result next to its target.
pub fn row(figure: &str, measured: &str, target: &str) {
    println!("{figure:<44} {measured:>12} {target:>12}");
}

/// Sorts `values` and returns the percentile that `part` specifies: 0.99 is the 99th percentile. Returns NaN if
/// `values` is empty.
pub fn percentile(values: &mut [u64], part: f64) -> f64 {
    values.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list"
    )]
    let place = ((values.len() as f64 * part) as usize).min(values.len().saturating_sub(1));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    values.get(place).map_or(f64::NAN, |value| *value as f64)
}

/// Formats a duration in milliseconds. `nanos` is the duration in nanoseconds.
pub fn millis(nanos: f64) -> String {
    format!("{:.2} ms", nanos / 1e6)
}

/// Formats a number of bytes in mebibytes.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Returns a shell command that prints `count` lines at `rate` lines per second. Each line contains the time at which
/// it was written.
pub fn printer(rate: u32, count: u32) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!("exec {} --print {rate} {count}", program.display())
}

async fn idle() {
    let server = Server::start();
    let client = Client::new(&server.address);
    client.get("/jobs").await;
    // Wait until the server is idle, so that its start is not measured.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = server.thread_times();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let used = |(thread, time): (u32, u64)| time.saturating_sub(before.get(&thread).copied().unwrap_or(0));
    let used: u64 = server.thread_times().into_iter().map(used).sum();
    row("idle: memory", &mib(server.memory("VmRSS")), "40 MB");
    row("idle: CPU time in 10 s", &format!("{:.1} ms", Duration::from_nanos(used).as_secs_f64() * 1e3), "0 ms");
    row("the page: script and module, brotli", &format!("{} kB", size_of_page() / 1000), "250 kB");
}

/// Returns the total compressed size of the scripts and WASM modules of all pages, in bytes. A single page loads only
/// some of the modules.
fn size_of_page() -> u64 {
    let files = std::fs::read_dir("target/site/pkg").into_iter().flatten().flatten();
    let counts = |name: &str| name.ends_with(".js.br") || name.ends_with(".wasm.br");
    let counted = files.filter(|file| file.file_name().to_str().is_some_and(counts));
    counted.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

async fn latency() {
    let server = Server::start();
    let client = Client::new(&server.address);
    let job = client.submit(&json!({"run": printer(10, 200)})).await;
    server.commit_micros();
    let mut seen = client.stream(&job).await.read_to_end().await;
    row("10 lines/s: write to client, p50", &millis(percentile(&mut seen.delays, 0.5)), "1.5 ms");
    row("10 lines/s: write to client, p99", &millis(percentile(&mut seen.delays, 0.99)), "5 ms");
    let mut commits: Vec<u64> = server.commit_micros().iter().map(|micros| micros * 1000).collect();
    row("  of which the commit, p50", &millis(percentile(&mut commits, 0.5)), "");
    row("  of which the commit, p99", &millis(percentile(&mut commits, 0.99)), "");
    let mut syncs = fdatasyncs(server.folder.path());
    row("  one fdatasync of 8 KiB here, p50", &millis(percentile(&mut syncs, 0.5)), "");
    row("  one fdatasync of 8 KiB here, p99", &millis(percentile(&mut syncs, 0.99)), "");
}

fn fdatasyncs(folder: &Path) -> Vec<u64> {
    let mut file = File::create(folder.join("fdatasync")).expect("the folder can be written");
    let mut sync = || {
        let start = Instant::now();
        file.write_all(&[1; 8192]).and_then(|()| file.sync_data()).expect("writing succeeds");
        u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    };
    (0..200).map(|_| sync()).collect()
}

/// The number of lines that [`write_lines`] writes. Each line has 100 bytes.
pub const LINES: usize = 500_000;

async fn file() {
    let server = Server::start();
    let client = Client::new(&server.address);
    let path = std::fs::canonicalize(server.folder.path()).expect("the folder exists").join("input");
    write_lines(&path);
    let mut ratios = Vec::new();
    let (mut cats, mut times) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let cat = cat_to_cat(&path);
        let job = json!({"run": format!("cat {}", path.display())});
        let start = Instant::now();
        let id = client.submit(&job).await;
        let seen = client.stream(&id).await.read_to_end().await;
        let time = seen.last.expect("the job printed") - start;
        assert_eq!(seen.lines, LINES, "every line arrived");
        ratios.push(u64::try_from(time.as_nanos() * 1000 / cat.as_nanos()).unwrap_or(u64::MAX));
        cats.push(u64::try_from(cat.as_nanos()).unwrap_or(u64::MAX));
        times.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
    row("50 MB: cat | cat", &millis(percentile(&mut cats, 0.5)), "");
    row("50 MB: submitted to the last line at a reader", &millis(percentile(&mut times, 0.5)), "");
    row("50 MB: as a multiple of cat | cat, median", &format!("{:.1}", percentile(&mut ratios, 0.5) / 1e3), "5.5");
    row("50 MB: maximum memory of the server", &mib(server.memory("VmHWM")), "150 MB");
}

/// Writes a file of 50 MB with [`LINES`] lines.
pub fn write_lines(path: &Path) {
    let mut input = std::io::BufWriter::new(File::create(path).expect("the folder can be written"));
    for line in 0..LINES {
        writeln!(input, "{line:>7} {:<91}", "the quick brown fox jumps over the lazy dog").expect("writing succeeds");
    }
    input.flush().expect("writing succeeds");
}

fn cat_to_cat(path: &Path) -> Duration {
    let start = Instant::now();
    let pipe = format!("cat {0} | cat > {0}.copy", path.display());
    let status = Command::new("sh").args(["-c", &pipe]).status().expect("a shell is installed");
    assert!(status.success(), "the disk takes it");
    start.elapsed()
}

const READERS: u32 = 1000;

async fn readers() {
    let server = Server::start();
    let client = Client::new(&server.address);
    // The job starts printing once this file exists. The file is created after all readers have connected.
    let go = std::fs::canonicalize(server.folder.path()).expect("the folder exists").join("go");
    let wait = format!("while [ ! -e {} ]; do sleep 0.05; done; {}", go.display(), printer(10, 200));
    let job = client.submit(&json!({"run": wait})).await;
    let before = server.memory("VmRSS");
    let mut streams = Vec::new();
    for _ in 0..READERS {
        streams.push(client.stream(&job).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let tasks: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(stream.read_to_end())).collect();
    let (cpu, start) = (server.cpu(), Instant::now());
    File::create(&go).expect("the folder can be written");
    tokio::time::sleep(Duration::from_secs(19)).await;
    let (cpu, time) = (server.cpu() - cpu, start.elapsed());
    let memory = server.memory("VmRSS").saturating_sub(before);
    let mut delays = Vec::new();
    let mut lines = 0;
    for task in tasks {
        let Seen { delays: of_one, lines: of_reader, .. } = task.await.expect("a reader ends");
        delays.extend(of_one);
        lines += of_reader;
    }
    assert_eq!(lines, 200 * READERS as usize, "every reader has every line");
    row("1,000 readers: write to client, p50", &millis(percentile(&mut delays, 0.5)), "");
    row("1,000 readers: write to client, p99", &millis(percentile(&mut delays, 0.99)), "40 ms");
    row("1,000 readers: share of a core", &format!("{:.1} %", 100.0 * cpu / time.as_secs_f64()), "25 %");
    let each = memory / u64::from(READERS) / 1024;
    row("1,000 readers: memory per reader", &format!("{each} KiB"), "24 KiB");
}

pub const JOBS: u32 = 200;

async fn jobs() {
    let server = Server::start();
    let client = Client::new(&server.address);
    let start = Instant::now();
    submit_trivial_jobs(&client).await;
    let rate = f64::from(JOBS) / start.elapsed().as_secs_f64();
    row("200 jobs of `true`", &format!("{rate:.0} /s"), "200 /s");
}

/// Submits jobs that do nothing, and waits until all of them have finished.
pub async fn submit_trivial_jobs(client: &Client) {
    let submit = |_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..JOBS / 8 {
                client.submit(&json!({"run": "true"})).await;
            }
        })
    };
    let tasks: Vec<_> = (0..8).map(submit).collect();
    for task in tasks {
        task.await.expect("jobs are submitted");
    }
    loop {
        let open = client.get("/jobs?status=queued,running&limit=1&summary=true").await;
        if open["items"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
