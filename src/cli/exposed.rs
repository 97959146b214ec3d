//! Logs a warning if every user on this machine can read a file that contains secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The permission bit that lets all users read a file. Group permissions are not checked, because packages use them to
/// let a service read its settings.
const OTHERS_READ: u32 = 0o004;

/// Logs a warning if all users can read a file that contains secrets. A missing file is reported by the code that reads
/// the file, not here.
pub(super) fn warn_if_exposed(path: &Path, holds: &str) {
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & OTHERS_READ != 0 {
        let file = path.display();
        tracing::warn!(%file, "the file contains {holds}, and every user of this machine can read it; run `chmod o-r` on it");
    }
}
