//! Lists the processes of this machine from `/proc`.

use std::collections::HashSet;
use std::fs;

use rustix::process::Pid;

/// A process, as described in `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug)]
pub struct ProcessEntry {
    /// The process id.
    pub pid: Pid,
    /// The parent's process id, or `None` for the first process and for processes whose parent is outside this
    /// container.
    pub parent: Option<Pid>,
    /// The id of the process group.
    pub group: Option<Pid>,
    /// Whether the process has exited and is waiting to be reaped.
    pub has_ended: bool,
}

/// Returns all processes, generally in the order in which they were started. Each process is read when the iterator
/// reaches it.
pub fn all() -> impl Iterator<Item = ProcessEntry> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| read(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?))
}

/// Returns whether a process is stopped at this moment, for example by SIGSTOP.
#[must_use]
pub fn is_stopped(pid: Pid) -> bool {
    fs::read(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let after_name = stat.iter().rposition(|byte| *byte == b')').map_or(0, |at| at + 2);
        stat.get(after_name) == Some(&b'T')
    })
}

/// Returns the running processes among `roots` and all of their running descendants.
#[must_use]
pub fn with_descendants(roots: impl IntoIterator<Item = Pid>) -> Vec<ProcessEntry> {
    let mut found: HashSet<Pid> = roots.into_iter().collect();
    let living: Vec<ProcessEntry> = all().filter(|process| !process.has_ended).collect();
    let is_new = |found: &HashSet<Pid>, process: &&ProcessEntry| {
        !found.contains(&process.pid) && process.parent.is_some_and(|parent| found.contains(&parent))
    };
    loop {
        let new: Vec<Pid> =
            living.iter().filter(|process| is_new(&found, process)).map(|process| process.pid).collect();
        if new.is_empty() {
            break;
        }
        found.extend(new);
    }
    living.into_iter().filter(|process| found.contains(&process.pid)).collect()
}

fn read(pid: Pid) -> Option<ProcessEntry> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may contain any bytes; the fields after it have a fixed format.
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
    let mut fields = std::str::from_utf8(stat.get(after_name..)?).ok()?.split(' ');
    let has_ended = matches!(fields.next()?, "Z" | "X");
    let mut number = || Some(Pid::from_raw(fields.next()?.parse().ok()?));
    Some(ProcessEntry { pid, parent: number()?, group: number()?, has_ended })
}
