//! Benchmarks of extreme cases: a flood of output while other jobs run, thousands of idle readers, and the disk space
//! that a finished job uses.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::figures::{mib, millis, percentile, printer, row};
use crate::server::Server;

/// The number of jobs that run during the flood.
const CHATTY: usize = 20;

/// Runs `yes | head -c 2G` at the same time as 20 jobs that print 10 lines per second.
pub async fn flood() {
    let server = Server::start_with(&[("TAILWATER_CONCURRENCY", "21")]);
    let client = Client::new(&server.address);
    let (mut jobs, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..CHATTY {
        let job = client.submit(&json!({"run": printer(10, 6000)})).await;
        readers.push(tokio::spawn(client.stream(&job).await.read_to_end()));
        jobs.push(job);
    }
    let start = Instant::now();
    let flood = client.submit(&json!({"run": "yes | head -c 2G"})).await;
    let ended = client.ended(&flood).await;
    let took = start.elapsed();
    for job in &jobs {
        client.cancel(job).await;
    }
    let mut delays = Vec::new();
    for reader in readers {
        delays.extend(reader.await.expect("a reader ends").delays);
    }
    assert_eq!(
        (&ended["status"], &ended["logBytes"]),
        (&json!("succeeded"), &json!(2_u64 << 30)),
        "the whole output is kept"
    );
    row("2 GiB of `yes` beside 20 jobs: time", &format!("{:.1} s", took.as_secs_f64()), "");
    row("  maximum memory of the server", &mib(server.memory("VmHWM")), "300 MB");
    row("  the other jobs' lines, p95", &millis(percentile(&mut delays, 0.95)), "2000 ms");
    row("  database and its log", &mib(size_of(&server.data, "tailwater.sqlite")), "");
    row("  spool, before it is compressed", &mib(size_of(&server.data.join("spool").join(&flood), "")), "2048 MiB");
}

/// Runs `yes | head -c 2G` through a pipe and then through a terminal, and compares how long they take.
pub async fn terminal() {
    let server = Server::start();
    let client = Client::new(&server.address);
    let (mut times, mut sums) = (Vec::new(), Vec::new());
    for terminal in [false, true] {
        let start = Instant::now();
        let job = client.submit(&json!({"run": "yes | head -c 2G", "terminal": terminal})).await;
        let ended = client.ended(&job).await;
        times.push(start.elapsed().as_secs_f64());
        assert_eq!(
            (&ended["status"], &ended["logBytes"]),
            (&json!("succeeded"), &json!(2_u64 << 30)),
            "nothing is lost"
        );
        sums.push(ended["logSha256"].clone());
    }
    assert_eq!(sums[0], sums[1], "both print the same bytes");
    let [pipe, terminal] = times[..] else { unreachable!("there are two jobs") };
    let rate = |seconds: f64| format!("{:.0} MB/s", f64::from(2 << 10) * f64::from(1 << 20) / seconds / 1e6);
    row("2 GiB of `yes` through a pipe", &rate(pipe), "");
    row("  through a terminal", &rate(terminal), "100 MB/s");
    row("  terminal, as a multiple of the pipe", &format!("{:.1}", terminal / pipe), "");
}

const IDLE_READERS: u64 = 10_000;

/// Measures the memory and the CPU time that 10,000 idle readers of one job use.
pub async fn streams() {
    let server = Server::start_with(&[("TAILWATER_STREAMS", "10000"), ("TAILWATER_STREAMS_PER_USER", "10000")]);
    let client = Client::new(&server.address);
    let job = client.submit(&json!({"run": "sleep 600"})).await;
    let (before, start) = (server.memory("VmRSS"), Instant::now());
    let mut streams = Vec::new();
    for _ in 0..IDLE_READERS {
        streams.push(client.stream(&job).await);
    }
    for stream in &mut streams {
        stream.opened().await;
    }
    let opened = start.elapsed();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let memory = server.memory("VmRSS").saturating_sub(before);
    let (cpu, start) = (server.cpu(), Instant::now());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let cpu = 100.0 * (server.cpu() - cpu) / start.elapsed().as_secs_f64();
    row("10,000 idle readers: opened in", &format!("{:.1} s", opened.as_secs_f64()), "");
    row("  memory per reader", &format!("{} KiB", memory / IDLE_READERS / 1024), "24 KiB");
    row("  share of a core, heartbeat every 10 s", &format!("{cpu:.1} %"), "");
    client.cancel(&job).await;
}

/// Measures the disk space used by a finished job that printed 50 MB. The result is relative to the size of the job's
/// output after compression with `zstd -3`.
pub async fn disk() {
    let server = Server::start();
    let client = Client::new(&server.address);
    let path = fs::canonicalize(server.folder.path()).expect("the folder exists").join("input");
    write_log(&path, LogSize::Bytes(50_000_000), 4).expect("writing succeeds");
    let id = client.submit(&json!({"run": format!("cat {}", path.display())})).await;
    client.ended(&id).await;
    let spool = server.data.join("spool").join(&id).join("1");
    // Wait until the background task has compressed the log.
    while spool.join("output.log").exists() || spool.join("output.idx").exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let compressed = path.with_extension("zst");
    let done = Command::new("zstd").args(["-q", "-3", "-o"]).args([&compressed, &path]).status();
    assert!(done.is_ok_and(|status| status.success()), "zstd is installed");
    let (text, least) = (size_of(&path, ""), size_of(&compressed, ""));
    let (log, database) = (size_of(&spool, ""), size_of(&server.data, "tailwater.sqlite"));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let times = |bytes: u64| format!("{:.2}", bytes as f64 / least as f64);
    row("a finished 50 MB job: its text", &mib(text), "");
    row("  its log on disk, as a multiple of `zstd -3`", &times(log), "");
    row("  the same, with the events in the database", &times(log + database), "");
}

/// The number of lines of the log that is searched. They have about 100 bytes each.
const SEARCHED_LINES: usize = 10_000_000;

/// Measures searches of a finished, compressed log of 10,000,000 lines and 1 GB. Compares the increase of the server's
/// memory with the one for a log of a tenth of this size.
pub async fn search() {
    let small = search_log(SEARCHED_LINES / 10, |_, _, _| {}).await;
    let large = search_log(SEARCHED_LINES, row).await;
    row("  increase of the maximum memory", &mib(large), "");
    row("  the same for a log of a tenth of the size", &mib(small), "");
}

/// Searches a log with this number of lines, and reports the results to `report`. Returns the increase of the server's
/// maximum memory in bytes.
async fn search_log(lines: usize, report: fn(&str, &str, &str)) -> u64 {
    let server = Server::start();
    let client = Client::new(&server.address);
    let path = fs::canonicalize(server.folder.path()).expect("the folder exists").join("input");
    write_log(&path, LogSize::Lines(lines), 11).expect("writing succeeds");
    let id = client.submit(&json!({"run": format!("cat {}", path.display())})).await;
    client.ended(&id).await;
    let spool = server.data.join("spool").join(&id).join("1");
    while spool.join("output.log").exists() || spool.join("output.idx").exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = server.memory("VmHWM");
    let lines = client.get(&format!("/jobs/{id}/lines?from=-1")).await["totalLines"].clone();
    report("a compressed log: its lines", &lines.to_string(), "");
    for (name, query, target) in [
        ("a frequent text", "q=warning", "2 s"),
        ("a rare text", "q=[+9000000]", "2 s"),
        ("a rare string, ignoring case", "q=[+9000000]&ignoreCase=true", "2 s"),
        ("a simple expression", "q=linking+test+[0-9]%2B$&regex=true", "4 s"),
        ("errors", "level=error", "10 s"),
    ] {
        let path = format!("/jobs/{id}/log/search?{query}&limit=1");
        let searched = client.search(&path).await;
        report(&format!("  {name}: first hit"), &millis(searched.first), "200 ms");
        report(&format!("  all {} counted", searched.matches), &millis(searched.all), target);
    }
    server.memory("VmHWM") - before
}

/// The size of a log.
#[derive(Clone, Copy)]
enum LogSize {
    Bytes(usize),
    Lines(usize),
}

/// Writes text that resembles a build log: numbered lines with repeated words and a random number.
fn write_log(path: &Path, size: LogSize, words_per_line: usize) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(File::create(path)?);
    let words = ["compiling", "linking", "warning", "unused", "module", "test", "ok", "running", "cached", "fetched"];
    let (mut random, mut written) = (fastrand::Rng::with_seed(1), 0);
    for number in 1.. {
        let is_complete = match size {
            LogSize::Bytes(bytes) => written >= bytes,
            LogSize::Lines(lines) => number > lines,
        };
        if is_complete {
            break;
        }
        let words: Vec<&str> = (0..words_per_line).map(|_| words[random.usize(..words.len())]).collect();
        let line = format!("[{number:>8}] {} {:x}\n", words.join(" "), random.u32(..));
        out.write_all(line.as_bytes())?;
        written += line.len();
    }
    out.flush()
}

/// Returns the size of a file in bytes. If `path` is a directory, returns the total size of the files and
/// subdirectories in it whose names begin with `prefix`.
fn size_of(path: &Path, prefix: &str) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return path.metadata().map_or(0, |data| data.len()) };
    let named = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named.map(|entry| size_of(&entry.path(), "")).sum()
}
