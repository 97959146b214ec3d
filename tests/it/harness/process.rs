//! The server as a process of its own, as people run it.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use super::{Api, TOKEN, until};

/// The program that was built.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tailwater");

/// A running `tailwater serve`; it dies with the test.
pub struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    pub api: Api,
}

impl Process {
    /// Starts one over a data folder and waits until it answers; what it logs is appended to `server.log` there.
    pub fn start(data: &Path) -> Self {
        Self::start_by(data, |program| program)
    }

    /// Starts one by way of another program, or with other variables.
    pub fn start_by(data: &Path, by: impl FnOnce(Command) -> Command) -> Self {
        Self::spawn(data, by).unwrap_or_else(|mut child| panic!("it ended before it listened: {:?}", child.wait()))
    }

    /// Starts one that may die before it answers; then its end is returned.
    pub fn start_to_die(data: &Path, by: impl FnOnce(Command) -> Command) -> Result<Self, ExitStatus> {
        Self::spawn(data, by).map_err(|mut child| child.wait().expect("it is our child"))
    }

    fn spawn(data: &Path, by: impl FnOnce(Command) -> Command) -> Result<Self, Child> {
        let log = OpenOptions::new().create(true).append(true).open(data.join("server.log"));
        let log = log.expect("the folder can be written");
        let mut child = by(Command::new(PROGRAM))
            .args(["serve", "--listen", "127.0.0.1:0", "--concurrency", "4", "--data-dir"])
            .arg(data)
            .env("TAILWATER_ADMIN_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is a pipe"));
        match said(&mut out, "Listening on ") {
            Some(base) => Ok(Self { api: Api::new(base), child, out }),
            None => Err(child),
        }
    }

    /// Returns the link that logs in once; it can be asked for once.
    pub fn login_link(&mut self) -> String {
        said(&mut self.out, "Log in once with ").expect("it says so")
    }

    /// Sends SIGKILL and waits until it has died; returns how it did.
    pub fn kill(mut self) -> ExitStatus {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it has died")
    }

    /// Returns how it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// Waits until it has exited.
    pub async fn exited(&mut self) -> ExitStatus {
        let mut status = None;
        until("the server exits", || {
            status = self.ended();
            status.is_some()
        })
        .await;
        status.expect("it has just been seen")
    }

    /// Returns the memory that it has in use, in KiB.
    pub fn rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux counts it");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }
}

/// Returns what the next line says after those words; nothing if there is no next line.
fn said(out: &mut impl BufRead, words: &str) -> Option<String> {
    let mut line = String::new();
    out.read_line(&mut line).expect("it is a pipe");
    let said = line.trim().strip_prefix(words).map(str::to_owned);
    assert!(said.is_some() || line.is_empty(), "it says {words:?}, not {line:?}");
    said
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
