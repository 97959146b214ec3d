//! Limits how long a peer may keep the server waiting, by a maximum pause and a minimum average transfer rate.
//!
//! A peer has a time budget. Waiting for the peer uses it up. While the server itself is busy or has nothing to send,
//! the budget does not change.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::PaceLimit;

/// The remaining time budget of a peer. It is full at first. Waiting for the peer reduces it, and transferred bytes
/// increase it again, but never beyond its initial size.
#[derive(Clone, Copy, Debug)]
struct Budget {
    limit: PaceLimit,
    left: Duration,
}

impl Budget {
    const fn new(limit: PaceLimit) -> Self {
        Self { limit, left: limit.stall }
    }

    /// Records bytes that were transferred after waiting for the peer.
    fn moved(&mut self, bytes: usize, waited: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs_f64(f64::from(bytes) / f64::from(self.limit.bytes_per_second.max(1)));
        self.left = self.left.saturating_sub(waited).saturating_add(earned).min(self.limit.stall);
    }
}

/// The pace of one request body, or of the data sent on one connection.
#[derive(Debug)]
pub(super) struct Pace {
    budget: Budget,
    waiting_since: Option<Instant>,
    /// The timer that fires when the budget is used up. It is created by the first wait, because most bodies arrive
    /// without a wait.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// Creates a pace with a full budget.
    pub(super) const fn new(limit: PaceLimit) -> Self {
        Self { budget: Budget::new(limit), waiting_since: None, timer: None }
    }

    /// Records transferred bytes.
    pub(super) fn moved(&mut self, bytes: usize) {
        let waited = self.waiting_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.budget.moved(bytes, waited);
    }

    /// Starts or continues a wait for the peer. Returns `Ready` when the budget is used up.
    pub(super) fn poll_used_up(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            let end = now + self.budget.left;
            self.waiting_since = Some(now);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(end),
                None => self.timer = Some(Box::pin(sleep_until(end))),
            }
        }
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: PaceLimit = PaceLimit { stall: Duration::from_secs(30), bytes_per_second: 500 };

    /// Simulates a peer that transfers `bytes` after each wait of `seconds`. Returns the number of waits after which
    /// the budget is used up, or `None` if that does not happen.
    fn lasts(bytes: usize, seconds: u64) -> Option<u32> {
        let (mut budget, waited) = (Budget::new(LIMIT), Duration::from_secs(seconds));
        (0..100_000).find(|_| {
            let is_late = waited >= budget.left;
            budget.moved(bytes, waited);
            is_late
        })
    }

    #[test]
    fn a_peer_at_the_minimum_rate_is_never_late_and_a_slower_one_is() {
        assert_eq!(lasts(500, 1), None);
        assert_eq!(lasts(10_000, 20), None);
        assert_eq!(lasts(1, 1), Some(30));
        assert_eq!(lasts(1, 29), Some(1));
        assert_eq!(lasts(499, 1), Some(14_500));
        assert_eq!(lasts(1_000_000, 30), Some(0));
    }

    #[test]
    fn a_fast_start_does_not_allow_a_longer_stall() {
        let mut budget = Budget::new(LIMIT);
        budget.moved(100_000_000, Duration::ZERO);
        assert_eq!(budget.left, LIMIT.stall);
    }
}
