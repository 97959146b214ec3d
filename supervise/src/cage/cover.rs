//! Covers the data directory with an empty directory, in a mount namespace that only a step can see.
//!
//! The directory of the step's own attempt is mounted inside the cover, at its usual path. The cover is read-only, so
//! that a step that writes to the data directory by mistake gets an error instead of losing its files.
//!
//! This requires the right to mount file systems, which a process without privileges has only in a [user namespace] of
//! its own.
//!
//! [user namespace]: super::user_namespace

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};

/// The mount flags of the cover.
const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// The options of the cover's file system, which contains only a few directories. All users can enter it.
const OPTIONS: &std::ffi::CStr = c"mode=755,size=64k,nr_inodes=64";

/// Returns whether the paths can be covered. This is tested by covering them in the mount namespace of a temporary
/// thread.
pub fn is_possible(hidden: &[PathBuf]) -> bool {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, || cover(hidden, None, |_| Ok(())).is_ok());
        thread.is_ok_and(|thread| thread.join().unwrap_or(false))
    })
}

/// Moves the calling thread to a new mount namespace in which the paths are covered. Only the directory `own`, which is
/// relative to the first path, remains accessible. `fill` is called with the first path before the cover becomes
/// read-only, and can create files in it.
pub(super) fn cover(
    hidden: &[PathBuf],
    own: Option<&Path>,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Mounts in this namespace must not appear in the server's namespace. Mounts that the system makes later still
    // appear here.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let Some(data) = hidden.first() else { return Ok(()) };
    // This descriptor leads to the directory even after the directory has been covered. Open the descriptor in the new
    // namespace.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let kept = own.map(|own| openat(CWD, data.join(own), flags, Mode::empty())).transpose()?;
    for path in hidden {
        if path.is_dir() {
            mount("tailwater", path, "tmpfs", FLAGS, OPTIONS)?;
        } else {
            mount_bind("/dev/null", path)?;
        }
    }
    if let (Some(own), Some(kept)) = (own, kept) {
        let mut place = data.clone();
        for component in own.components() {
            place.push(component);
            fs::create_dir(&place)?;
            // The step's umask is already in effect, but the step's user has to enter these directories.
            fs::set_permissions(&place, Permissions::from_mode(0o755))?;
        }
        mount_bind(format!("/proc/self/fd/{}", kept.as_raw_fd()), &place)?;
    }
    fill(data)?;
    for path in hidden.iter().filter(|path| path.is_dir()) {
        mount_remount(path, FLAGS | MountFlags::RDONLY, c"")?;
    }
    Ok(())
}
