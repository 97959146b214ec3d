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
        let base = said(&mut out, "Listening on ");
        Self { api: Api::new(base), child, out }
    }

    /// Returns the link that logs in once; it can be asked for once.
    pub fn login_link(&mut self) -> String {
        said(&mut self.out, "Log in once with ")
    }

    /// Sends SIGKILL and waits until it has died.
    pub fn kill(mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it has died");
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
            status = self.child.try_wait().expect("it is our child");
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

/// Returns what the next line says after those words.
fn said(out: &mut impl BufRead, words: &str) -> String {
    let mut line = String::new();
    out.read_line(&mut line).expect("it is a pipe");
    line.trim().strip_prefix(words).unwrap_or_else(|| panic!("it says {words:?}, not {line:?}")).to_owned()
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
