//! Random numbers that can be reproduced from a seed.
//!
//! The seeds are the same in each run, so that chance does not decide whether a change passes the tests. `make
//! test-long` uses new seeds: it sets `REDACT_SEED` to the first one. A test that fails prints its seed, with which the
//! failure can be reproduced.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The first seed, if `REDACT_SEED` is not set.
const FIRST: u64 = 1;

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

/// Runs a test `cases` times, each time with a different seed.
pub fn for_each_seed(cases: u64, run: impl Fn(&mut Dice)) {
    let first = std::env::var("REDACT_SEED").map_or(FIRST, |seed| seed.parse().expect("REDACT_SEED is a number"));
    for seed in first..first + cases {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&mut Dice::new(seed)))) {
            eprintln!("set REDACT_SEED={seed} to start with the failed case");
            resume_unwind(panic);
        }
    }
}
