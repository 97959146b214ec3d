//! The supervisor: a small process between the server and a step. The step's descendants cannot escape the supervisor.
//!
//! On Linux, an orphaned process is reparented to its nearest living ancestor that is a *child subreaper*. The
//! supervisor is a subreaper, so every process that a step starts remains a descendant of the supervisor, even if that
//! process leaves its process group and session, clears its environment or changes its name. The supervisor starts the
//! step and reports its exit status. After the step has ended, the server closes its end of the socket. The socket is
//! also closed if the server is killed. In both cases, the supervisor kills the remaining processes, and exits when it
//! has no descendants left.
//!
//! In a release, the supervisor is a separate [program](SupervisorProgram). In other builds, the server's own program
//! is started as the supervisor, with the hidden subcommand `tailwater supervise`. This subcommand is handled before
//! the rest of the program is initialised. The server starts the supervisor with default signal handling. The step has
//! no controlling terminal and runs at normal priority.
//!
//! The supervisor also applies the [restrictions](cage) on the step. Some restrictions apply to the supervisor's whole
//! process. The others apply only to the thread that starts the step, because the supervisor must still be able to kill
//! the step's processes.

pub mod cage;
mod family;
pub mod message;
pub mod processes;
mod program;

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
    DumpableBehavior, Pid, getpid, getpriority_process, set_child_subreaper, set_dumpable_behavior,
    setpriority_process, setsid,
};
use rustix::thread::set_name;

use cage::StepCage;
use family::Family;
use message::{Order, Report};
pub use program::SupervisorProgram;

/// The name of the hidden subcommand.
const VERB: &str = "supervise";

/// The name of the hidden subcommand that succeeds if steps can be given a user namespace.
const CHECK: &str = "check-user-namespace";

/// The environment of a supervisor. If the supervisor is the server's program, its allocator must not start threads of
/// its own, because a process with several threads cannot enter a user namespace.
pub const ENVIRONMENT: [&str; 1] = ["_RJEM_MALLOC_CONF=background_thread:false"];

/// The command line of a supervisor. The step's environment and restrictions are not passed on the command line, but
/// sent through the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The two environment variables, in the form `NAME=value`, by which the step's processes are found if the
    /// supervisor is killed.
    pub marker: [String; 2],
    /// The working directory of the step.
    pub directory: OsString,
    /// The absolute path of the step's program.
    pub program: OsString,
    /// The arguments of the program, including `argv[0]`.
    pub arguments: Vec<OsString>,
}

impl Task {
    /// Returns the arguments of a supervisor, starting with the subcommand.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<OsString> {
        let [first, second] = self.marker.clone();
        let head = [VERB.into(), first.into(), second.into(), self.directory.clone(), self.program.clone()];
        head.into_iter().chain(self.arguments.iter().cloned()).collect()
    }

    /// Parses the arguments that follow the subcommand. Returns `None` if they are not valid.
    fn from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let marker = [arguments.next()?.into_string().ok()?, arguments.next()?.into_string().ok()?];
        let (directory, program) = (arguments.next()?, arguments.next()?);
        let task = Self { marker, directory, program, arguments: arguments.collect() };
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
    let verb = arguments.next()?;
    if verb == CHECK {
        return Some(if cage::user_namespace::is_possible() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if verb != VERB {
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
    let command = task.command(message::receive_environment(&server)?);
    let cage: StepCage = serde_json::from_slice(&message::receive_block(&server)?)?;
    let pid = match begin(cage, command, &family, &server) {
        Ok(pid) => pid,
        Err(report) => return report.send(&server),
    };
    // Sending fails if the server was killed. The thread that runs `heed` then kills the step's processes.
    Report::Started(pid).send(&server).ok();
    family.reap_until_none_is_left(|status| drop(Report::Ended(status).send(&server)));
    Report::Done { killed: family.killed() }.send(&server)
}

/// Starts the step, and the thread that receives the server's orders. Returns the process id of the step, or a report
/// of the error.
fn begin(cage: StepCage, command: Command, family: &Arc<Family>, server: &UnixStream) -> Result<Pid, Report> {
    cage.enter_user_namespace().map_err(not_confined)?;
    prepare().map_err(not_started)?;
    cage.restrict_process().map_err(not_confined)?;
    let null = OpenOptions::new().write(true).open("/dev/null").map_err(not_started)?;
    let (orders, of_thread) = (server.try_clone().map_err(not_started)?, Arc::clone(family));
    let pid = family.start(|| {
        // Start the thread before the step, because the step must be killable as soon as it runs. The thread carries
        // out an order only after the step has been started, so that no order is lost.
        thread::Builder::new().spawn(move || heed(orders, &of_thread)).map_err(not_started)?;
        start(cage, command)
    })?;
    // Close the supervisor's copies of the step's streams, so that the streams are closed when the step's processes
    // exit.
    rustix::stdio::dup2_stdout(&null).ok();
    rustix::stdio::dup2_stderr(&null).ok();
    Ok(pid)
}

/// Sets up the supervisor's own process.
fn prepare() -> io::Result<()> {
    // Without this call, a supervisor whose program is in memory would have the number of a descriptor as its name.
    set_name(c"tailwater")?;
    set_child_subreaper(Some(getpid()))?;
    // A new session has no controlling terminal. The step cannot acquire one, because it is not the session leader.
    setsid()?;
    set_ordinary_priority()?;
    // The step's processes must not trace the supervisor. This call comes last, because it makes root the owner of the
    // supervisor's files in `/proc`, one of which `set_ordinary_priority` writes.
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Starts the step from a thread to which the restrictions apply.
fn start(cage: StepCage, mut command: Command) -> Result<Pid, Report> {
    let thread = thread::Builder::new().spawn(move || {
        cage.restrict_thread().map_err(not_confined)?;
        command.spawn().map(|child| Pid::from_child(&child)).map_err(not_started)
    });
    thread.map_err(not_started)?.join().unwrap_or(Err(Report::NotStarted(0)))
}

fn not_started(error: io::Error) -> Report {
    Report::NotStarted(error.raw_os_error().unwrap_or_default())
}

fn not_confined(error: io::Error) -> Report {
    Report::NotConfined(error.raw_os_error().unwrap_or_default())
}

/// Carries out the server's orders until the server closes its end of the socket. Then keeps killing the remaining
/// processes until this process exits.
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
        let task = Task {
            marker: ["A=1".into(), "B=2".into()],
            directory: "/tmp/with space".into(),
            program: "/bin/sh".into(),
            arguments: vec!["sh".into(), "-c".into(), String::new().into()],
        };
        let mut arguments = task.to_arguments().into_iter();
        assert_eq!(arguments.next(), Some(VERB.into()));
        assert_eq!(Task::from_arguments(arguments), Some(task));
        assert_eq!(Task::from_arguments(std::iter::empty()), None);
    }
}
