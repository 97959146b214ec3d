//! The paths of the data directory, and the directories that contain it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::CageError;
use super::user::{JobUser, with_permissions_of};
use crate::files::private_folder;

/// The maximum number of entries in a directory that contains the data directory. When a step starts, Landlock needs a
/// rule for each entry. Adding a rule takes about 5 µs.
const MAX_ENTRIES: usize = 2048;

/// The name of the workspaces' directory in the data directory.
const WORK: &str = "work";

/// The paths that lead to the data directory, with symbolic links resolved.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The first path is the one that the server uses. The others lead to the same directory, or to a directory inside
    /// it, through other mounts.
    pub(super) hidden: Vec<PathBuf>,
}

impl Places {
    /// Finds the paths that lead to a directory.
    pub(super) fn find(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.canonicalize()?;
        let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
        let is_same = |alias: &PathBuf| fs::metadata(alias).is_ok_and(|alias| exists_in(&path, &alias));
        let aliases = aliases(&mounts, &path).into_iter().filter(is_same).collect::<Vec<_>>();
        let mut hidden = vec![path];
        hidden.extend(aliases);
        Ok(Self { hidden })
    }

    /// Returns the directories that contain one of the paths, except the root directory.
    fn containing(&self) -> impl Iterator<Item = &Path> {
        let above = self.hidden.iter().flat_map(|path| path.ancestors().skip(1));
        above.filter(|folder| folder.parent().is_some())
    }

    /// Returns a directory that contains one of the paths and that jobs can write to, if there is one. The root
    /// directory is not examined: a server in a container often runs as root, but its jobs have no reason to create
    /// entries there.
    pub(super) fn writable(&self, user: Option<&JobUser>) -> Option<PathBuf> {
        let is_writable = |folder: &&Path| accessat(CWD, *folder, Access::WRITE_OK, AtFlags::EACCESS).is_ok();
        let found = with_permissions_of(user, || self.containing().find(is_writable).map(Path::to_owned));
        // If the check fails, assume that the first directory is writable.
        found.unwrap_or_else(|_| self.containing().next().map(Path::to_owned))
    }

    /// Returns a directory that contains one of the paths and has more than [`MAX_ENTRIES`] entries, if there is one.
    pub(super) fn crowded(&self) -> Option<PathBuf> {
        let is_crowded = |folder: &&Path| fs::read_dir(folder).is_ok_and(|entries| entries.count() > MAX_ENTRIES);
        self.containing().find(is_crowded).map(Path::to_owned)
    }

    /// Returns the home directory of the user that jobs run as, if it is one of the paths or inside one of them.
    pub(super) fn contained_home(&self, user: Option<&JobUser>) -> Option<PathBuf> {
        let home = match user {
            Some(user) => user.home().to_owned(),
            None => User::from_uid(Uid::effective()).ok().flatten()?.dir,
        };
        let path = home.canonicalize().ok()?;
        self.hidden.iter().any(|hidden| path.starts_with(hidden)).then_some(home)
    }
}

/// Returns whether another path to the directory `path` is visible. `found` is the metadata at that other path. If it
/// is on another device than `path`, another mount hides the directory there.
fn exists_in(path: &Path, found: &fs::Metadata) -> bool {
    fs::metadata(path).is_ok_and(|expected| expected.dev() == found.dev())
}

/// One line of `/proc/self/mountinfo` (proc(5)).
struct Mount {
    device: Vec<u8>,
    /// The directory of the file system that is mounted.
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let device = fields.next()?.to_owned();
        Some(Self { device, root: unescaped(fields.next()?), point: unescaped(fields.next()?) })
    }
}

/// Decodes octal escapes, which represent white space and backslashes.
fn unescaped(field: &[u8]) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), field);
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Returns the aliases of the directory `path`, according to a list of mounts. An alias is another path that leads to
/// the directory or to a directory inside it. Other mounts may hide some of the aliases.
fn aliases(mountinfo: &[u8], path: &Path) -> Vec<PathBuf> {
    let mounts: Vec<Mount> = mountinfo.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect();
    // Of several mounts at the same mount point, the last one is visible.
    let containing = mounts.iter().enumerate().filter(|(_, mount)| path.starts_with(&mount.point));
    let Some((index, own)) = containing.max_by_key(|(_, mount)| mount.point.components().count()) else {
        return Vec::new();
    };
    let Ok(below) = path.strip_prefix(&own.point) else { return Vec::new() };
    let inside = own.root.join(below);
    let others = mounts.iter().enumerate().filter(|(other, mount)| *other != index && mount.device == own.device);
    let found = others.filter_map(|(_, mount)| match inside.strip_prefix(&mount.root) {
        Ok(below) => Some(mount.point.join(below)),
        Err(_) => mount.root.starts_with(&inside).then(|| mount.point.clone()),
    });
    let mut found: Vec<PathBuf> = found.map(|alias| alias.components().collect()).collect();
    found.retain(|alias| !alias.starts_with(path));
    found.sort();
    found.dedup();
    found
}

/// Lets `user` enter the directory that contains the workspaces. Everything else in the data directory remains
/// accessible only to the server's user.
pub(super) fn let_user_enter(user: &JobUser, data_dir: &Path) -> Result<(), CageError> {
    for entry in fs::read_dir(data_dir)? {
        let entry = entry?;
        let mode = entry.metadata()?.permissions().mode();
        // Permissions are not changed through links.
        if !entry.file_type()?.is_symlink() && entry.file_name() != WORK && mode & 0o077 != 0 {
            fs::set_permissions(entry.path(), Permissions::from_mode(mode & 0o700))?;
        }
    }
    let work = data_dir.join(WORK);
    private_folder(&work)?;
    for folder in [&work, data_dir] {
        fs::set_permissions(folder, Permissions::from_mode(0o711))?;
    }
    let entered = with_permissions_of(Some(user), || fs::metadata(work.join(".")))?;
    let unreachable = |source| CageError::Unreachable { user: user.name().to_owned(), path: work.clone(), source };
    entered.map(drop).map_err(unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_mounts_of_the_data_directory_are_found() {
        let mountinfo = b"1 0 8:1 / / rw - ext4 /dev/a rw\n\
            2 1 0:5 / /proc rw - proc proc rw\n\
            3 1 8:2 / /srv rw - ext4 /dev/b rw\n\
            4 1 8:2 /data /mnt/a\\040b rw - ext4 /dev/b rw\n\
            5 1 8:2 /data/spool /mnt/spool rw - ext4 /dev/b rw\n\
            6 1 8:2 /other /mnt/other rw - ext4 /dev/b rw\n\
            7 1 8:2 / /mnt/all rw - ext4 /dev/b rw\n\
            8 1 8:1 /srv/data /mnt/hidden rw - ext4 /dev/a rw\n\
            9 1 8:2 /data/work /srv/data/work rw - ext4 /dev/b rw\n";
        let found = aliases(mountinfo, Path::new("/srv/data"));
        assert_eq!(found, ["/mnt/a b", "/mnt/all/data", "/mnt/spool"].map(PathBuf::from));
        assert_eq!(aliases(mountinfo, Path::new("/home/data")), [""; 0].map(PathBuf::from));
        assert_eq!(aliases(b"", Path::new("/srv/data")), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn directories_that_contain_the_data_directory_are_examined_except_the_root_directory() {
        let places = Places { hidden: vec!["/var/lib/tailwater".into(), "/data".into()] };
        assert_eq!(places.containing().collect::<Vec<_>>(), [Path::new("/var/lib"), Path::new("/var")]);
    }
}
