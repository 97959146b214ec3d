//! Kills the processes of a step whose supervisor was itself killed, for example by the out-of-memory killer or by the
//! step.
//!
//! Every process of an attempt inherits two environment variables, which can be read from `/proc`. A process that has
//! cleared its environment is still found if it is a descendant of a process with these variables, or if the worker's
//! program has adopted it ([`super::children`]).

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use model::JobId;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::children;
use super::supervisor::PATIENCE;
use supervise::processes;

/// The variables that identify the processes of an attempt.
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

    /// Returns the variables in the form `NAME=VALUE`.
    #[must_use]
    pub const fn entries(&self) -> &[String; 2] {
        &self.entries
    }

    fn is_in(&self, environ: &[u8]) -> bool {
        self.entries.iter().all(|entry| environ.split(|byte| *byte == 0).any(|found| found == entry.as_bytes()))
    }
}

/// The maximum number of rounds in which new processes are found and killed. Processes that remain after that are
/// probably part of a fork bomb, which only a system limit can stop.
const ROUNDS: usize = 50;

/// The interval at which to check whether the killed processes have exited.
const DYING: Duration = Duration::from_millis(2);

/// Kills all processes with the marker, all processes that this process has adopted, and the descendants of both, until
/// none is left. Gives up after `ROUNDS` rounds that found new processes, or after `PATIENCE`. Returns the number of
/// different processes found.
pub fn kill_marked(marker: &ProcessMarker) -> usize {
    let (mut killed, mut rounds, begun) = (HashSet::new(), 0, Instant::now());
    while rounds < ROUNDS && begun.elapsed() < PATIENCE {
        let living = living(marker);
        if living.is_empty() {
            break;
        }
        let before = killed.len();
        for pid in living {
            kill_process(pid, Signal::KILL).ok();
            killed.insert(pid);
        }
        if killed.len() > before {
            rounds += 1;
        } else {
            std::thread::sleep(DYING);
        }
    }
    killed.len()
}

/// Returns the running processes with the marker, those that this process has adopted, and the descendants of both.
fn living(marker: &ProcessMarker) -> Vec<Pid> {
    // There may be thousands of processes, so the buffer is large enough to read most environments at once.
    let mut environ = Vec::with_capacity(16 << 10);
    let has_marker = |pid: &Pid| {
        environ.clear();
        let read = fs::File::open(format!("/proc/{pid}/environ")).and_then(|mut file| file.read_to_end(&mut environ));
        read.is_ok() && marker.is_in(&environ)
    };
    // Processes that have exited are excluded, because their environments cannot be read.
    let mut found: HashSet<Pid> = processes::all().map(|process| process.pid).filter(has_marker).collect();
    found.extend(children::adopted());
    if found.is_empty() {
        return Vec::new();
    }
    let living = processes::with_descendants(found).into_iter().map(|process| process.pid);
    living.filter(|pid| *pid != getpid()).collect()
}
