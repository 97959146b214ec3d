//! A step's process and everything that descends from it.

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, kill_process_group, wait, waitid,
};

use super::message::ExitStatus;
use super::processes;

/// How long to wait between two rounds of killing: while there are new ones to kill, and at the longest, for a process that
/// the system lets nobody kill for now.
const WAIT: Duration = Duration::from_millis(1);
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The descendants of this process, which is their subreaper.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// The step, until it is reaped: after that its number may name another process and another group.
    step: Mutex<Option<Pid>>,
    killed: Mutex<HashSet<Pid>>,
}

impl Family {
    /// Starts the step's process.
    pub(super) fn start(&self, start: impl FnOnce() -> io::Result<Pid>) -> io::Result<Pid> {
        let mut step = lock(&self.step);
        let pid = start()?;
        *step = Some(pid);
        Ok(pid)
    }

    /// Asks everything to end: the step's group at once, then what has left it.
    pub(super) fn terminate(&self) {
        let step = lock(&self.step);
        let others: Vec<Pid> = processes::with_descendants(HashSet::from([getpid()]))
            .into_iter()
            .filter(|process| process.pid != getpid() && (step.is_none() || process.group != *step))
            .map(|process| process.pid)
            .collect();
        // A process that is stopped would act on the first signal only once somebody continued it.
        for signal in [Signal::TERM, Signal::CONT] {
            if let Some(group) = *step {
                kill_process_group(group, signal).ok();
            }
            for pid in &others {
                kill_process(*pid, signal).ok();
            }
        }
    }

    /// Kills the step's group, if the step has not ended.
    pub(super) fn kill_group(&self) {
        if let Some(group) = *lock(&self.step) {
            kill_process_group(group, Signal::KILL).ok();
        }
    }

    /// Kills this process's children, again and again: what a dead one leaves becomes a child of this process. None is reaped
    /// meanwhile, so that a child's number cannot come to name another process.
    pub(super) fn kill_until_none_is_left(&self) -> ! {
        let mut wait = WAIT;
        loop {
            wait = (wait * 2).min(MAX_WAIT);
            let reaping = lock(&self.step);
            for child in processes::all().filter(|process| process.parent == Some(getpid())) {
                if !child.has_ended && lock(&self.killed).insert(child.pid) {
                    wait = WAIT;
                }
                // A process that is reported as ended may have threads that still run.
                kill_process(child.pid, Signal::KILL).ok();
            }
            drop(reaping);
            thread::sleep(wait);
        }
    }

    /// Reaps every descendant that ends, until there is none; calls `ended` when it is the step.
    pub(super) fn reap_until_none_is_left(&self, mut ended: impl FnMut(ExitStatus)) {
        loop {
            if let Err(Errno::CHILD) = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                return;
            }
            // Nobody signals by a number while what it names may change.
            let mut step = lock(&self.step);
            let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) else { continue };
            if *step == Some(pid) {
                *step = None;
                drop(step);
                let signal = status.terminating_signal().map(ExitStatus::Signal);
                ended(status.exit_status().map(ExitStatus::Code).or(signal).unwrap_or(ExitStatus::Code(-1)));
            }
        }
    }

    /// Returns how many processes were killed that the step had left behind.
    pub(super) fn killed(&self) -> i32 {
        i32::try_from(lock(&self.killed).len()).unwrap_or(i32::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
