//! Runs the process of a step: starts it, reads both of its output streams, and stops it with all of its descendants.
//!
//! All of this happens in the calling thread, which polls both output streams, the supervisor's socket and the stop
//! requests. The same thread stores the output and does not read from the streams while it does so. Therefore, a child
//! that writes faster than its output can be stored is blocked. Each stream is a pipe or a terminal ([`output`]).
//!
//! The step has finished when its process has exited, even if a descendant still has the streams open. The streams are
//! read for a short time after that, and then the remaining descendants are killed. The process and its descendants
//! belong to a [`supervisor`], which signals and reaps them.

mod children;
mod kill;
mod output;
mod stopping;
mod supervisor;

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use model::StreamName;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::capture::StepCapture;
use super::control::{Control, Stop};
use crate::clock;
use crate::fail_point::FailPoint;
pub(super) use supervise::message::ExitStatus;
use supervise::message::Report;

pub use children::adopt;
pub use kill::{ProcessMarker, kill_marked};
use output::{OutputReader, READ};
use stopping::StopInProgress;
use supervisor::{CONTINUE_EVERY, Supervisor, start_error};
pub use supervisor::{LeftBehind, Program, Supervision};

/// The time for which the streams are read after the process has exited, if a descendant still has them open.
const DRAIN: Duration = Duration::from_secs(2);

/// The maximum time to wait until a supervisor reports whether it could start the program. Even on a busy machine, a
/// start takes far less time.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// The result of a step's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit status of the process.
    pub status: ExitStatus,
    /// The reason why the process was stopped, or `None` if it exited by itself.
    pub ended_by: Option<EndedBy>,
    /// Whether the process left other processes behind, and whether they were killed.
    pub left_behind: LeftBehind,
}

/// The reason why a process was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The step or the job timed out.
    Timeout,
    /// The attempt exceeded its output limit.
    OutputLimit,
    /// The attempt was asked to stop.
    Stop(Stop),
}

/// The limits on a process, and the grace periods for stopping it.
#[derive(Clone, Copy, Debug)]
pub struct ProcessLimits {
    /// The time at which the process times out, or `None` if it has no time limit.
    pub deadline: Option<Instant>,
    /// The maximum output of the attempt, in bytes, or `None` if it is not limited. Once the limit is exceeded, the
    /// process is stopped, and further output is dropped.
    pub output: Option<u64>,
    /// The time between SIGTERM and SIGKILL when the job is cancelled, times out or exceeds its output limit.
    pub cancel_grace: Duration,
    /// The time between SIGTERM and SIGKILL when the program that contains the worker stops.
    pub shutdown_grace: Duration,
}

/// The error for a step that has no exit status.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The process could not be started.
    #[error("{0}")]
    Spawn(io::Error),
    /// The output of the process could not be stored, so the process was killed.
    #[error("{0}")]
    Store(io::Error),
}

/// Runs `program` until it exits, and passes its output to `capture`.
pub fn run(
    supervision: &Supervision,
    program: Program,
    marker: &ProcessMarker,
    (limits, control): (ProcessLimits, &Control),
    capture: &mut StepCapture<'_>,
) -> Result<Exit, ProcessError> {
    let open = || {
        let (reader, writer) = OutputReader::open(program.terminal, Instant::now())?;
        program.cage.own_stream(&writer)?;
        Ok((reader, writer))
    };
    let open = || open().map_err(ProcessError::Spawn);
    let ((out, out_writer), (err, err_writer)) = (open()?, open()?);
    let supervisor = Supervisor::start(supervision, program, marker, [out_writer, err_writer]);
    let supervisor = supervisor.map_err(ProcessError::Spawn)?;
    let now = Instant::now();
    let mut running = Running {
        supervisor,
        start_by: Some(now + START_PATIENCE),
        streams: [Some(out), Some(err)],
        limits,
        control,
        capture,
        ending: None,
        status: None,
        drain_until: None,
        continue_at: now + CONTINUE_EVERY,
    };
    let read = running.poll_to_end();
    let Running { supervisor, ending, status, .. } = running;
    let (left_behind, lost) = supervisor.finish(marker).map_err(ProcessError::Store)?;
    read?;
    // A supervisor that was killed cannot report the step's exit status. The step was killed together with its
    // supervisor, so the supervisor's status is used instead.
    let killed = lost.filter(|ended| matches!(ended, ExitStatus::Signal(_)));
    let failed = || ProcessError::Spawn(io::Error::other("the supervisor process failed"));
    let status = status.or(killed).ok_or_else(failed)?;
    Ok(Exit { status, ended_by: ending.map(|ending| ending.by), left_behind })
}

