//! The process of a step and all of its descendants.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, kill_process_group, wait, waitid,
};

use super::message::ExitStatus;
use super::processes;

/// The initial delay between two rounds of killing. The delay is reset to this value whenever there are new processes
/// to kill. Otherwise, it doubles up to `MAX_WAIT`, because some processes cannot be killed immediately.
const WAIT: Duration = Duration::from_millis(1);
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The descendants of this process, which is a subreaper.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// The id of the step's process, or `None` before the process has been started. It is also `None` after the process
    /// has been reaped, because another process may then have the same id.
    step: Mutex<Option<Pid>>,
    killed: Mutex<HashSet<Pid>>,
}

impl Family {
    /// Starts the step's process. Orders that arrive while `start` runs wait until the process has been started.
    pub(super) fn start<E>(&self, start: impl FnOnce() -> Result<Pid, E>) -> Result<Pid, E> {
        let mut step = lock(&self.step);
        let pid = start()?;
        *step = Some(pid);
        Ok(pid)
    }

    /// Asks all processes to exit: those in the step's process group, and then those that have left it.
    pub(super) fn terminate(&self) {
        let step = lock(&self.step);
        let others: Vec<Pid> = processes::with_descendants(HashSet::from([getpid()]))
            .into_iter()
            .filter(|process| process.pid != getpid() && (step.is_none() || process.group != *step))
            .map(|process| process.pid)
            .collect();
        // SIGCONT is needed because a stopped process does not handle SIGTERM until it is continued.
        for signal in [Signal::TERM, Signal::CONT] {
            if let Some(group) = *step {
                kill_process_group(group, signal).ok();
            }
            for pid in &others {
                kill_process(*pid, signal).ok();
            }
        }
    }

    /// Kills the step's process group, unless the step's process has already been reaped.
    pub(super) fn kill_group(&self) {
        if let Some(group) = *lock(&self.step) {
            kill_process_group(group, Signal::KILL).ok();
        }
    }

    /// Kills the children of this process repeatedly, because the children of a killed process become children of this
    /// process. No process is reaped during a round, so that no process id is reused.
    pub(super) fn kill_until_none_is_left(&self) -> ! {
        let mut wait = WAIT;
        loop {
            wait = (wait * 2).min(MAX_WAIT);
            let reaping = lock(&self.step);
            for child in processes::all().filter(|process| process.parent == Some(getpid())) {
                if !child.has_ended && lock(&self.killed).insert(child.pid) {
                    wait = WAIT;
                }
                // Also kill processes that are reported as exited, because they may still have running threads.
                kill_process(child.pid, Signal::KILL).ok();
            }
            drop(reaping);
            thread::sleep(wait);
        }
    }

    /// Reaps every descendant that exits, until none is left. Calls `ended` with the step's exit status.
    pub(super) fn reap_until_none_is_left(&self, mut ended: impl FnMut(ExitStatus)) {
        loop {
            if let Err(Errno::CHILD) = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                return;
            }
            // Hold the lock while reaping, so that no signal is sent to a process id that may have been reused.
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

    /// Returns the number of processes killed because they outlived the step.
    pub(super) fn killed(&self) -> i32 {
        i32::try_from(lock(&self.killed).len()).unwrap_or(i32::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_order_that_arrives_during_the_start_is_carried_out_after_it() {
        let family = Arc::new(Family::default());
        let mut child = None;
        let orders = Arc::clone(&family);
        let started = family.start(|| {
            let thread = thread::spawn(move || orders.kill_group());
            let process = Command::new("sleep").arg("600").process_group(0).spawn()?;
            let pid = Pid::from_child(&process);
            child = Some((process, thread));
            Ok::<_, std::io::Error>(pid)
        });
        started.expect("the program exists");
        let (mut process, thread) = child.expect("it was started");
        thread.join().expect("the order is carried out");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&process.wait().expect("it is a child")), Some(9));
    }
}
