//! The supervisor: a small process between the server and a step, which the descendants of the step cannot escape.
//!
//! On Linux, an orphaned process is reparented to its nearest living ancestor that is a *child subreaper*. The
//! supervisor is a subreaper, so every process that a step starts remains a descendant of the supervisor, even if that
//! process leaves its process group and session, clears its environment or changes its name. The supervisor starts the
//! step and reports its exit status. When the server closes its end of the socket, after the step has ended or because
//! the server was killed, the supervisor kills the remaining processes. It exits when it has no descendants left.
//!
//! The supervisor is the same program with a hidden subcommand, `tailwater supervise`, which is handled before the rest
//! of the program is initialised. The server starts the supervisor with default signal handling. The step has no
//! controlling terminal and runs at normal priority.

mod family;
pub(crate) mod message;
pub(crate) mod processes;

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread;

use rustix::process::{
    Pid, Resource, Rlimit, getpid, getpriority_process, getrlimit, set_child_subreaper, setpriority_process, setrlimit,
    setsid,
};

use family::Family;
use message::{Order, Report};

/// The name of the hidden subcommand.
const VERB: &str = "supervise";

/// The command line of a supervisor. The step's environment is not part of it, and is sent through the socket instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The soft limit on the step's open files, if it differs from the server's.
    pub(crate) file_limit: Option<u64>,
    /// The two environment variables, in the form `NAME=value`, by which the step's processes are found if the
    /// supervisor is killed.
    pub(crate) marker: [String; 2],
    /// The working directory of the step.
    pub(crate) directory: OsString,
    /// The absolute path of the step's program.
    pub(crate) program: OsString,
    /// The arguments of the program, including `argv[0]`.
    pub(crate) arguments: Vec<OsString>,
}

impl Task {
    /// Returns the arguments of a supervisor, starting with the subcommand.
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let limit = self.file_limit.map_or_else(String::new, |limit| limit.to_string());
        let [first, second] = self.marker.clone();
        let head =
            [VERB.into(), limit.into(), first.into(), second.into(), self.directory.clone(), self.program.clone()];
        head.into_iter().chain(self.arguments.iter().cloned()).collect()
    }

    /// Parses the arguments that follow the subcommand. Returns `None` if they are not valid.
    fn from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let limit = arguments.next()?.into_string().ok()?;
        let file_limit = if limit.is_empty() { None } else { Some(limit.parse().ok()?) };
        let marker = [arguments.next()?.into_string().ok()?, arguments.next()?.into_string().ok()?];
        let (directory, program) = (arguments.next()?, arguments.next()?);
        let task = Self { file_limit, marker, directory, program, arguments: arguments.collect() };
        (!task.arguments.is_empty()).then_some(task)
    }

    fn command(&self, environment: Vec<(String, String)>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0(&self.arguments[0]).args(&self.arguments[1..]).current_dir(&self.directory);
        // Set the marker last, so that the step's environment cannot override it.
        command.env_clear().envs(environment).envs(self.marker.iter().filter_map(|entry| entry.split_once('=')));
        // Use a separate process group, so that the step and its processes can be signalled together.
        command.stdin(Stdio::null()).process_group(0);
        command
    }
}

/// Runs the supervisor if this process was started as one, and returns the exit code. Otherwise, returns `None`. Call
/// this before anything else is set up.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != VERB {
        return None;
    }
    let done = match Task::from_arguments(arguments) {
        Some(task) => supervise(&task),
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn supervise(task: &Task) -> io::Result<()> {
    let server = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let family = Arc::new(Family::default());
    let mut command = task.command(message::receive_environment(&server)?);
    let pid = match begin(task, &mut command, &family, &server) {
        Ok(pid) => pid,
        Err(error) => return Report::NotStarted(error.raw_os_error().unwrap_or_default()).send(&server),
    };
    // Sending fails if the server was killed. The thread that runs `heed` then kills the step's processes.
    Report::Started(pid).send(&server).ok();
    family.reap_until_none_is_left(|status| drop(Report::Ended(status).send(&server)));
    Report::Done { killed: family.killed() }.send(&server)
}

/// Starts the step, and the thread that receives the server's orders. Returns the process id of the step.
fn begin(task: &Task, command: &mut Command, family: &Arc<Family>, server: &UnixStream) -> io::Result<Pid> {
    set_child_subreaper(Some(getpid()))?;
    // A new session has no controlling terminal. The step cannot acquire one, because it is not the session leader.
    setsid()?;
    set_ordinary_priority()?;
    if let Some(limit) = task.file_limit {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum })?;
    }
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    // Start the thread before the step, because the step must be killable as soon as it runs.
    let (orders, of_thread) = (server.try_clone()?, Arc::clone(family));
    thread::Builder::new().spawn(move || heed(orders, &of_thread))?;
    let pid = family.start(|| Ok(Pid::from_child(&command.spawn()?)))?;
    // Close the supervisor's copies of the step's streams, so that the streams are closed when the step's processes
    // exit.
    rustix::stdio::dup2_stdout(&null).ok();
    rustix::stdio::dup2_stderr(&null).ok();
    Ok(pid)
}

/// Carries out the server's orders until the server closes its end of the socket, then kills the remaining processes
/// until this process exits.
fn heed(orders: UnixStream, family: &Family) {
    while let Ok(Some(order)) = Order::receive(&orders) {
        match order {
            Order::Terminate => family.terminate(),
            Order::Kill => family.kill_group(),
        }
    }
    family.kill_until_none_is_left();
}

/// Resets a raised scheduling priority and a lowered out-of-memory score, because jobs must not inherit them from the
/// server.
fn set_ordinary_priority() -> io::Result<()> {
    if getpriority_process(None)? < 0 {
        setpriority_process(None, 0)?;
    }
    let path = "/proc/self/oom_score_adj";
    let score = std::fs::read_to_string(path).ok().and_then(|score| score.trim().parse::<i32>().ok());
    if score.is_some_and(|score| score < 0) {
        io::Write::write_all(&mut File::create(path)?, b"0")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_can_be_passed_as_command_line_arguments() {
        for file_limit in [None, Some(1024)] {
            let task = Task {
                file_limit,
                marker: ["A=1".into(), "B=2".into()],
                directory: "/tmp/with space".into(),
                program: "/bin/sh".into(),
                arguments: vec!["sh".into(), "-c".into(), String::new().into()],
            };
            let mut arguments = task.to_arguments().into_iter();
            assert_eq!(arguments.next(), Some(VERB.into()));
            assert_eq!(Task::from_arguments(arguments), Some(task));
        }
        assert_eq!(Task::from_arguments(std::iter::empty()), None);
    }
}
