//! Decides when output is sent and how much is sent at once. These functions do no I/O; the current time is an
//! argument.
//!
//! A single line is sent immediately if the event budget allows it. A partial line is sent when its deadline expires.
//! The deadline is set when output begins to wait, and further output does not extend it. Under load, events become
//! larger rather than more frequent.

use std::time::{Duration, Instant};

/// The parameters of the batching rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The maximum time for which output is held back while the event budget is sufficient.
    pub flush: Duration,
    /// The maximum number of log events per second for each job, which is also the capacity of the token bucket.
    pub events_per_second: u32,
    /// The normal limit for the size of an event's text, in bytes. It applies while the budget is sufficient.
    pub event_bytes: usize,
    /// The maximum size of an event's text under load, in bytes.
    pub max_event_bytes: usize,
}

/// Output that is in the spool but has not been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The size of the output in bytes.
    pub bytes: u64,
    /// Whether the output contains a complete line.
    pub has_line: bool,
    /// The number of streams with pending output, 1 or 2. Sending the output costs one event for each stream.
    pub streams: u32,
    /// The time at which the output began to wait. Output that is added later does not change it.
    pub since: Instant,
    /// Whether another event, such as the end of the step, is waiting for this output to be sent.
    pub pressed: bool,
}

/// The decision about when to send pending output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send output now.
    Now {
        /// The maximum size of an event's text, in bytes.
        event_bytes: usize,
        /// Whether an unfinished last line is included.
        partial: bool,
    },
    /// Decide again at this time, or when more output arrives.
    At(Instant),
}

/// A job's event budget, implemented as a token bucket.
#[derive(Clone, Debug)]
pub struct Budget {
    policy: Policy,
    tokens: f64,
    /// The time of the last refill, or `None` before the first decision.
    at: Option<Instant>,
}

impl Budget {
    /// Creates a budget with a full bucket.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, tokens: f64::from(policy.events_per_second), at: None }
    }

    /// Decides when to send `pending`, and the maximum size of the events.
    pub fn due(&mut self, pending: &Pending, now: Instant) -> Due {
        self.refill(now);
        let deadline = pending.since + self.policy.flush;
        let partial = pending.pressed || now >= deadline;
        let full = pending.bytes >= self.policy.event_bytes as u64;
        if !(partial || pending.has_line || full) {
            return Due::At(deadline);
        }
        let cost = f64::from(pending.streams);
        if self.tokens < cost {
            let wait = (cost - self.tokens) / f64::from(self.policy.events_per_second);
            // Round up, so that the budget is sufficient at that time.
            return Due::At(now + Duration::from_secs_f64(wait) + Duration::from_micros(1));
        }
        Due::Now { event_bytes: self.event_bytes(pending), partial: partial || !pending.has_line }
    }

    /// Deducts the cost of `events` events from the budget.
    pub fn spend(&mut self, events: u32) {
        self.tokens -= f64::from(events);
    }

    /// Returns the maximum size of an event's text, in bytes. If events of the normal size can carry all pending output
    /// within the flush interval and the event budget, this is the normal size. Otherwise, it is the size of the
    /// pending output, up to the configured maximum.
    fn event_bytes(&self, pending: &Pending) -> usize {
        let Policy { flush, events_per_second, event_bytes, max_event_bytes } = self.policy;
        let by_deadline = (f64::from(events_per_second) * flush.as_secs_f64()).min(self.tokens).max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and u32::MAX")]
        let calm = event_bytes as u64 * by_deadline as u64;
        if pending.bytes <= calm {
            return event_bytes;
        }
        usize::try_from(pending.bytes).unwrap_or(usize::MAX).clamp(event_bytes, max_event_bytes)
    }

    fn refill(&mut self, now: Instant) {
        let rate = f64::from(self.policy.events_per_second);
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.tokens = (self.tokens + passed.as_secs_f64() * rate).min(rate);
        self.at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        flush: Duration::from_millis(100),
        events_per_second: 50,
        event_bytes: 16 << 10,
        max_event_bytes: 1 << 20,
    };

    fn pending(bytes: u64, has_line: bool, since: Instant) -> Pending {
        Pending { bytes, has_line, streams: 1, since, pressed: false }
    }

    const LINE_NOW: Due = Due::Now { event_bytes: 16 << 10, partial: false };

    #[test]
    fn an_isolated_line_is_sent_immediately() {
        let now = Instant::now();
        assert_eq!(Budget::new(POLICY).due(&pending(10, true, now), now), LINE_NOW);
    }

    #[test]
    fn further_output_does_not_extend_the_deadline_of_a_partial_line() {
        let start = Instant::now();
        let mut budget = Budget::new(POLICY);
        for ms in [0, 30, 60, 99] {
            let now = start + Duration::from_millis(ms);
            assert_eq!(budget.due(&pending(ms + 1, false, start), now), Due::At(start + POLICY.flush));
        }
        let due = budget.due(&pending(9, false, start), start + POLICY.flush);
        assert_eq!(due, Due::Now { event_bytes: 16 << 10, partial: true });
    }

    #[test]
    fn output_that_another_event_waits_for_is_sent_immediately() {
        let now = Instant::now();
        let pressed = Pending { pressed: true, ..pending(3, false, now) };
        assert_eq!(Budget::new(POLICY).due(&pressed, now), Due::Now { event_bytes: 16 << 10, partial: true });
    }

    #[test]
    fn under_load_events_grow_instead_of_exceeding_the_budget() {
        let start = Instant::now();
        let mut budget = Budget::new(POLICY);
        let (mut events, mut backlog, mut now, mut largest) = (0, 0_u64, start, 0);
        // Simulate output of 5 MB/s for 10 s, and call `due` every 5 ms.
        for _ in 0..2_000 {
            now += Duration::from_millis(5);
            backlog += 25_000;
            if let Due::Now { event_bytes, .. } = budget.due(&pending(backlog, true, now), now) {
                events += 1;
                budget.spend(1);
                largest = largest.max(event_bytes);
                backlog -= backlog.min(event_bytes as u64);
            }
        }
        assert!(events <= 50 + 10 * 50, "{events} events in 10 s");
        assert!(backlog < 1 << 20, "{backlog} bytes are still pending");
        assert!((64 << 10..=1 << 20).contains(&largest), "events grew to {largest}");
    }

    #[test]
    fn an_event_does_not_exceed_the_maximum_size() {
        let now = Instant::now();
        let mut budget = Budget::new(POLICY);
        let due = budget.due(&pending(1 << 30, true, now), now);
        assert_eq!(due, Due::Now { event_bytes: 1 << 20, partial: false });
    }

    #[test]
    fn output_of_two_streams_costs_two_events() {
        let now = Instant::now();
        let mut budget = Budget::new(POLICY);
        budget.spend(49);
        let both = Pending { streams: 2, ..pending(10, true, now) };
        assert!(matches!(budget.due(&both, now), Due::At(at) if at > now));
        assert_eq!(budget.due(&pending(10, true, now), now), LINE_NOW);
    }
}
