//! How much of a job's output is sent live: plain rules over values, with the clock passed in.
//!
//! The head of the output is sent as long as the job's budget lasts, and the tail of each step in any case. What lies
//! between is left out when its step has ended, since only then it is known where the tail begins; a gap records it. A
//! step's output that is still not sent so long after its end is treated the same.

use std::time::{Duration, Instant};

use super::milestones::Stop;
use crate::model::GapReason;

/// The settings behind the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Text of a job's log events, over all of its attempts; the tails are not counted once it is spent.
    pub job_bytes: u64,
    /// How long output is sent on after its step has ended.
    pub lag: Duration,
    /// Output at the end of each step that is sent in any case; an attempt's head may always be as large.
    pub tail_bytes: u64,
}

/// What may be done with the output that is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send it, up to this many bytes.
    Send(u64),
    /// Keep it until its step has ended.
    Wait,
    /// Leave it out, but for its step's tail.
    LeaveOut(GapReason),
}

/// What an attempt may still send.
#[derive(Clone, Debug)]
pub struct Allowance {
    bounds: Bounds,
    /// What is left of the budget.
    left: u64,
    /// Up to here output is a tail, and sent in any case.
    tail_to: u64,
}

impl Allowance {
    /// Begins after the job's earlier attempts have sent `earlier` bytes, and this one `own`.
    #[must_use]
    pub fn new(bounds: Bounds, earlier: u64, own: u64) -> Self {
        let budget = bounds.job_bytes.saturating_sub(earlier).max(bounds.tail_bytes);
        Self { bounds, left: budget.saturating_sub(own), tail_to: 0 }
    }

    /// Returns what may be done with the output from `from` on, which ends at `stop` if that is known.
    #[must_use]
    pub fn next(&self, from: u64, stop: Option<Stop>, now: Instant) -> Next {
        let room = self.room(from);
        if from < self.tail_to {
            return Next::Send(room);
        }
        let late = stop.is_some_and(|stop| now >= stop.since + self.bounds.lag);
        match (stop, room) {
            (None, 0) => Next::Wait,
            (Some(_), 0) => Next::LeaveOut(GapReason::Budget),
            (Some(stop), _) if late && stop.at - from > self.bounds.tail_bytes => Next::LeaveOut(GapReason::Lag),
            _ => Next::Send(room),
        }
    }

    /// Returns how many bytes may be sent from `from` on.
    #[must_use]
    pub const fn room(&self, from: u64) -> u64 {
        if from < self.tail_to { self.tail_to - from } else { self.left }
    }

    /// Takes what was sent out of the budget.
    pub fn sent(&mut self, from: u64, to: u64) {
        self.left = self.left.saturating_sub(to.saturating_sub(from.max(self.tail_to)));
    }

    /// Ends the head before its last few bytes: they would end in the middle of a line.
    pub const fn end_head(&mut self) {
        self.left = 0;
    }

    /// Lets everything up to the end of a step through.
    pub fn begin_tail(&mut self, to: u64) {
        self.tail_to = self.tail_to.max(to);
    }

    /// Returns how much of a step's end is sent in any case.
    #[must_use]
    pub const fn tail_bytes(&self) -> u64 {
        self.bounds.tail_bytes
    }

    /// Returns whether the budget is spent.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { job_bytes: 1_000, lag: Duration::from_secs(30), tail_bytes: 100 };

    fn stop(at: u64, since: Instant) -> Stop {
        Stop { at, since }
    }

    #[test]
    fn the_head_is_sent_until_the_budget_is_spent_then_the_steps_end_is_waited_for() {
        let now = Instant::now();
        let mut allowance = Allowance::new(BOUNDS, 0, 0);
        assert_eq!(allowance.next(0, None, now), Next::Send(1_000));
        allowance.sent(0, 990);
        assert_eq!(allowance.next(990, None, now), Next::Send(10));
        allowance.end_head();
        assert_eq!(allowance.next(990, None, now), Next::Wait);
        assert_eq!(allowance.next(990, Some(stop(5_000, now)), now), Next::LeaveOut(GapReason::Budget));
    }

    #[test]
    fn a_tail_is_sent_whatever_the_budget_and_the_clock_say() {
        let now = Instant::now();
        let mut allowance = Allowance::new(BOUNDS, 0, 1_000);
        allowance.begin_tail(5_000);
        let much_later = now + Duration::from_hours(1);
        assert_eq!(allowance.next(4_900, Some(stop(5_000, now)), much_later), Next::Send(100));
        allowance.sent(4_900, 5_000);
        assert_eq!(allowance.next(5_000, None, now), Next::Wait);
    }

    #[test]
    fn what_is_late_is_left_out_unless_it_is_no_more_than_a_tail() {
        let now = Instant::now();
        let allowance = Allowance::new(BOUNDS, 0, 0);
        let in_time = now + Duration::from_secs(29);
        let late = now + Duration::from_secs(30);
        assert_eq!(allowance.next(0, Some(stop(500, now)), in_time), Next::Send(1_000));
        assert_eq!(allowance.next(0, Some(stop(500, now)), late), Next::LeaveOut(GapReason::Lag));
        assert_eq!(allowance.next(400, Some(stop(500, now)), late), Next::Send(1_000));
        assert_eq!(allowance.next(0, None, late), Next::Send(1_000), "its step runs on");
    }

    #[test]
    fn the_budget_is_the_jobs_but_every_attempt_has_a_head() {
        let now = Instant::now();
        assert_eq!(Allowance::new(BOUNDS, 700, 0).next(0, None, now), Next::Send(300));
        assert_eq!(Allowance::new(BOUNDS, 5_000, 0).next(0, None, now), Next::Send(100));
        assert_eq!(Allowance::new(BOUNDS, 5_000, 60).next(60, None, now), Next::Send(40));
    }
}
