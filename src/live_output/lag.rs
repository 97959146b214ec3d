//! Measures how far the page lags behind the job.

use std::time::Duration;

use leptos::prelude::*;
use model::{Event, Timestamp};

use crate::host;

/// The minimum lag that is shown, in milliseconds. Readers do not notice a shorter lag.
const SHOWN_FROM: i64 = 2_000;
/// The time without events after which the page is no longer considered to lag behind.
const QUIET_AFTER: Duration = Duration::from_secs(2);

/// The length of a period, after which the clocks are compared again, because one of them may have been adjusted.
const COMPARED_FOR_MS: i64 = 5 * 60_000;

/// Measures how late events arrive. The clocks of the server and the browser may differ, so the lag is measured
/// relative to the event that arrived with the shortest delay in the last few minutes.
#[derive(Clone, Copy, Debug, Default)]
struct LagMeter {
    /// The smallest difference between the times of an event's creation and arrival, in milliseconds, for the current
    /// period and for the previous period. `None` for a period without events.
    least: [Option<i64>; 2],
    /// The beginning of the current period.
    since: Timestamp,
}

impl LagMeter {
    /// Returns the lag of an event that was created at `sent` and arrives at `now`, in milliseconds.
    fn measure(&mut self, sent: Timestamp, now: Timestamp) -> i64 {
        let difference = (now.0 - sent.0) / 1000;
        if now.millis_since(self.since) > COMPARED_FOR_MS || now < self.since {
            (self.least, self.since) = ([None, self.least[0]], now);
        }
        self.least[0] = Some(self.least[0].map_or(difference, |least| least.min(difference)));
        difference - self.least.into_iter().flatten().min().unwrap_or(difference)
    }
}

/// The displayed lag of the page. Copies of a `Lag` share the same state.
#[derive(Clone, Copy)]
pub struct Lag {
    /// The lag in whole seconds, or 0 if it is too short to be shown.
    seconds: RwSignal<i64>,
    meter: StoredValue<LagMeter>,
    batches: StoredValue<u32>,
}

impl Lag {
    /// Creates the state of a page that does not lag behind.
    pub fn new() -> Self {
        Self { seconds: RwSignal::new(0), meter: StoredValue::default(), batches: StoredValue::new(0) }
    }

    /// Returns the lag in whole seconds, or 0 if it is too short to be shown.
    pub fn seconds(self) -> i64 {
        self.seconds.get()
    }

    /// Records the arrival of live events.
    pub fn note(self, events: &[Event]) {
        let Some(last) = events.last() else { return };
        let measured = self.meter.try_update_value(|meter| meter.measure(last.created_at, host::now())).unwrap_or(0);
        let seconds = if measured < SHOWN_FROM { 0 } else { measured / 1000 };
        if self.seconds.get_untracked() != seconds {
            self.seconds.set(seconds);
        }
        let batch = self.batches.try_update_value(|batches| {
            *batches = batches.wrapping_add(1);
            *batches
        });
        if seconds > 0 {
            let clear = move || {
                if self.batches.try_get_value() == batch {
                    self.seconds.set(0);
                }
            };
            set_timeout(clear, QUIET_AFTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn the_lag_does_not_depend_on_the_difference_between_the_clocks() {
        for skew in [-3_600 * SECOND, 0, 90 * SECOND] {
            let mut meter = LagMeter::default();
            let mut measure =
                |sent: i64, arrives: i64| meter.measure(Timestamp(sent * SECOND), Timestamp(arrives * SECOND + skew));
            assert_eq!(
                [measure(10, 11), measure(20, 20), measure(21, 24), measure(30, 30)],
                [0, 0, 3_000, 0],
                "{skew}"
            );
        }
    }

    #[test]
    fn an_adjusted_clock_is_detected_after_some_minutes() {
        let mut meter = LagMeter::default();
        let mut measure = |at: i64, ahead: i64| meter.measure(Timestamp(at * SECOND), Timestamp((at + ahead) * SECOND));
        assert_eq!([measure(0, 0), measure(10, 60), measure(400, 60), measure(800, 60)], [0, 60_000, 60_000, 0]);
    }
}
