//! Runs the server as a separate process, as users do.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use supervise::SupervisorProgram;

use super::{Api, Mode, TOKEN, until};

/// The path of the built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tailwater");

/// Returns the supervisor's program, which is loaded into memory as in a release.
pub fn supervisor() -> SupervisorProgram {
    let executable = fs::read(env!("CARGO_BIN_EXE_tailwater-supervisor")).expect("cargo has built it");
    SupervisorProgram::in_memory(&executable).expect("programs in memory can be started")
}

/// The environment variable for the number of jobs that run at the same time.
pub const CONCURRENCY: &str = "TAILWATER_CONCURRENCY";

/// The id of an unprivileged user.
pub const NOBODY: u32 = 65534;

/// Returns whether the tests run as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc is mounted").uid() == 0
}

/// A running `tailwater serve`, which is killed when the test ends.
pub struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    pub api: Api,
}

impl Process {
    /// Starts a server with a data directory and waits until the server listens. Its log is appended to `server.log` in
    /// the data directory.
    pub fn start(data: &Path) -> Self {
        Self::start_by(data, |program| program)
    }

    /// Starts a server with the command that `by` returns. `by` receives the usual command. It can set environment
    /// variables, or wrap the command in another program.
    pub fn start_by(data: &Path, by: impl FnOnce(Command) -> Command) -> Self {
        Self::spawn(data, by)
            .unwrap_or_else(|mut child| panic!("the server exited before it listened: {:?}", child.wait()))
    }

    /// Starts a server as a user other than root, because the kernel does not enforce file permissions for root. `by`
    /// changes the command that starts the server.
    pub fn start_unprivileged(data: &Path, by: impl FnOnce(Command) -> Command) -> Self {
        Self::start_by(data, |program| if is_root() { by(Self::as_nobody(data)) } else { by(program) })
    }

    /// Returns the command that starts the program as an unprivileged user. This user becomes the owner of `data`.
    pub fn as_nobody(data: &Path) -> Command {
        Self::as_user(data, NOBODY)
    }

    /// Returns the command that starts the program as the user, and in the group, with this id. This user becomes the
    /// owner of `data`.
    pub fn as_user(data: &Path, id: u32) -> Command {
        chown(data, Some(id), Some(id)).expect("root can change owners");
        // The program may be in a directory that only root can access, so it is copied.
        let folder = data.join("bin");
        fs::create_dir(&folder).expect("the folder can be written");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("the folder is ours");
        fs::copy(PROGRAM, folder.join("tailwater")).expect("the program can be copied");
        let mut setpriv = Command::new("setpriv");
        setpriv.args([format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".to_owned()]);
        setpriv.arg(folder.join("tailwater"));
        setpriv.current_dir("/");
        setpriv
    }

    /// Returns the process id of the server.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Makes all jobs that are submitted later run in this mode.
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.api.mode = mode;
        self
    }

    /// Starts a server that may exit before it listens. If it does, returns its exit status.
    pub fn start_to_die(data: &Path, by: impl FnOnce(Command) -> Command) -> Result<Self, ExitStatus> {
        Self::spawn(data, by).map_err(|mut child| child.wait().expect("the child can be waited for"))
    }

    fn spawn(data: &Path, by: impl FnOnce(Command) -> Command) -> Result<Self, Child> {
        let log = OpenOptions::new().create(true).append(true).open(data.join("server.log"));
        let log = log.expect("the folder can be written");
        let mut command = by(Command::new(PROGRAM));
        if command.get_envs().all(|(name, _)| name != CONCURRENCY) {
            command.env(CONCURRENCY, "4");
        }
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("TAILWATER_ADMIN_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("the stream is piped"));
        match said(&mut out, "Listening on ") {
            Some(base) => Ok(Self { api: Api::new(base), child, out }),
            None => Err(child),
        }
    }

    /// Returns the one-time login link. This method can be called only once, because it reads the link from the output
    /// of the program.
    pub fn login_link(&mut self) -> String {
        said(&mut self.out, "Log in with this one-time link: ").expect("the server prints the link")
    }

    /// Sends SIGKILL, waits until the process has exited, and returns the rest of its standard output.
    pub fn kill_and_read(mut self) -> Vec<u8> {
        self.child.kill().expect("the process is running");
        self.rest_of_output()
    }

    /// Returns the rest of the standard output, when the process has ended.
    pub fn rest_of_output(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).expect("the stream is piped");
        rest
    }

    /// Sends SIGKILL, waits until the process has exited, and returns its exit status.
    pub fn kill(mut self) -> ExitStatus {
        self.child.kill().expect("the process is running");
        self.child.wait().expect("the process has exited")
    }

    /// Returns the exit status of the server, or `None` if it is still running.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be waited for")
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is installed");
        assert!(sent.success());
    }

    /// Waits until the server has exited, and returns its exit status.
    pub async fn exited(&mut self) -> ExitStatus {
        let mut status = None;
        until("the server exits", || {
            status = self.ended();
            status.is_some()
        })
        .await;
        status.expect("the process has exited")
    }

    /// Returns the server's resident memory in KiB.
    pub fn rss(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux reports it");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }
}

/// Reads the next line, which must begin with `words`, and returns the text after `words`. Returns `None` at the end of
/// the output.
fn said(out: &mut impl BufRead, words: &str) -> Option<String> {
    let mut line = String::new();
    out.read_line(&mut line).expect("the stream is piped");
    let said = line.trim().strip_prefix(words).map(str::to_owned);
    assert!(said.is_some() || line.is_empty(), "expected {words:?}, not {line:?}");
    said
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
