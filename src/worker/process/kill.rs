//! Killing what a step started when its supervisor cannot: after a crash of the machine's memory killer, or because the
//! step itself has killed the supervisor.
//!
//! Every process of an attempt inherits two variables, and those can be read back from `/proc`. A process that cleared its
//! environment is found by its parent, as long as that is one of them.

use std::collections::HashSet;
use std::fs;
use std::io::Read;

use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::model::JobId;
use crate::supervise::processes;

/// The variables by which the processes of an attempt are found.
#[derive(Clone, Debug)]
pub struct ProcessMarker {
    entries: [String; 2],
}

impl ProcessMarker {
    /// Returns the marker of an attempt.
    #[must_use]
    pub fn new(job: JobId, attempt: i32) -> Self {
        Self { entries: [format!("TAILWATER_JOB_ID={job}"), format!("TAILWATER_ATTEMPT={attempt}")] }
    }

    /// Returns the variables as the environment has them.
    #[must_use]
    pub const fn entries(&self) -> &[String; 2] {
        &self.entries
    }

    fn is_in(&self, environ: &[u8]) -> bool {
        self.entries.iter().all(|entry| environ.split(|byte| *byte == 0).any(|found| found == entry.as_bytes()))
    }
}

/// The maximum number of rounds of looking and killing: one that forks faster than it is found is a fork bomb, which only a limit of
/// the system ends.
const ROUNDS: usize = 50;

/// Kills every process that has the marker, and their descendants, until none is left; returns how many it found.
pub fn kill_marked(marker: &ProcessMarker) -> usize {
    let mut killed = HashSet::new();
    for _ in 0..ROUNDS {
        let living = living(marker);
        if living.is_empty() {
            break;
        }
        for pid in living {
            kill_process(pid, Signal::KILL).ok();
            killed.insert(pid);
        }
    }
    killed.len()
}

/// Returns the living processes that have the marker, and their descendants.
fn living(marker: &ProcessMarker) -> Vec<Pid> {
    // There may be thousands of processes: most environments fit into what the first read takes.
    let mut environ = Vec::with_capacity(16 << 10);
    let has_marker = |pid: &Pid| {
        environ.clear();
        let read = fs::File::open(format!("/proc/{pid}/environ")).and_then(|mut file| file.read_to_end(&mut environ));
        read.is_ok() && marker.is_in(&environ)
    };
    // A process that has ended shows no environment any more.
    let found: HashSet<Pid> = processes::all().map(|process| process.pid).filter(has_marker).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let living = processes::with_descendants(found).into_iter().map(|process| process.pid);
    living.filter(|pid| *pid != getpid()).collect()
}
