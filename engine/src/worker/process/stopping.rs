//! Stops a process with increasingly strong measures: SIGTERM, then SIGKILL, and finally killing a supervisor that
//! cannot report the exit.

use std::time::{Duration, Instant};

use super::supervisor::{CONTINUE_EVERY, PATIENCE, Supervisor};
use super::{EndedBy, ProcessLimits};
use crate::worker::control::Stop;
use supervise::message::Order;

/// The progress of stopping a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopInProgress {
    /// The reason why the process is stopped.
    pub(super) by: EndedBy,
    /// The time of the next measure.
    next_at: Instant,
    next: StopMeasure,
}

/// The measure that is taken if the process has not exited in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopMeasure {
    /// Order the supervisor to kill the process.
    OrderKill,
    /// Kill the supervisor if the step keeps it stopped. A stopped supervisor cannot report the exit.
    KillSupervisor,
    /// Nothing is left to do.
    Wait,
}

impl StopInProgress {
    /// Asks the process and its descendants to exit, and sets the time at which they are killed.
    pub(super) fn begin(by: EndedBy, limits: &ProcessLimits, supervisor: &Supervisor, now: Instant) -> Self {
        let grace = match by {
            EndedBy::Stop(Stop::Shutdown(_)) => limits.shutdown_grace,
            // Another worker may already be running the job, so kill the process immediately.
            EndedBy::Stop(Stop::LeaseLost) => Duration::ZERO,
            EndedBy::Stop(Stop::Cancelled) | EndedBy::Timeout | EndedBy::OutputLimit => limits.cancel_grace,
        };
        supervisor.order(Order::Terminate);
        Self { by, next_at: now + grace, next: StopMeasure::OrderKill }
    }

    /// Returns the time of the next measure, or `None` if no measure is left.
    pub(super) fn next_time(&self) -> Option<Instant> {
        (self.next != StopMeasure::Wait).then_some(self.next_at)
    }

    /// Takes the next measure if it is time for it. `has_exited` says whether the exit of the process is known.
    pub(super) fn act_on_time(&mut self, has_exited: bool, supervisor: &Supervisor, now: Instant) {
        if self.next_time().is_none_or(|at| now < at) {
            return;
        }
        match self.next {
            StopMeasure::OrderKill => {
                supervisor.order(Order::Kill);
                (self.next, self.next_at) = (StopMeasure::KillSupervisor, now + PATIENCE);
            }
            StopMeasure::KillSupervisor if has_exited => self.next = StopMeasure::Wait,
            StopMeasure::KillSupervisor if supervisor.is_stopped() => {
                self.next = StopMeasure::Wait;
                supervisor.kill();
            }
            // A supervisor that is not stopped waits for a process that cannot die yet, for example because the process
            // is waiting for a network disk.
            StopMeasure::KillSupervisor => self.next_at = now + CONTINUE_EVERY,
            StopMeasure::Wait => {}
        }
    }
}
