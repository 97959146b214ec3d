//! Runs workers as separate processes, as users do on other machines.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{CONCURRENCY, PROGRAM, Process};
use super::{Api, until};

/// The name of the file with the worker's log. The file is beside the worker's directory.
const LOG: &str = "worker.log";

/// A running `tailwater worker`, which is killed when the test ends.
pub struct WorkerProcess {
    child: Child,
    arguments: Vec<String>,
    folder: TempDir,
    token: String,
}

/// Starts a server that runs no jobs by itself.
pub fn server_without_worker(data: &Path) -> Process {
    Process::start_by(data, |mut program| {
        program.env(CONCURRENCY, "0");
        program
    })
}

impl WorkerProcess {
    /// Starts a worker with additional arguments.
    pub async fn start(server: &Api, arguments: &[&str]) -> Self {
        Self::start_through(server, &server.base, arguments).await
    }

    /// Starts a worker that connects to the server at another address, for example through a proxy.
    pub async fn start_through(server: &Api, base: &str, arguments: &[&str]) -> Self {
        let new = json!({"name": "a worker", "role": "worker", "expiresInDays": 1});
        let created: Value = server.post("/tokens", &new).await.json().await.expect("the body is JSON");
        let token = created["token"].as_str().unwrap_or_else(|| panic!("a token was created: {created}")).to_owned();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut all = vec!["worker".to_owned(), "--server".to_owned(), base.to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let child = spawn(&all, folder.path(), &token);
        Self { child, arguments: all, folder, token }
    }

    /// Starts the worker again after it has exited, with the same directory.
    pub fn restart(&mut self) {
        self.child = spawn(&self.arguments, self.folder.path(), &self.token);
    }

    /// Returns the worker's directory.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("worker")
    }

    /// Returns the worker's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the text of the worker's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).expect("the log exists")
    }

    /// Sends a signal, for example `TERM`.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill is installed");
        assert!(sent.success());
    }

    /// Sends SIGKILL and waits until the process has exited.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process is running");
        self.child.wait().expect("the process has exited");
    }

    /// Waits until the worker has exited, and returns its exit status.
    pub async fn exited(&mut self) -> ExitStatus {
        let mut status = None;
        until("the worker exits", || {
            status = self.child.try_wait().expect("the child can be waited for");
            status.is_some()
        })
        .await;
        status.expect("the process has exited")
    }

    /// Returns the number of files and directories that the worker keeps for jobs.
    pub fn files_of_jobs(&self) -> usize {
        let count = |name| fs::read_dir(self.folder().join(name)).map_or(0, Iterator::count);
        ["spool", "work", "inputs"].into_iter().map(count).sum()
    }
}

fn spawn(arguments: &[String], folder: &Path, token: &str) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(folder.join(LOG)).expect("the folder can be written");
    Command::new(PROGRAM)
        .args(arguments)
        .env("TAILWATER_TOKEN", token)
        .env("TAILWATER_WORKER_DIR", folder.join("worker"))
        .env("TAILWATER_CANCEL_GRACE_SECONDS", "1")
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the worker starts")
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