struct Running<'a, 'b> {
    supervisor: Supervisor,
    /// The time by which the supervisor must report a start, or `None` once it has reported.
    start_by: Option<Instant>,
    /// The output streams, or `None` for a stream that has been closed.
    streams: [Option<OutputReader>; 2],
    limits: ProcessLimits,
    control: &'a Control,
    capture: &'a mut StepCapture<'b>,
    ending: Option<StopInProgress>,
    /// The exit status, or `None` until the supervisor has reported it.
    status: Option<ExitStatus>,
    /// The time at which reading from the streams ends, or `None` while the process is running.
    drain_until: Option<Instant>,
    /// The time at which SIGCONT is next sent to the supervisor. A step can stop its supervisor with SIGSTOP. Without
    /// SIGCONT, the exit of such a step would never be reported.
    continue_at: Instant,
}

/// Identifies a polled descriptor.
#[derive(Clone, Copy)]
enum Watched {
    Stream(StreamName),
    Supervisor,
    Control,
}

impl Running<'_, '_> {
    /// Reads until the process has exited and its streams are closed, or until [`DRAIN`] has passed since its exit.
    fn poll_to_end(&mut self) -> Result<(), ProcessError> {
        let mut buffer = vec![0; READ];
        loop {
            let now = Instant::now();
            self.act_on_time(now);
            let is_over = match self.drain_until {
                None => false,
                // While output cannot be stored, wait for the retry, unless the step is being stopped anyway.
                Some(_) if self.capture.is_refused() => self.ending.is_some(),
                Some(until) => until <= now || self.streams.iter().all(Option::is_none),
            };
            if is_over {
                return Ok(());
            }
            if self.drain_until.is_none() && self.continue_at <= now {
                self.check_start(now)?;
                self.supervisor.continue_stopped();
                self.continue_at = now + CONTINUE_EVERY;
            }
            for watched in self.wait(now).map_err(ProcessError::Store)? {
                match watched {
                    Watched::Stream(stream) => self.read(stream, &mut buffer).map_err(ProcessError::Store)?,
                    Watched::Supervisor => self.receive_report()?,
                    Watched::Control => {
                        if let Some(stop) = self.control.stopped() {
                            self.end(EndedBy::Stop(stop), Instant::now());
                        }
                    }
                }
            }
        }
    }

    /// Receives a report of the supervisor. Returns an error if the program could not be started.
    fn receive_report(&mut self) -> Result<(), ProcessError> {
        let report = self.supervisor.report().unwrap_or_default();
        self.start_by = None;
        match report {
            Some(Report::Started(_)) => {
                FailPoint::ProcessStarted.reached();
                return Ok(());
            }
            Some(Report::Ended(status)) => self.status = Some(status),
            Some(report) => {
                if let Some(error) = start_error(report) {
                    return Err(ProcessError::Spawn(error));
                }
            }
            // The supervisor has been killed together with the step.
            None => {}
        }
        self.drain_until = Some(Instant::now() + DRAIN);
        Ok(())
    }

    /// If the supervisor has not reported a start in time, kills the supervisor and returns an error.
    ///
    /// A stopped supervisor is not killed: it has started the program, which then stopped the supervisor before it
    /// could report. Such a step ends like any other. The caller sends SIGCONT only after this check, because a
    /// supervisor that has just received SIGCONT looks as if it had never been stopped.
    fn check_start(&self, now: Instant) -> Result<(), ProcessError> {
        if self.start_by.is_none_or(|by| now < by) || self.supervisor.is_stopped() {
            return Ok(());
        }
        self.supervisor.kill();
        let problem = format!("the supervisor process did not report a start within {} s", START_PATIENCE.as_secs());
        Err(ProcessError::Spawn(io::Error::new(io::ErrorKind::TimedOut, problem)))
    }

