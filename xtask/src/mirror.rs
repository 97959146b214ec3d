//! Copies folders, touching only the files that differ.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::fresh::sorted;

/// Copies all of `from` into `to` and leaves what else is there. A folder that does not exist is empty.
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

/// Makes `to` the same as `from`: what is only in `to` is removed.
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

/// Copies one file, unless the target is the same already.
///
/// It is copied beside the target and renamed, so that a server that reads the target meanwhile sees the old or the new file.
pub fn file(source: &Path, target: &Path) -> Result<()> {
    if same(source, target)? {
        return Ok(());
    }
    let mut beside = target.as_os_str().to_owned();
    beside.push(".new");
    fs::copy(source, &beside).with_context(|| format!("failed to copy {}", source.display()))?;
    fs::rename(&beside, target).with_context(|| format!("failed to replace {}", target.display()))
}

/// The path in `folder` of the file's name.
fn twin(path: &Path, folder: &Path) -> Result<PathBuf> {
    Ok(folder.join(path.file_name().context("failed to name a file of a folder")?))
}

/// Whether both files hold the same bytes.
fn same(one: &Path, other: &Path) -> Result<bool> {
    let lengths_differ = || Ok::<_, std::io::Error>(fs::metadata(one)?.len() != fs::metadata(other)?.len());
    Ok(other.is_file() && !lengths_differ()? && fs::read(one)? == fs::read(other)?)
}
