//! Starts and controls a step's supervisor process ([`supervise`]). In this file, "the server" is the program that
//! contains the worker, even if that program is a worker on another machine.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::children;
use super::kill::{ProcessMarker, kill_marked};
use crate::queue::TerminalSize;
use supervise::cage::StepCage;
use supervise::message::{ExitStatus, Order, Report, send_block, send_environment};
use supervise::{ENVIRONMENT, SupervisorProgram, Task, processes};

/// The settings for supervising steps.
#[derive(Clone, Debug)]
pub struct Supervision {
    /// The program that is run as the supervisor of each step.
    pub program: SupervisorProgram,
    /// The soft limit on open files that the server was started with, if the server has raised it since.
    pub file_limit: Option<u64>,
    /// Whether the supervisor of a step may use a user namespace. This is irrelevant for a server that runs as root.
    pub user_namespaces: bool,
}

/// The maximum time that the server waits for the descendants of a step to die. After that, the server continues, and
/// only the supervisor still waits. A process may not die immediately, for example if it is waiting for a network disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The interval at which the server sends SIGCONT to a supervisor, in case the step has stopped it with SIGSTOP.
pub(super) const CONTINUE_EVERY: Duration = Duration::from_secs(1);

/// The program of a step, with its arguments and environment.
#[derive(Debug)]
pub struct Program {
    /// The absolute path of the program.
    pub path: PathBuf,
    /// The arguments of the program, including `argv[0]`.
    pub arguments: Vec<OsString>,
    /// The working directory of the program.
    pub directory: PathBuf,
    /// The environment variables of the program, without the process marker.
    pub environment: Vec<(String, String)>,
    /// The size of the terminals to which the program writes, or `None` if it writes to pipes.
    pub terminal: Option<TerminalSize>,
    /// The restrictions on the program.
    pub(crate) cage: StepCage,
}

/// A running supervisor.
#[derive(Debug)]
pub(super) struct Supervisor {
    pid: Pid,
    socket: UnixStream,
}

/// Whether a step left processes behind, and whether they could be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftBehind {
    /// The step left no processes behind.
    Nothing,
    /// The processes were killed.
    Killed,
    /// Some of the processes could not be killed.
    Unkillable,
}

