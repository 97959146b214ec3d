//! Exponential back-off: the wait after each failed try is twice as long as the one before, up to a maximum.

use std::time::Duration;

/// An exponential back-off. Copying a `Backoff` constant starts a new sequence of waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// Creates a back-off whose waits start with `first` and double up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// Counts one more failed try and returns the wait after it.
    pub fn next_wait(&mut self) -> Duration {
        self.tries = self.tries.saturating_add(1);
        self.after(self.tries)
    }

    /// Returns the wait after `tries` failed tries. A count of 0 gives the same wait as 1.
    #[must_use]
    pub fn after(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// Returns the wait after `tries` failed tries, multiplied by a random factor between 0.5 and 1, so that clients of
    /// the same server do not all retry at the same moment. `random` must be between 0 and 1.
    #[must_use]
    pub fn after_spread(&self, tries: u32, random: f64) -> Duration {
        self.after(tries).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Returns the number of failed tries counted by [`Self::next_wait`].
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
    fn waits_double_up_to_the_longest() {
        let mut waits = WAITS;
        let next: Vec<_> = (0..7).map(|_| waits.next_wait().as_millis()).collect();
        assert_eq!(next, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!((waits.tries(), waits.after(u32::MAX).as_millis()), (7, 5000));
    }

    #[test]
    fn up_to_half_of_a_wait_is_left_out_at_random() {
        let spread = |random| WAITS.after_spread(1, random).as_millis();
        assert_eq!([spread(0.0), spread(0.5), spread(1.0)], [100, 150, 200]);
    }
}
