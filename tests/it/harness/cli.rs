//! Runs the command line as a separate process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::watchdog::watch;
use super::{TOKEN, until};

/// The maximum run time of a program before the test fails. A passing test never waits this long.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs `tailwater` in a temporary directory, which is also its home directory.
pub struct Cli {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Cli {
    /// Creates a temporary directory and an environment in which the program uses `server` with the admin token.
    pub fn new(server: &str) -> Self {
        Self::without_server().with("TAILWATER_SERVER", server).with("TAILWATER_TOKEN", TOKEN)
    }

    /// Creates a temporary directory and an environment in which the program has no configuration.
    pub fn without_server() -> Self {
        watch();
        Self { folder: tempfile::tempdir().expect("a temporary folder"), environment: Vec::new() }
    }

    /// Adds an environment variable for the program.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the working directory of the program, which is also its home directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn spawn(&self, arguments: &[&str], stdin: Stdio) -> Child {
        self.command(arguments).stdin(stdin).spawn().expect("the program starts")
    }

    /// Returns the `tailwater` command, so that a test can configure it further.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // `env` restores the default handling of signals. If a shell without job control has started the tests in the
        // background, they ignore some signals, and the program would inherit this.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP,INT,QUIT,TERM", env!("CARGO_BIN_EXE_tailwater")]).args(arguments);
        command.current_dir(self.folder()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder());
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns a command that runs the program on a terminal of 77 columns and 23 rows. The command prints what the
    /// program writes to the terminal.
    pub fn on_terminal(&self, arguments: &[&str]) -> Command {
        self.in_terminal("exec \"$0\" \"$@\"", arguments)
    }

    /// Returns a command that runs a script on a terminal. The command prints what the script writes to the terminal.
    /// In the script, `"$0" "$@"` is the program with its arguments.
    pub fn in_terminal(&self, script: &str, arguments: &[&str]) -> Command {
        let program = self.command(arguments);
        let spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
        let mut command = Command::new("python3");
        command.args(["-c", spawn, "sh", "-c", &format!("stty cols 77 rows 23; {script}")]);
        command.arg(program.get_program()).args(program.get_args());
        command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command created by [`Cli::command`] until it exits.
    pub async fn run_command(mut command: Command) -> Done {
        let child = command.spawn().expect("the program starts");
        // `command` may own the other end of a pipe. This end must be closed before this function waits for the
        // program.
        drop(command);
        Done::of(child, &["a command"]).await
    }

    /// Runs the program until it exits.
    pub async fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.spawn(arguments, Stdio::null()), arguments).await
    }

    /// Runs the program with the given standard input until it exits.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self.spawn(arguments, Stdio::piped());
        let mut stdin = child.stdin.take().expect("the stream is piped");
        // Ignore errors: the program may already have closed the pipe, because it needs no more input.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        Done::of(child, arguments).await
    }

    /// Runs the program, checks that it succeeds, and returns its standard output.
    pub async fn stdout(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        done.stdout
    }

    /// Starts the program without waiting for it to exit.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::of(self.command(arguments))
    }
}

/// The exit code and the output of a program that has exited.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The standard output, byte for byte.
    pub bytes: Vec<u8>,
    /// The standard error, byte for byte.
    pub error_bytes: Vec<u8>,
}

impl Done {
    /// Waits for the program on a separate thread, because the server may be running on the current thread.
    async fn of(child: Child, arguments: &[&str]) -> Self {
        let pid = child.id();
        let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
        let Ok(ended) = tokio::time::timeout(PATIENCE, waiting).await else {
            send("-KILL", pid);
            panic!("{arguments:?} does not end");
        };
        let Output { status, stdout, stderr } =
            ended.expect("waiting does not panic").expect("the child can be waited for");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: status.code(), stdout: text(&stdout), stderr: text(&stderr), bytes: stdout, error_bytes: stderr }
    }
}

/// A running program, which is killed when the test ends.
pub struct Running {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
}

impl Running {
    /// Starts a command whose standard output and standard error are pipes.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let stdout = lines(child.stdout.take().expect("the stream is piped"));
        let stderr = lines(child.stderr.take().expect("the stream is piped"));
        Self { child, stdout, stderr }
    }

    /// Returns the next line of standard output.
    pub async fn line(&mut self) -> String {
        let line = next(&mut self.stdout).await.expect("another line is printed");
        line.trim_end_matches('\n').to_owned()
    }

    /// Waits until a line on standard error contains `what`.
    pub async fn complains(&mut self, what: &str) {
        while !next(&mut self.stderr).await.unwrap_or_else(|| panic!("{what} is never printed")).contains(what) {}
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Sends a signal, given as an option of `kill` such as `-INT`.
    pub fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Closes the read end of the program's standard output and waits until the program exits.
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

    /// Waits until the program exits, and returns the output that has not been read yet.
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
            status = self.child.try_wait().expect("the child can be waited for");
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

/// Reads a pipe line by line. The channel holds at most one line, so most of the unread output stays in the pipe.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let (mut pipe, mut line) = (BufReader::new(pipe), String::new());
        while pipe.read_line(&mut line).expect("the output is UTF-8") > 0 {
            if sender.blocking_send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn next(lines: &mut mpsc::Receiver<String>) -> Option<String> {
    tokio::time::timeout(PATIENCE, lines.recv()).await.expect("output arrives in time")
}

async fn rest(lines: &mut mpsc::Receiver<String>) -> String {
    let mut text = String::new();
    while let Some(line) = next(lines).await {
        text.push_str(&line);
    }
    text
}

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill is installed");
    assert!(sent.success());
}
