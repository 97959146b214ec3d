//! Exponential back-off: the delay before each retry is twice the previous one, up to a maximum.

use std::time::Duration;

/// The delays between attempts, and the number of failed attempts so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// Creates a back-off whose first delay is `first`, and whose delays double up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// Records a failed attempt, and returns the delay before the next one.
    pub fn next_wait(&mut self) -> Duration {
        self.tries = self.tries.saturating_add(1);
        self.after(self.tries)
    }

    /// Returns the delay after the given number of failed attempts, which must be at least 1.
    #[must_use]
    pub fn after(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// Returns the delay after the given number of failed attempts. The delay is reduced at random by up to one half,
    /// so that clients of the same server do not all reconnect at the same time. `random` is between 0 and 1.
    #[must_use]
    pub fn after_spread(&self, tries: u32, random: f64) -> Duration {
        self.after(tries).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Returns the number of failed attempts.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

    #[test]
    fn waits_double_up_to_the_maximum() {
        let mut waits = WAITS;
        let next: Vec<_> = (0..7).map(|_| waits.next_wait().as_millis()).collect();
        assert_eq!(next, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!((waits.tries(), waits.after(u32::MAX).as_millis()), (7, 5000));
    }

    #[test]
    fn waits_are_shortened_at_random_by_up_to_one_half() {
        let spread = |random| WAITS.after_spread(1, random).as_millis();
        assert_eq!([spread(0.0), spread(0.5), spread(1.0)], [100, 150, 200]);
    }
}
