//! Skips steps whose inputs have not changed.
//!
//! A step's stamp file contains the path, size and modification time of each input. make and cargo also detect changes
//! by the modification time. File contents are not read, so checking a step takes only milliseconds. A step may
//! therefore run unnecessarily if a file was rewritten with the same contents. The executable of xtask is an input of
//! every step, so a step also runs again after xtask's own code has changed.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use anyhow::{Context, Result};

/// Runs `make`, unless its last successful run had the same `inputs`. An input is a file, or a directory with
/// everything in it.
pub fn unless_fresh(stamp: &Path, inputs: &[&Path], make: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut now = String::new();
    describe(&env::current_exe()?, &mut now)?;
    for input in inputs {
        describe(input, &mut now)?;
    }
    if fs::read_to_string(stamp).is_ok_and(|then| then == now) {
        return Ok(());
    }
    make()?;
    fs::write(stamp, now).with_context(|| format!("failed to write {}", stamp.display()))
}

/// Adds a line for the file `path` or, if it is a directory, for each file in it.
fn describe(path: &Path, lines: &mut String) -> Result<()> {
    let data = fs::metadata(path).with_context(|| format!("failed to find {}", path.display()))?;
    if data.is_dir() {
        for entry in sorted(path)? {
            describe(&entry, lines)?;
        }
        return Ok(());
    }
    let changed = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    writeln!(lines, "{} {} {}", path.display(), data.len(), changed.as_nanos())?;
    Ok(())
}

/// Returns the entries of a directory in an order that does not depend on the file system.
pub fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
