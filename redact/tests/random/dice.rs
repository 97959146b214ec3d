//! Random numbers that can be reproduced from a seed.
//!
//! Each run uses new seeds and prints the seed of a failure. To reproduce a failure, set `REDACT_SEED` to its seed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Runs a test `cases` times, each time with another seed.
pub fn for_each_seed(cases: u64, run: impl Fn(&mut Dice)) {
    let first = match std::env::var("REDACT_SEED") {
        Ok(seed) => seed.parse().expect("REDACT_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs() * 1_000_000,
    };
    for seed in first..first + cases {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&mut Dice::new(seed)))) {
            eprintln!("set REDACT_SEED={seed} to start with the failed case");
            resume_unwind(panic);
        }
    }
}
