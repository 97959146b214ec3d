//! Decides how much of a job's output is sent live. These functions do no I/O; the current time is an argument.
//!
//! The beginning of the output (its head) is sent until the job's budget is used up. The end of each step's output (its
//! tail) is always sent. The output between the head and the tail is suppressed when the step has ended, because the
//! beginning of the tail is not known earlier. A gap event records the suppressed range. Output that has not been sent
//! within a given time after the end of its step is also suppressed.

use std::time::{Duration, Instant};

use model::GapReason;

use super::lifecycle_events::Boundary;

/// The parameters of the rules for live output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The maximum number of bytes of a job's log events, over all attempts. Tails that are sent after this budget is
    /// used up are not counted.
    pub job_bytes: u64,
    /// The time after the end of a step during which its output may still be sent in full.
    pub lag: Duration,
    /// The number of bytes at the end of each step's output that are always sent. Each attempt may send at least this
    /// many bytes even if the job's budget is used up.
    pub tail_bytes: u64,
}

/// The action that the shipper takes on the next output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAction {
    /// Send the output, up to this many bytes.
    Send(u64),
    /// Hold the output back until its step has ended.
    Wait,
    /// Suppress the output, except for the tail of the step's output.
    Suppress(GapReason),
}

/// The remaining budget of an attempt for live output.
#[derive(Clone, Debug)]
pub struct JobBudget {
    bounds: Bounds,
    /// The remaining budget, in bytes.
    left: u64,
    /// The offset at which the current tail ends. Output before this offset is always sent.
    tail_to: u64,
}

impl JobBudget {
    /// Creates the budget of an attempt that has sent `own` bytes. The job's earlier attempts have sent `earlier`
    /// bytes.
    #[must_use]
    pub fn new(bounds: Bounds, earlier: u64, own: u64) -> Self {
        let budget = bounds.job_bytes.saturating_sub(earlier).max(bounds.tail_bytes);
        Self { bounds, left: budget.saturating_sub(own), tail_to: 0 }
    }

    /// Decides whether to send the output that starts at `from`. `stop` is the boundary at which this output ends, if
    /// it is known.
    #[must_use]
    pub fn next(&self, from: u64, stop: Option<Boundary>, now: Instant) -> NextAction {
        let remaining = self.remaining(from);
        if from < self.tail_to {
            return NextAction::Send(remaining);
        }
        let late = stop.is_some_and(|stop| now >= stop.since + self.bounds.lag);
        match (stop, remaining) {
            (None, 0) => NextAction::Wait,
            (Some(_), 0) => NextAction::Suppress(GapReason::Budget),
            (Some(stop), _) if late && stop.at - from > self.bounds.tail_bytes => NextAction::Suppress(GapReason::Lag),
            _ => NextAction::Send(remaining),
        }
    }

    /// Returns how many bytes after `from` may be sent.
    #[must_use]
    pub const fn remaining(&self, from: u64) -> u64 {
        if from < self.tail_to { self.tail_to - from } else { self.left }
    }

    /// Deducts the length of a sent range from the budget. Bytes that belong to a tail are not deducted.
    pub fn sent(&mut self, from: u64, to: u64) {
        self.left = self.left.saturating_sub(to.saturating_sub(from.max(self.tail_to)));
    }

    /// Sets the budget to zero, which ends the head. Call this if the remaining budget is too small for another
    /// complete line.
    pub const fn end_head(&mut self) {
        self.left = 0;
    }

    /// Allows sending all output up to the offset `to`, which is the end of a step.
    pub fn begin_tail(&mut self, to: u64) {
        self.tail_to = self.tail_to.max(to);
    }

    /// Returns the number of bytes at the end of each step's output that are always sent.
    #[must_use]
    pub const fn tail_bytes(&self) -> u64 {
        self.bounds.tail_bytes
    }

    /// Returns whether the budget is used up.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { job_bytes: 1_000, lag: Duration::from_secs(30), tail_bytes: 100 };

    fn stop(at: u64, since: Instant) -> Boundary {
        Boundary { at, since }
    }

    #[test]
    fn output_beyond_the_budget_waits_for_the_end_of_its_step() {
        let now = Instant::now();
        let mut job_budget = JobBudget::new(BOUNDS, 0, 0);
        assert_eq!(job_budget.next(0, None, now), NextAction::Send(1_000));
        job_budget.sent(0, 990);
        assert_eq!(job_budget.next(990, None, now), NextAction::Send(10));
        job_budget.end_head();
        assert_eq!(job_budget.next(990, None, now), NextAction::Wait);
        assert_eq!(job_budget.next(990, Some(stop(5_000, now)), now), NextAction::Suppress(GapReason::Budget));
    }

    #[test]
    fn a_tail_is_sent_regardless_of_the_budget_and_the_time() {
        let now = Instant::now();
        let mut job_budget = JobBudget::new(BOUNDS, 0, 1_000);
        job_budget.begin_tail(5_000);
        let much_later = now + Duration::from_hours(1);
        assert_eq!(job_budget.next(4_900, Some(stop(5_000, now)), much_later), NextAction::Send(100));
        job_budget.sent(4_900, 5_000);
        assert_eq!(job_budget.next(5_000, None, now), NextAction::Wait);
    }

    #[test]
    fn late_output_is_suppressed_unless_it_fits_in_a_tail() {
        let now = Instant::now();
        let job_budget = JobBudget::new(BOUNDS, 0, 0);
        let in_time = now + Duration::from_secs(29);
        let late = now + Duration::from_secs(30);
        assert_eq!(job_budget.next(0, Some(stop(500, now)), in_time), NextAction::Send(1_000));
        assert_eq!(job_budget.next(0, Some(stop(500, now)), late), NextAction::Suppress(GapReason::Lag));
        assert_eq!(job_budget.next(400, Some(stop(500, now)), late), NextAction::Send(1_000));
        assert_eq!(job_budget.next(0, None, late), NextAction::Send(1_000), "its step is still running");
    }

    #[test]
    fn attempts_share_the_jobs_budget_but_each_has_a_minimum() {
        let now = Instant::now();
        assert_eq!(JobBudget::new(BOUNDS, 700, 0).next(0, None, now), NextAction::Send(300));
        assert_eq!(JobBudget::new(BOUNDS, 5_000, 0).next(0, None, now), NextAction::Send(100));
        assert_eq!(JobBudget::new(BOUNDS, 5_000, 60).next(60, None, now), NextAction::Send(40));
    }
}
