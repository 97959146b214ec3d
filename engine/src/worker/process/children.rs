//! The child processes of this program: the supervisors that it has started, and the processes that it has adopted.
//!
//! When a supervisor is killed, the processes of its step become children of their nearest ancestor that is a subreaper
//! (`PR_SET_CHILD_SUBREAPER`). A program that contains a worker is a subreaper. It therefore finds these processes even
//! if they have cleared their environments and left their sessions.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};

use supervise::processes;

/// The children of this process.
static CHILDREN: Mutex<Children> = Mutex::new(Children { adopts: false, known: None });

struct Children {
    /// Whether this process is a subreaper.
    adopts: bool,
    /// The supervisors that have been started but not reaped yet, and the children that existed before [`adopt`] was
    /// called. `None` stands for an empty set.
    known: Option<HashSet<Pid>>,
}

/// Makes this process adopt the processes of killed supervisors. From then on, every new child that is not a supervisor
/// counts as adopted and may be killed. This process must therefore start no children other than supervisors.
///
/// Children that already exist are never killed. A script may have started them before it replaced itself with this
/// program.
pub fn adopt() -> std::io::Result<()> {
    let mut children = lock();
    let existing = processes::all().filter(|process| process.parent == Some(getpid())).map(|process| process.pid);
    children.known.get_or_insert_default().extend(existing);
    set_child_subreaper(Some(getpid()))?;
    children.adopts = true;
    Ok(())
}

/// Starts a supervisor. The lock is held until the supervisor's id is recorded, so that the supervisor is never
/// regarded as adopted.
pub(super) fn start<E>(start: impl FnOnce() -> Result<Pid, E>) -> Result<Pid, E> {
    let mut children = lock();
    let pid = start()?;
    children.known.get_or_insert_default().insert(pid);
    Ok(pid)
}

/// Reaps a supervisor that has exited.
pub(super) fn reap(pid: Pid) {
    let mut children = lock();
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok();
    children.known.get_or_insert_default().remove(&pid);
}

/// Returns the running processes that this process has adopted, and reaps the adopted processes that have exited.
pub(super) fn adopted() -> Vec<Pid> {
    let children = lock();
    if !children.adopts {
        return Vec::new();
    }
    let is_known = |pid: &Pid| children.known.as_ref().is_some_and(|known| known.contains(pid));
    let (ended, living): (Vec<_>, Vec<_>) = processes::all()
        .filter(|process| process.parent == Some(getpid()) && !is_known(&process.pid))
        .partition(|process| process.has_ended);
    for process in ended {
        waitid(WaitId::Pid(process.pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok();
    }
    living.into_iter().map(|process| process.pid).collect()
}

fn lock() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}