    /// Waits until a descriptor is ready or a deadline is reached.
    fn wait(&self, now: Instant) -> io::Result<Vec<Watched>> {
        let mut watched = Vec::with_capacity(4);
        let mut fds = Vec::with_capacity(4);
        for stream in [StreamName::Stdout, StreamName::Stderr] {
            if let Some(reader) = self.streams[stream as usize].as_ref().filter(|_| !self.capture.is_refused()) {
                watched.push(Watched::Stream(stream));
                fds.push(PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::IN));
            }
        }
        if self.drain_until.is_none() {
            watched.push(Watched::Supervisor);
            fds.push(PollFd::from_borrowed_fd(self.supervisor.as_fd(), PollFlags::IN));
        }
        if self.ending.is_none() {
            watched.push(Watched::Control);
            fds.push(PollFd::from_borrowed_fd(self.control.as_fd(), PollFlags::IN));
        }
        let timeout = self.next_time().map(|at| timespec(at.saturating_duration_since(now)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = watched.into_iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|(watched, _)| watched).collect())
    }

    /// Reads from a stream once. The caller polls again after each read, so that neither stream is starved.
    fn read(&mut self, stream: StreamName, buffer: &mut [u8]) -> io::Result<()> {
        let Some(reader) = &mut self.streams[stream as usize] else { return Ok(()) };
        match reader.read(buffer, Instant::now()) {
            Ok(0) => self.streams[stream as usize] = None,
            // Discard the output, but continue to read. A process whose output is not read may block and never exit.
            Ok(_) if self.is_over_limit() => {}
            Ok(read) => {
                self.capture.output(stream, &buffer[..read], Instant::now(), clock::now());
                if self.is_over_limit() {
                    self.end(EndedBy::OutputLimit, Instant::now());
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn is_over_limit(&self) -> bool {
        self.limits.output.is_some_and(|limit| self.capture.attempt_bytes() > limit)
    }

    fn next_time(&self) -> Option<Instant> {
        let stop_at = self.ending.and_then(|ending| ending.next_time());
        let continue_at = Some(self.continue_at).filter(|_| self.drain_until.is_none());
        let refused = self.capture.is_refused();
        let deadline =
            self.limits.deadline.filter(|_| self.ending.is_none() && (self.drain_until.is_none() || refused));
        let drain_until = self.drain_until.filter(|_| !refused);
        let of_streams = self.streams.iter().flatten().filter_map(OutputReader::deadline);
        [self.capture.deadline(), drain_until, stop_at, continue_at, deadline]
            .into_iter()
            .flatten()
            .chain(of_streams)
            .min()
    }

    fn act_on_time(&mut self, now: Instant) {
        if self.capture.deadline().is_some_and(|at| at <= now) {
            let refused = self.capture.is_refused();
            self.capture.tick(now, clock::now());
            if refused && !self.capture.is_refused() {
                // While output could not be stored, nothing was read. The period for draining the streams therefore
                // starts again.
                self.drain_until = self.drain_until.map(|_| now + DRAIN);
            }
        }
        for reader in self.streams.iter_mut().flatten() {
            reader.tick(now);
        }
        let may_time_out = self.drain_until.is_none() || self.capture.is_refused();
        if self.limits.deadline.is_some_and(|at| at <= now) && may_time_out {
            self.end(EndedBy::Timeout, now);
        }
        if let Some(ending) = &mut self.ending {
            ending.act_on_time(self.drain_until.is_some(), &self.supervisor, now);
        }
    }

    /// Begins to stop the process, unless it is being stopped already.
    fn end(&mut self, by: EndedBy, now: Instant) {
        if self.ending.is_none() {
            self.ending = Some(StopInProgress::begin(by, &self.limits, &self.supervisor, now));
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    // Round up to the millisecond, so that the poll does not wake just before the deadline.
    let duration = duration + Duration::from_micros(999);
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_millis()) * 1_000_000,
    }
}
