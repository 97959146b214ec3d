//! Gives a process without privileges a user namespace, in which it may mount file systems.
//!
//! The namespace contains only the user and the primary group of the process. Files of others, such as root, appear to
//! belong to nobody, but the kernel checks permissions as before, also those of the process's other groups. Programs
//! that run with the privileges of a file's owner (setuid) have no effect, so the namespace is used only for steps that
//! cannot gain privileges anyway.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::mount::mount_bind;
use rustix::process::{getegid, geteuid};

use super::cover;

/// Moves this process to a new user namespace. The process must have only one thread, and must still be dumpable,
/// because it writes to its own entries in `/proc`.
pub fn enter() -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    // The kernel requires this before a process without privileges may map its group.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Returns whether the system lets this process cover a directory in a user namespace. Some systems create the
/// namespace, but give the process no privileges in it. The process remains in the namespace.
pub(crate) fn is_possible() -> bool {
    enter().and_then(|()| cover::cover(&["/proc".into()], None, |_| Ok(()))).is_ok()
}

/// Replaces files of root by read-only copies that belong to the user. `folder` is a directory on a file system that
/// belongs to this namespace and is made read-only later. A file that cannot be replaced is left as it is.
pub(super) fn copy_files_of_root(files: &[PathBuf], folder: &Path) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let copies = folder.join(".copies");
    fs::create_dir(&copies)?;
    for (number, file) in files.iter().enumerate() {
        let copy = copies.join(number.to_string());
        fs::copy(file, &copy).and_then(|_| Ok(mount_bind(&copy, file)?)).ok();
    }
    Ok(())
}
