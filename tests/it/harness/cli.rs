//! The command line as a process of its own, as people run it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{TOKEN, until};

/// How long a program may take before the test fails: nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs `tailwater`, in a folder and with a home of its own.
pub struct Cli {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Cli {
    /// One that knows the server and its token.
    pub fn new(server: &str) -> Self {
        Self::without_server().with("TAILWATER_SERVER", server).with("TAILWATER_TOKEN", TOKEN)
    }

    /// One that knows nothing.
    pub fn without_server() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), environment: Vec::new() }
    }

    /// Sets a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the folder in which it runs, which is its home too.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn spawn(&self, arguments: &[&str], stdin: Stdio) -> Child {
        self.command(arguments).stdin(stdin).spawn().expect("the program starts")
    }

    /// Returns the command that runs it, for what only few tests need.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tailwater"));
        command.args(arguments).current_dir(self.folder()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder());
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that was made by [`Cli::command`] to its end.
    pub async fn run_command(mut command: Command) -> Done {
        let child = command.spawn().expect("the program starts");
        // It may hold the other end of a pipe.
        drop(command);
        Done::of(child, &["a command"]).await
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.spawn(arguments, Stdio::null()), arguments).await
    }

    /// Runs it to its end with something on its standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self.spawn(arguments, Stdio::piped());
        let mut stdin = child.stdin.take().expect("it is a pipe");
        // One that needs no more of it may have closed it.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        Done::of(child, arguments).await
    }

    /// Runs it and expects it to succeed; returns what it printed.
    pub async fn stdout(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        done.stdout
    }

    /// Starts it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.spawn(arguments, Stdio::null());
        let stdout = lines(child.stdout.take().expect("it is a pipe"));
        let stderr = lines(child.stderr.take().expect("it is a pipe"));
        Running { child, stdout, stderr }
    }
}

/// How it ended and what it wrote.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// What it wrote to its standard output, byte for byte.
    pub bytes: Vec<u8>,
    /// And to its standard error.
    pub error_bytes: Vec<u8>,
}

impl Done {
    /// Waits in a thread of its own: the server may run in this one.
    async fn of(child: Child, arguments: &[&str]) -> Self {
        let pid = child.id();
        let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
        let Ok(ended) = tokio::time::timeout(PATIENCE, waiting).await else {
            send("-KILL", pid);
            panic!("{arguments:?} does not end");
        };
        let Output { status, stdout, stderr } = ended.expect("waiting does not panic").expect("it is our child");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: status.code(), stdout: text(&stdout), stderr: text(&stderr), bytes: stdout, error_bytes: stderr }
    }
}

/// A running one; it dies with the test.
pub struct Running {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
}

impl Running {
    /// Returns the next line of its standard output.
    pub async fn line(&mut self) -> String {
        let line = next(&mut self.stdout).await.expect("it writes on");
        line.trim_end_matches('\n').to_owned()
    }

    /// Waits for a line of its standard error that holds this.
    pub async fn complains(&mut self, what: &str) {
        while !next(&mut self.stderr).await.unwrap_or_else(|| panic!("it never says {what}")).contains(what) {}
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Sends a signal, named as for `kill`.
    pub fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Closes what reads its standard output and waits for its end.
    pub async fn close_stdout(mut self) -> Done {
        self.stdout.close();
        while self.stdout.recv().await.is_some() {}
        let stderr = rest(&mut self.stderr).await;
        Done {
            code: self.exit_code().await,
            stdout: String::new(),
            error_bytes: stderr.clone().into_bytes(),
            stderr,
            bytes: Vec::new(),
        }
    }

    /// Waits for its end; returns what it wrote since the last line that was read.
    pub async fn ended(mut self) -> Done {
        let (stdout, stderr) = tokio::join!(rest(&mut self.stdout), rest(&mut self.stderr));
        Done {
            code: self.exit_code().await,
            bytes: stdout.clone().into_bytes(),
            error_bytes: stderr.clone().into_bytes(),
            stdout,
            stderr,
        }
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        until("the program exits", || {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        })
        .await;
        status.and_then(|status| status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads a pipe line by line, one ahead: what nobody takes stays in the pipe.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let (mut pipe, mut line) = (BufReader::new(pipe), String::new());
        while pipe.read_line(&mut line).expect("it writes UTF-8") > 0 {
            if sender.blocking_send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn next(lines: &mut mpsc::Receiver<String>) -> Option<String> {
    tokio::time::timeout(PATIENCE, lines.recv()).await.expect("it writes in time")
}

async fn rest(lines: &mut mpsc::Receiver<String>) -> String {
    let mut text = String::new();
    while let Some(line) = next(lines).await {
        text.push_str(&line);
    }
    text
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill is there");
    assert!(sent.success());
}
