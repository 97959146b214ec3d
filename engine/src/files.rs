//! Private directories, and stored files that can be read whether or not they are compressed.

mod compress;
mod frames;
mod kept;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

pub use compress::compress;
pub use kept::KeptFile;

/// Creates `folder` and any missing parents. Only their owner can enter the new directories.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Locks a directory for this process, and denies other users access to it. The lock is held until the returned file is
/// closed. Returns `None` if another process has locked the directory.
///
/// A child process inherits the lock, and holds it until it executes its program. If its parent is killed in between,
/// the directory stays locked for this short time. Therefore, this function keeps trying for a second.
pub fn lock_folder(folder: &Path) -> io::Result<Option<fs::File>> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let lock = fs::File::create(folder.join("lock"))?;
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// The number of attempts to lock a directory.
const LOCK_TRIES: u32 = 40;

/// The pause after an attempt to lock a directory that another process has locked.
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Removes a directory with its contents, if it exists. Also removes files that are created in the directory during the
/// removal, for example by a compression.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    for _ in 0..REMOVAL_TRIES {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => return removed,
        }
    }
    fs::remove_dir_all(folder)
}

/// The number of attempts to remove a directory in which files are being created.
const REMOVAL_TRIES: u32 = 3;

/// Returns the total size of all files in a directory and its subdirectories, in bytes. Files that are removed during
/// the scan are not counted.
pub fn size_below(folder: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(folder)?.flatten() {
        size += match entry.metadata() {
            Ok(kind) if kind.is_dir() => size_below(&entry.path()).unwrap_or(0),
            Ok(kind) => kind.len(),
            Err(_) => 0,
        };
    }
    Ok(size)
}

/// Returns the path of a file's compressed form.
fn compressed_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".zst");
    name.into()
}

/// Opens a file, or returns `None` if it does not exist.
fn open(path: &Path) -> io::Result<Option<fs::File>> {
    match fs::File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
