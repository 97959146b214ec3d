//! Random numbers for tests. They are generated from a seed, so that a failure can be reproduced.

/// A sequence of random numbers that is determined by its seed.
pub(crate) struct Random(fastrand::Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    /// Returns one of the choices at random.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *self.0.choice(choices).expect("there are some")
    }
}
