//! Copies directories, but writes only files that differ.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::fresh::sorted;

/// Copies everything in `from` into `to`, and leaves other files in `to` unchanged. If `from` does not exist, nothing
/// is copied.
pub fn add(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for source in sorted(from)? {
        let target = twin(&source, to)?;
        if source.is_dir() {
            add(&source, &target)?;
        } else {
            file(&source, &target)?;
        }
    }
    Ok(())
}

/// Makes the contents of `to` equal to those of `from`. Files that exist only in `to` are removed.
pub fn replace(from: &Path, to: &Path) -> Result<()> {
    add(from, to)?;
    for target in sorted(to)? {
        let source = twin(&target, from)?;
        if target.is_dir() && source.is_dir() {
            replace(&source, &target)?;
        } else if !source.exists() {
            if target.is_dir() { fs::remove_dir_all(&target) } else { fs::remove_file(&target) }?;
        }
    }
    Ok(())
}

/// Copies one file, unless the target is already identical.
///
/// The file is copied to a temporary name and then renamed, so that a server that reads the target at the same time
/// gets either the old or the new file.
pub fn file(source: &Path, target: &Path) -> Result<()> {
    if same(source, target)? {
        return Ok(());
    }
    let mut beside = target.as_os_str().to_owned();
    beside.push(".new");
    fs::copy(source, &beside).with_context(|| format!("failed to copy {}", source.display()))?;
    fs::rename(&beside, target).with_context(|| format!("failed to replace {}", target.display()))
}

/// Returns the path of a file in `folder` with the same name as `path`.
fn twin(path: &Path, folder: &Path) -> Result<PathBuf> {
    Ok(folder.join(path.file_name().context("failed to determine a file's name")?))
}

/// Returns whether both files have the same contents.
fn same(one: &Path, other: &Path) -> Result<bool> {
    let lengths_differ = || Ok::<_, std::io::Error>(fs::metadata(one)?.len() != fs::metadata(other)?.len());
    Ok(other.is_file() && !lengths_differ()? && fs::read(one)? == fs::read(other)?)
}
