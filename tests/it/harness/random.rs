//! Reproducible random numbers for tests.

/// A small random number generator. It prints its seed. If `TAILWATER_SEED` is set, it uses that seed, so that a
/// failure can be reproduced.
pub struct Random(fastrand::Rng);

impl Random {
    pub fn new(name: &str) -> Self {
        let given = std::env::var("TAILWATER_SEED").ok().map(|seed| seed.parse().expect("TAILWATER_SEED is a number"));
        let seed = given.unwrap_or_else(|| fastrand::u64(..));
        eprintln!("{name}: TAILWATER_SEED={seed}");
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound)
    }
}
