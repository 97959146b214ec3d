//! Random numbers that can be reproduced from a seed.

/// A sequence of random numbers, determined by its seed.
pub struct Dice(fastrand::Rng);

impl Dice {
    /// Creates the sequence for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a number from 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }
}
