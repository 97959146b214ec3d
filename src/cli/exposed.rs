//! Files of secrets that everybody on this machine may read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The permission of everybody to read. That of a group is left alone: packages let a service read its settings by it.
const OTHERS_READ: u32 = 0o004;

/// Warns if everybody may read a file that holds secrets. A file that is not there is reported by whoever needs it.
pub(super) fn warn_if_exposed(path: &Path, holds: &str) {
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & OTHERS_READ != 0 {
        let file = path.display();
        tracing::warn!(%file, "the file holds {holds}, and every user of this machine may read it; run `chmod o-r` on it");
    }
}
