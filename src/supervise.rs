//! The supervisor: a small process between the server and a step, from which nothing that the step starts can hide.
//!
//! Linux hands an orphan to its nearest living ancestor that is a *child subreaper*. The supervisor is one, so that whatever
//! a step starts stays its descendant, also if it leaves its process group and session, clears its environment or changes
//! its name. The supervisor starts the step, reports how it ended, and kills what is left when the server closes its end of
//! their socket: at the end of the step, or because the server was killed. It exits when it has no descendant any more.
//!
//! It is this same program under a hidden verb, `tailwater supervise`, and does its work before anything else of the program
//! is set up. The server starts it with default signal handling; it gives the step no terminal and an ordinary priority.

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

/// The hidden verb.
const VERB: &str = "supervise";

/// What a supervisor's command line says. It has no environment; the step's comes through the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The step's soft limit of open files, if it is not the server's.
    pub(crate) file_limit: Option<u64>,
    /// The variables by which the step's processes are found should its supervisor be killed.
    pub(crate) marker: [String; 2],
    /// Where the step runs.
    pub(crate) directory: OsString,
    /// The absolute path of its program.
    pub(crate) program: OsString,
    /// Its arguments, beginning with the name under which it is called.
    pub(crate) arguments: Vec<OsString>,
}

impl Task {
    /// Returns it as the arguments of a supervisor, beginning with the verb.
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let limit = self.file_limit.map_or_else(String::new, |limit| limit.to_string());
        let [first, second] = self.marker.clone();
        let head =
            [VERB.into(), limit.into(), first.into(), second.into(), self.directory.clone(), self.program.clone()];
        head.into_iter().chain(self.arguments.iter().cloned()).collect()
    }

    /// Reads it from the arguments that follow the verb.
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
        // The marker last, so that nothing replaces it.
        command.env_clear().envs(environment).envs(self.marker.iter().filter_map(|entry| entry.split_once('=')));
        // A group of its own, so that the step and what stays with it can be signalled at once.
        command.stdin(Stdio::null()).process_group(0);
        command
    }
}

/// Does a supervisor's work if this process is one; to be called before anything else is set up.
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
    // A server that was killed hears nothing of this; what is left is killed all the same.
    Report::Started(pid).send(&server).ok();
    family.reap_until_none_is_left(|status| drop(Report::Ended(status).send(&server)));
    Report::Done { killed: family.killed() }.send(&server)
}

/// Starts the step; returns its process.
fn begin(task: &Task, command: &mut Command, family: &Arc<Family>, server: &UnixStream) -> io::Result<Pid> {
    set_child_subreaper(Some(getpid()))?;
    // A new session has no controlling terminal, and the step cannot get one, since it does not lead the session.
    setsid()?;
    set_ordinary_priority()?;
    if let Some(limit) = task.file_limit {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum })?;
    }
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    // Before the step: once that runs, somebody must be able to end it.
    let (orders, of_thread) = (server.try_clone()?, Arc::clone(family));
    thread::Builder::new().spawn(move || heed(orders, &of_thread))?;
    let pid = family.start(|| Ok(Pid::from_child(&command.spawn()?)))?;
    // The step alone holds its pipes now, so that they end with it.
    rustix::stdio::dup2_stdout(&null).ok();
    rustix::stdio::dup2_stderr(&null).ok();
    Ok(pid)
}

/// Does as the server says until its end of the socket is closed, then kills what is left until this process ends.
fn heed(orders: UnixStream, family: &Family) {
    while let Ok(Some(order)) = Order::receive(&orders) {
        match order {
            Order::Terminate => family.terminate(),
            Order::Kill => family.kill_group(),
        }
    }
    family.kill_until_none_is_left();
}

/// Gives up a priority over other processes that the server may have and its jobs are not to have.
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
    fn a_task_survives_the_command_line() {
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
