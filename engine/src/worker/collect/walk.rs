//! Walks through a workspace without ever leaving it.
//!
//! Each directory is opened by name relative to its parent, and no link is followed. Therefore, neither `..` nor a link
//! can lead out of the workspace, even if the tree changes during the walk. An entry counts as a file only if it is a
//! regular file both before and after it is opened, because opening a device or a pipe may have side effects or block
//! forever.
//!
//! If the job ran as another user, entries are opened with the permissions of this user. Otherwise, a job could obtain
//! files that only the server may read, for example by setting its working directory to `/root`.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

use super::skipped::SkipReason;
use crate::artifacts::Matcher;
use crate::cage::JobUser;

/// The maximum number of entries that a walk examines. Patterns that require more are considered too broad.
pub(super) const MAX_ENTRIES: usize = 200_000;
/// The maximum nesting depth of directories. It limits the number of file descriptors, because all directories on the
/// path to the current one are open at the same time.
const MAX_DEPTH: usize = 64;

/// An entry that matches a pattern.
#[derive(Debug)]
pub(super) enum Found {
    /// An open regular file.
    File(File),
    /// A link, a pipe, a socket or a device.
    Other,
    /// An entry that could not be opened.
    Unreadable,
}

/// Visits the entries in `workspace` that `matcher` matches, sorted by name, until `visit` stops the walk.
pub(super) fn walk(
    workspace: &Path,
    matcher: &Matcher,
    visit: &mut dyn FnMut(&Path, Found) -> ControlFlow<()>,
) -> Result<(), SkipReason> {
    let folder = openat(CWD, workspace, FOLDER, Mode::empty()).map_err(|_| SkipReason::Unreadable)?;
    let mut walk = Walk { matcher, visit, entries: 0, ended: Ok(()) };
    let _ = walk.folder(&folder, Path::new(""), Meant::Maybe, 0);
    walk.ended
}

/// Visits the entries as [`walk`] does. If `user` is set, the entries are opened in another thread with that user's
/// permissions, and `visit` is called in the current thread.
pub(super) fn walk_as(
    user: Option<&JobUser>,
    workspace: &Path,
    matcher: &Matcher,
    visit: &mut dyn FnMut(&Path, Found) -> ControlFlow<()>,
) -> Result<(), SkipReason> {
    let Some(user) = user else { return walk(workspace, matcher, visit) };
    // The channel has no buffer, so the thread waits until the previous entry has been visited, and few files are open.
    let (sender, receiver) = sync_channel(0);
    thread::scope(|scope| {
        let walking = thread::Builder::new().spawn_scoped(scope, move || {
            user.take_permissions().map_err(|_| SkipReason::Unreadable)?;
            walk(workspace, matcher, &mut |path, found| match sender.send((path.to_owned(), found)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            })
        });
        let walking = walking.map_err(|_| SkipReason::Unreadable)?;
        for (path, found) in receiver {
            if visit(&path, found).is_break() {
                break;
            }
        }
        walking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Returns whether an entry with this name exists in `workspace`, without following links.
pub(super) fn exists(workspace: &Path, name: &Path) -> bool {
    let Ok(mut folder) = openat(CWD, workspace, FOLDER, Mode::empty()) else { return false };
    let mut parts = name.iter().peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return statat(&folder, part, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        }
        match openat(&folder, part, FOLDER, Mode::empty()) {
            Ok(below) => folder = below,
            Err(_) => return false,
        }
    }
    false
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
// A pipe may have replaced the file, and opening a pipe may block unless `NONBLOCK` is set.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The entries of a directory that match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meant {
    /// All entries, because the directory itself matches.
    All,
    /// Only the entries that match a pattern.
    Maybe,
}

struct Walk<'a> {
    matcher: &'a Matcher,
    visit: &'a mut dyn FnMut(&Path, Found) -> ControlFlow<()>,
    entries: usize,
    ended: Result<(), SkipReason>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &OwnedFd, at: &Path, meant: Meant, depth: usize) -> ControlFlow<()> {
        let Ok(names) = self.names(folder) else { return self.give_up(SkipReason::Unreadable) };
        if self.entries > MAX_ENTRIES || depth > MAX_DEPTH {
            return self.give_up(SkipReason::TooFar);
        }
        for name in names {
            let path = at.join(OsStr::from_bytes(name.to_bytes()));
            let is_meant = meant == Meant::All || self.matcher.means(&path);
            let Ok(stat) = statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory if is_meant || self.matcher.may_be_in(&path) => {
                    let meant = if is_meant { Meant::All } else { Meant::Maybe };
                    match openat(folder, &*name, FOLDER, Mode::empty()) {
                        Ok(below) => self.folder(&below, &path, meant, depth + 1)?,
                        Err(_) => (self.visit)(&path, Found::Unreadable)?,
                    }
                }
                FileType::RegularFile if is_meant => (self.visit)(&path, open(folder.as_fd(), &name))?,
                FileType::Directory | FileType::RegularFile => {}
                _ if is_meant => (self.visit)(&path, Found::Other)?,
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    /// Returns the names in a directory in sorted order. If a limit is exceeded, the same files are therefore omitted
    /// each time.
    fn names(&mut self, folder: &OwnedFd) -> rustix::io::Result<Vec<std::ffi::CString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if name != c"." && name != c".." {
                names.push(name.to_owned());
                self.entries += 1;
            }
            if self.entries > MAX_ENTRIES {
                break;
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn give_up(&mut self, why: SkipReason) -> ControlFlow<()> {
        self.ended = Err(why);
        // Continue with the rest of the tree, unless the limit on entries is reached.
        if why == SkipReason::TooFar && self.entries > MAX_ENTRIES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn open(folder: BorrowedFd<'_>, name: &CStr) -> Found {
    let Ok(file) = openat(folder, name, FILE, Mode::empty()).map(File::from) else { return Found::Unreadable };
    match file.metadata() {
        Ok(data) if data.is_file() => Found::File(file),
        Ok(_) => Found::Other,
        Err(_) => Found::Unreadable,
    }
}
