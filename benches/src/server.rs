//! Runs the release server as a separate process and measures its resource usage.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;

pub const TOKEN: &str = "bench-token-0123456789abcdef0123456789";

pub struct Server {
    child: Child,
    pub address: String,
    /// A directory for the files of a benchmark. Jobs can access it.
    pub folder: TempDir,
    /// The server's data directory. Jobs cannot access it.
    pub data: PathBuf,
    /// Receives the duration of each commit, in microseconds.
    pub commits: mpsc::Receiver<u64>,
}

impl Server {
    /// Starts the release server with default settings. Its data directory is in `target`, because the directory for
    /// temporary files may be in RAM.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the server with additional environment variables.
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir_in("target").expect("target can be written");
        let data = folder.path().join("data");
        let mut child = Command::new("target/release/tailwater")
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .env("TAILWATER_ADMIN_TOKEN", TOKEN)
            .env("TAILWATER_LOG", "warn,tailwater_engine::db::writer=debug")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`make bench` has built target/release/tailwater");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("the stream is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server prints its address");
        let address =
            line.trim().strip_prefix("Listening on http://").expect("the server prints its address").to_owned();
        let stderr = child.stderr.take().expect("the stream is piped");
        let (sender, commits) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                match line.split_once("micros=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()) {
                    Some(micros) => sender.send(micros).unwrap_or_default(),
                    None => eprintln!("server: {line}"),
                }
            }
        });
        Self { child, address, folder, data, commits }
    }

    /// Returns the durations of the commits since the previous call, in microseconds.
    pub fn commit_micros(&self) -> Vec<u64> {
        self.commits.try_iter().collect()
    }

    /// Returns the value of the field `name` of `/proc/PID/status`, such as `VmRSS` or `VmHWM`, in bytes.
    pub fn memory(&self, name: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process is running");
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux has it");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("it is a number");
        kib * 1024
    }

    /// Returns the CPU time that the server has used, in seconds.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the process is running");
        let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name ends").1.split(' ').collect();
        let ticks = |field: usize| fields[field].parse::<f64>().expect("it is a number");
        // `fields` begins with field 3 of `/proc/PID/stat`, so the indices 11 and 12 refer to fields 14 and 15. These
        // fields are the user and system time, in units of 10 ms.
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Returns the CPU time that each thread of the server has used, in nanoseconds, by thread id.
    ///
    /// For short periods, the result is more precise than that of [`Self::cpu`], whose unit is 10 ms. The result omits
    /// threads that have ended.
    pub fn thread_times(&self) -> HashMap<u32, u64> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process is running");
        let time = |task: std::fs::DirEntry| {
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((task.file_name().to_str()?.parse().ok()?, times.split(' ').next()?.parse().ok()?))
        };
        tasks.filter_map(|task| time(task.ok()?)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
