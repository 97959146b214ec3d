//! Removes a workspace with all files that its job has created, but nothing outside the workspace.
//!
//! Each directory is opened by name relative to its parent, never through a link and never across a mount point.
//! Therefore, neither a link nor a bind mount can lead out of the workspace, even if the tree changes during the
//! removal. If the owner lacks permissions for a directory, they are added first. Entries that cannot be removed are
//! reported, and all other entries are still removed.

use std::ffi::{CStr, CString};
use std::fmt::{self, Display, Formatter};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, ResolveFlags};
use rustix::fs::{chmod, fstat, openat, openat2, renameat, unlinkat};
use rustix::io::Errno;

/// The maximum number of nested directories that are open at the same time. Deeper directories are moved to the top of
/// the tree and removed from there.
const MAX_DEPTH: usize = 64;

/// An entry that could not be removed.
#[derive(Debug)]
pub(super) struct Remaining {
    path: PathBuf,
    why: Errno,
    /// The number of other entries that could not be removed.
    others: usize,
}

impl Display for Remaining {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.why {
            Errno::XDEV | Errno::BUSY => write!(f, "{path} is a mount point and was not removed; unmount it")?,
            why => write!(f, "{path}: {}", io::Error::from(why))?,
        }
        if self.others > 0 {
            write!(f, " (and {} more)", self.others)?;
        }
        Ok(())
    }
}

/// Removes a directory and everything in it. It is not an error if the directory does not exist.
pub(super) fn remove_tree(path: &Path) -> Result<(), Remaining> {
    let failed = |why| Remaining { path: path.to_owned(), why, others: 0 };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(failed(Errno::INVAL)) };
    let name = CString::new(name.as_bytes()).map_err(|_| failed(Errno::INVAL))?;
    let above = match openat(CWD, parent, FOLDER, Mode::empty()) {
        Ok(above) => above,
        Err(Errno::NOENT) => return Ok(()),
        Err(why) => return Err(failed(why)),
    };
    // Directories that are nested too deeply are moved to the top of the tree and removed in the next round.
    let top = open(above.as_fd(), &name).ok();
    let mut removal = Removal { top: top.as_ref().map(AsFd::as_fd), moved: 0, remaining: None };
    loop {
        let moved = removal.moved;
        removal.remove(above.as_fd(), &name, parent, 0);
        if removal.moved == moved {
            return removal.remaining.map_or(Ok(()), Err);
        }
        removal.remaining = None;
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

struct Removal<'a> {
    /// The root directory of the tree, or `None` if it could not be opened as a directory.
    top: Option<BorrowedFd<'a>>,
    /// The number of directories that were moved to the top of the tree.
    moved: usize,
    remaining: Option<Remaining>,
}

impl Removal<'_> {
    /// Removes the entry `name` from a directory.
    fn remove(&mut self, folder: BorrowedFd<'_>, name: &CStr, at: &Path, depth: usize) {
        let path = at.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let removed = match unlinkat(folder, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => self.remove_folder(folder, name, &path, depth),
            removed => removed,
        };
        match removed {
            Ok(()) | Err(Errno::NOENT) => {}
            // The entries that remain in the directory were already reported or, in the root of the tree, were moved
            // there for the next round.
            Err(Errno::NOTEMPTY) if self.remaining.is_some() || self.moved > 0 => {}
            Err(why) => match &mut self.remaining {
                Some(remaining) => remaining.others += 1,
                None => self.remaining = Some(Remaining { path, why, others: 0 }),
            },
        }
    }

    fn remove_folder(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &CStr,
        path: &Path,
        depth: usize,
    ) -> rustix::io::Result<()> {
        let opened = open(folder, name)?;
        if depth == MAX_DEPTH
            && let Some(top) = self.top
        {
            self.moved += 1;
            return renameat(folder, name, top, format!(".removed-{}", self.moved));
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                names.push(entry.file_name().to_owned());
            }
        }
        for inner in names {
            self.remove(opened.as_fd(), &inner, path, depth + 1);
        }
        unlinkat(folder, name, AtFlags::REMOVEDIR)
    }
}

/// Opens the directory `name` in `folder`, and makes it accessible to its owner.
fn open(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    // Opening with `O_PATH` needs no permissions for the directory itself, so it works before `chmod` adds them.
    let place = open_place(folder, name)?;
    let mode = Mode::from_raw_mode(fstat(&place)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        // This path refers to the open directory, even if another entry now has the directory's name. If changing the
        // mode fails, a later error reports the cause.
        chmod(format!("/proc/self/fd/{}", place.as_raw_fd()), mode | Mode::RWXU).ok();
    }
    openat(&place, c".", FOLDER, Mode::empty())
}

fn open_place(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat2(folder, name, flags, Mode::empty(), ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS) {
        // Some sandboxes do not allow `openat2`. This fallback detects only mounts of other file systems.
        Err(Errno::NOSYS | Errno::PERM) => {
            let place = openat(folder, name, flags, Mode::empty())?;
            let crosses = fstat(&place)?.st_dev != fstat(folder)?.st_dev;
            if crosses { Err(Errno::XDEV) } else { Ok(place) }
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_is_removed_without_following_its_links() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let (tree, other) = (base.path().join("tree"), base.path().join("other"));
        fs::create_dir_all(tree.join("a/b")).expect("it can be created");
        fs::create_dir(&other).expect("it can be created");
        fs::write(other.join("precious"), "").expect("it can be written");
        fs::write(tree.join("a/file"), "").expect("it can be written");
        symlink(&other, tree.join("a/b/link")).expect("it can be created");
        symlink("..", tree.join("a/up")).expect("it can be created");
        symlink("nowhere", tree.join("dangling")).expect("it can be created");
        assert!(remove_tree(&tree).is_ok());
        assert!(!tree.exists() && other.join("precious").exists());
        assert!(remove_tree(&tree).is_ok(), "removing it again is not an error");
        symlink(&other, &tree).expect("it can be created");
        assert!(remove_tree(&tree).is_ok());
        assert!(!tree.is_symlink() && other.join("precious").exists(), "a link at the tree's path is not followed");
    }

    #[test]
    fn a_tree_nested_deeper_than_the_longest_path_is_removed() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let tree = base.path().join("tree");
        fs::create_dir(&tree).expect("it can be created");
        let mut folder = openat(CWD, &tree, FOLDER, Mode::empty()).expect("it exists");
        // This tree is deeper than the longest possible path and has two directories on each level.
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&folder, "d", Mode::RWXU).expect("it can be created");
            rustix::fs::mkdirat(&folder, "e", Mode::RWXU).expect("it can be created");
            folder = openat(&folder, "d", FOLDER, Mode::empty()).expect("it exists");
        }
        assert!(remove_tree(&tree).is_ok());
        assert_eq!(fs::read_dir(base.path()).expect("it exists").count(), 0);
    }
}
