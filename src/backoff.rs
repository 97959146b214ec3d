//! How long to wait before something that failed is tried again: twice as long each time, up to a longest wait.

use std::time::Duration;

/// The waits between tries. A copy of a constant begins with the first wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// Begins with `first` and doubles up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// Returns the wait after one more try that failed.
    pub fn next_wait(&mut self) -> Duration {
        self.tries = self.tries.saturating_add(1);
        self.after(self.tries)
    }

    /// Returns the wait after that many tries, at least one, that all failed.
    #[must_use]
    pub fn after(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// Returns the wait after that many tries, of which up to half is left out at random, so that all clients that wait
    /// for one server come back at different moments. `random` lies between 0 and 1.
    #[must_use]
    pub fn after_spread(&self, tries: u32, random: f64) -> Duration {
        self.after(tries).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Returns how many tries have failed.
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