impl Supervisor {
    /// Starts a supervisor, which runs `program` with `streams` as its standard output and standard error. The first
    /// report says whether the program could be started.
    pub(super) fn start(
        supervision: &Supervision,
        program: Program,
        marker: &ProcessMarker,
        streams: [OwnedFd; 2],
    ) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let task = Task {
            marker: marker.entries().clone(),
            directory: program.directory.into_os_string(),
            program: program.path.into_os_string(),
            arguments: program.arguments,
        };
        let name = OsString::from("tailwater");
        let arguments =
            std::iter::once(name).chain(task.to_arguments()).map(c_string).collect::<io::Result<Vec<_>>>()?;
        let descriptors = [theirs.as_fd(), streams[0].as_fd(), streams[1].as_fd()];
        let pid = children::start(|| spawn(&supervision.program.path(), descriptors, &arguments))?;
        // Close the server's copies of these descriptors. The reader reaches the end of a stream only when no process
        // has the other end open.
        drop((theirs, streams));
        let supervisor = Self { pid, socket };
        let cage = serde_json::to_vec(&program.cage)?;
        let sent = send_environment(&program.environment, &supervisor.socket);
        if let Err(error) = sent.and_then(|()| send_block(&cage, &supervisor.socket)) {
            supervisor.finish(marker)?;
            return Err(error);
        }
        Ok(supervisor)
    }

    /// Sends SIGCONT, in case the step has stopped the supervisor with SIGSTOP. A running process ignores SIGCONT.
    pub(super) fn continue_stopped(&self) {
        kill_process(self.pid, Signal::CONT).ok();
    }

    /// Returns whether the supervisor is stopped at this moment.
    pub(super) fn is_stopped(&self) -> bool {
        processes::is_stopped(self.pid)
    }

    /// Kills the supervisor. [`Self::finish`] then kills the step's processes.
    pub(super) fn kill(&self) {
        kill_process(self.pid, Signal::KILL).ok();
    }

    /// Waits for the next report. Returns `None` if the supervisor has exited.
    pub(super) fn report(&self) -> io::Result<Option<Report>> {
        Report::receive(&self.socket)
    }

    /// Sends an order. If the supervisor has exited, the order is ignored.
    pub(super) fn order(&self, order: Order) {
        order.send(&self.socket).ok();
        self.continue_stopped();
    }

    /// Kills all remaining processes of the step and returns the outcome. If the supervisor exited without a final
    /// report, also returns the supervisor's exit status.
    pub(super) fn finish(self, marker: &ProcessMarker) -> io::Result<(LeftBehind, Option<ExitStatus>)> {
        self.socket.shutdown(std::net::Shutdown::Write).ok();
        self.continue_stopped();
        self.socket.set_read_timeout(Some(CONTINUE_EVERY))?;
        let begun = Instant::now();
        loop {
            match self.report() {
                Ok(Some(Report::Done { killed })) => {
                    self.reap()?;
                    return Ok((if killed > 0 { LeftBehind::Killed } else { LeftBehind::Nothing }, None));
                }
                // This report says that the step has exited. Continue to wait for the final report.
                Ok(Some(_)) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < PATIENCE => {
                    self.continue_stopped();
                }
                // The remaining processes keep stopping the supervisor with SIGSTOP, so it cannot kill them.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.is_stopped() => self.kill(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::Builder::new().name("supervisor".into()).spawn(move || self.reap())?;
                    return Ok((LeftBehind::Unkillable, None));
                }
                Ok(None) | Err(_) => {
                    let ended = self.reap()?;
                    let left = if kill_marked(marker) > 0 { LeftBehind::Killed } else { LeftBehind::Nothing };
                    return Ok((left, Some(ended)));
                }
            }
        }
    }

    /// Waits until the supervisor has exited.
    fn reap(&self) -> io::Result<ExitStatus> {
        loop {
            // With `NOWAIT`, the process is not reaped yet, so its id cannot be reused before `children::reap` has
            // removed the id from the list of children.
            match waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Ok(Some(status)) => {
                    children::reap(self.pid);
                    let signal = status.terminating_signal().map(ExitStatus::Signal);
                    return Ok(status.exit_status().map(ExitStatus::Code).or(signal).unwrap_or(ExitStatus::Code(-1)));
                }
                // If the server was started with SIGCHLD ignored, it cannot learn the exit status of its children. In
                // that case, assume that the supervisor was killed: the status is used only if the supervisor exited
                // without a final report.
                Err(rustix::io::Errno::CHILD) => {
                    children::reap(self.pid);
                    return Ok(ExitStatus::Signal(Signal::KILL.as_raw()));
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Supervisor {
    /// Returns a descriptor that becomes readable when there is a report or the supervisor has exited.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Starts a program with default signal handling and an empty signal mask, regardless of how the server was started.
///
/// The standard library's `Command` resets only the mask and SIGPIPE. Signals that the server ignores because of
/// `nohup` or `trap ''` in a shell would otherwise be ignored by its children too.
fn spawn(program: &Path, descriptors: [BorrowedFd<'_>; 3], arguments: &[CString]) -> nix::Result<Pid> {
    let mut actions = PosixSpawnFileActions::init()?;
    for (number, descriptor) in (0..).zip(descriptors) {
        actions.add_dup2(descriptor.as_raw_fd(), number)?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
    attributes.set_sigdefault(&SigSet::all())?;
    attributes.set_sigmask(&SigSet::empty())?;
    let environment = ENVIRONMENT.map(|entry| CString::new(entry).expect("it contains no NUL"));
    let pid = posix_spawn(program, &actions, &attributes, arguments, &environment)?;
    Ok(Pid::from_raw(pid.as_raw()).expect("a process id is positive"))
}

/// Returns why the program of a step was not started, or `None` for any other report.
pub(super) fn start_error(report: Report) -> Option<io::Error> {
    match report {
        Report::NotStarted(error) => Some(system_error(error)),
        Report::NotConfined(error) => {
            let error = system_error(error);
            Some(io::Error::new(error.kind(), format!("its restrictions could not be applied: {error}")))
        }
        Report::Started(_) | Report::Ended(_) | Report::Done { .. } => None,
    }
}

fn system_error(number: i32) -> io::Error {
    if number == 0 { io::ErrorKind::Other.into() } else { io::Error::from_raw_os_error(number) }
}

fn c_string(text: OsString) -> io::Result<CString> {
    Ok(CString::new(text.into_vec())?)
}
