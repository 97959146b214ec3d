//! Killing everything that a step started.
//!
//! A process group is not enough: who calls `setsid` leaves it. Every process of an attempt inherits two variables, and
//! those can be read back from `/proc`. A process that cleared its environment is found by its parent, as long as that is
//! one of them.

use std::collections::HashSet;
use std::fs;
use std::io::Read;

use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::model::JobId;

/// What the environment of an attempt's processes holds.
#[derive(Clone, Debug)]
pub struct Mark {
    entries: [Vec<u8>; 2],
}

impl Mark {
    /// Returns the mark of an attempt.
    #[must_use]
    pub fn new(job: JobId, attempt: i32) -> Self {
        Self {
            entries: [
                format!("TAILWATER_JOB_ID={job}").into_bytes(),
                format!("TAILWATER_ATTEMPT={attempt}").into_bytes(),
            ],
        }
    }

    fn is_on(&self, environ: &[u8]) -> bool {
        self.entries.iter().all(|entry| environ.split(|byte| *byte == 0).any(|found| found == entry))
    }
}

/// Rounds of looking and killing at the most: one that forks faster than it is found is a fork bomb, which only a limit of
/// the system ends.
const ROUNDS: usize = 50;

/// Kills every process that bears the mark, and their children, until none is left; returns how many it found.
///
/// `reaped_later` is a process that has ended but is still listed.
pub fn kill_marked(mark: &Mark, reaped_later: Option<Pid>) -> usize {
    let mut killed = HashSet::new();
    for _ in 0..ROUNDS {
        let living = living(mark, reaped_later);
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

/// Returns the processes that bear the mark or whose parent does, without those that have ended.
fn living(mark: &Mark, reaped_later: Option<Pid>) -> Vec<Pid> {
    let pids: Vec<Pid> =
        fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| pid_of(&entry)).collect();
    // There may be thousands of processes: most environments fit into what the first read takes.
    let mut environ = Vec::with_capacity(16 << 10);
    let bears = |pid: &Pid| {
        environ.clear();
        let read = fs::File::open(format!("/proc/{pid}/environ")).and_then(|mut file| file.read_to_end(&mut environ));
        read.is_ok() && mark.is_on(&environ)
    };
    // A process that has ended shows no environment any more.
    let mut found: HashSet<Pid> = pids.iter().copied().filter(bears).collect();
    if !found.is_empty() {
        let parents: Vec<(Pid, Pid)> = pids.iter().filter_map(|pid| Some((*pid, parent_of_living(*pid)?))).collect();
        while let Some((child, _)) =
            parents.iter().find(|(child, parent)| found.contains(parent) && !found.contains(child))
        {
            found.insert(*child);
        }
    }
    found.retain(|pid| Some(*pid) != reaped_later && *pid != getpid());
    found.into_iter().collect()
}

fn pid_of(entry: &fs::DirEntry) -> Option<Pid> {
    Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)
}

/// Returns the parent of a process that has not ended.
fn parent_of_living(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the fields after it are plain.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = Pid::from_raw(fields.next()?.parse().ok()?)?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}
