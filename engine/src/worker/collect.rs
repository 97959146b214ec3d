//! Collects artifacts: at the end of each stage, the files that match the job's patterns are stored.
//!
//! A step can create arbitrary files, so none of them is trusted. Only regular files inside the job's working directory
//! are stored ([`walk`]), within the limits on their number and sizes, and their names are redacted. Omitted files are
//! counted, and a warning in the log reports how many were omitted and why. If a later stage changes a stored file, the
//! newer version replaces the earlier one.

mod skipped;
mod walk;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::{ArtifactId, Stage};
use redact::{Redacted, Redactor};

use super::folders::Folders;
use super::link::{FileToKeep, Files};
use crate::artifacts::Matcher;
use crate::cage::with_permissions_of;
use crate::event_log::{Lease, NewEvent};
use crate::fail_point::FailPoint;
use crate::queue::{ArtifactPlace, NewArtifact};
use crate::spool::OUTPUT_LOG;
use skipped::{SkipReason, SkippedFiles};
use walk::Found;

/// The maximum length of a file's path, in bytes.
const MAX_NAME: usize = 500;
/// The maximum number of patterns that one warning lists.
const MAX_NAMED: usize = 10;

/// The limits on the artifacts of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArtifactLimits {
    /// The maximum number of files.
    pub files: usize,
    /// The maximum size of one file, in bytes.
    pub file_bytes: u64,
    /// The maximum size of all files together, in bytes.
    pub job_bytes: u64,
}

/// The artifacts that an attempt has stored so far, and the limits on them.
#[derive(Debug)]
pub(super) struct Collector {
    /// Stores and removes the files.
    files: Box<dyn Files>,
    lease: Lease,
    limits: ArtifactLimits,
    folders: Folders,
    matcher: Matcher,
    kept: HashMap<PathBuf, CollectedFile>,
    names: HashSet<Vec<u8>>,
    /// The ids of stored versions that newer versions have replaced.
    replaced: HashSet<ArtifactId>,
    /// The indexes of the patterns that have not matched any file so far.
    unmatched: BTreeSet<usize>,
}

/// A file that was stored.
#[derive(Debug)]
struct CollectedFile {
    version: Version,
    bytes: u64,
    id: ArtifactId,
}

/// The metadata that shows whether a file has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The result of collecting after one stage.
#[derive(Debug)]
pub(super) struct Collected {
    /// The files that were stored.
    pub(super) files: Vec<NewArtifact>,
    /// The warning about omitted files, or `None` if no file was omitted.
    pub(super) warning: Option<NewEvent>,
}

impl Collector {
    /// Creates a collector for the files in the job's working directory that match `matcher`.
    pub(super) fn new(
        files: Box<dyn Files>,
        lease: Lease,
        limits: ArtifactLimits,
        folders: Folders,
        matcher: Matcher,
    ) -> Self {
        let (kept, names, replaced) = (HashMap::new(), HashSet::new(), HashSet::new());
        let unmatched = (0..matcher.patterns().len()).collect();
        Self { files, lease, limits, folders, matcher, kept, names, replaced, unmatched }
    }

    /// Stores the matching files after a stage. Stops early if `stopped` returns `true`. This call blocks.
    pub(super) fn collect(&mut self, stage: Stage, redactor: &Redactor, stopped: impl Fn() -> bool) -> Collected {
        let (mut files, mut skipped) = (Vec::new(), SkippedFiles::default());
        let (folder, mut matcher) = (self.folders.of_job().map_err(|_| SkipReason::Unreadable), self.matcher.clone());
        let user = self.folders.user().cloned();
        if let Ok(folder) = &folder {
            let preferred = with_permissions_of(user.as_ref(), || {
                matcher.prefer_exact_names(|name| walk::exists(folder, name));
            });
            if let Err(error) = preferred {
                tracing::warn!(job = %self.lease.job, %error, "the exact names of artifacts could not be looked up");
            }
        }
        let mut visit = |path: &Path, found: Found| {
            if stopped() {
                return ControlFlow::Break(());
            }
            self.note_matches(&matcher, path);
            match self.keep(path, found, (stage, redactor), &|| !stopped()) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(why) => skipped.add(why, redactor.redact(path.as_os_str().as_encoded_bytes())),
            }
            ControlFlow::Continue(())
        };
        let walked = folder.and_then(|folder| walk::walk_as(user.as_ref(), &folder, &matcher, &mut visit));
        if let Err(why) = walked {
            skipped.add(why, Redacted::literal("the working directory"));
        }
        let warning = skipped.into_text(self.limits).map(|text| NewEvent::warning(self.lease.attempt, text));
        Collected { files, warning }
    }

    /// Returns a warning about the patterns that matched nothing in any stage, or `None` if each pattern matched.
    pub(super) fn unmatched(&self, redactor: &Redactor) -> Option<NewEvent> {
        if self.unmatched.is_empty() {
            return None;
        }
        let mut text = Redacted::literal(
            "No files match these `artifacts` patterns, which are relative to the working directory: ",
        );
        for (place, pattern) in self.unmatched.iter().take(MAX_NAMED).enumerate() {
            text.append(&Redacted::literal(if place > 0 { ", " } else { "" }));
            text.append(&redactor.redact(self.matcher.patterns().nth(*pattern).unwrap_or_default().as_bytes()));
        }
        if let Some(more) = self.unmatched.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            text.append(&Redacted::literal(" and "));
            text.append(&Redacted::number(i64::try_from(more).unwrap_or(i64::MAX)));
            text.append(&Redacted::literal(" more"));
        }
        Some(NewEvent::warning(self.lease.attempt, text))
    }

    /// Records which patterns match a path or a directory that contains it.
    fn note_matches(&mut self, matcher: &Matcher, path: &Path) {
        for path in path.ancestors().take_while(|path| !path.as_os_str().is_empty()) {
            if self.unmatched.is_empty() {
                return;
            }
            for pattern in matcher.meanings(path) {
                self.unmatched.remove(&pattern);
            }
        }
    }

    /// Removes the stored files that newer versions have replaced. Call this after the newer versions have been
    /// recorded as artifacts.
    pub(super) fn remove_replaced(&self) {
        for id in &self.replaced {
            if let Err(error) = self.files.discard(*id) {
                tracing::warn!(job = %self.lease.job, %error, "a replaced artifact could not be removed");
            }
        }
    }

    /// Stores one file. Returns `None` if this version of the file is already stored.
    fn keep(
        &mut self,
        path: &Path,
        found: Found,
        (stage, redactor): (Stage, &Redactor),
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<NewArtifact>, SkipReason> {
        let mut file = match found {
            Found::File(file) => file,
            Found::Other => return Err(SkipReason::NoFile),
            Found::Unreadable => return Err(SkipReason::Unreadable),
        };
        let version = Version::of(&file)?;
        let before = self.kept.get(path);
        if before.is_some_and(|kept| kept.version == version) {
            return Ok(None);
        }
        let others: u64 = self.kept.values().map(|kept| kept.bytes).sum::<u64>() - before.map_or(0, |kept| kept.bytes);
        let name = name(path, redactor)?;
        match before {
            None if self.kept.len() == self.limits.files => return Err(SkipReason::TooMany),
            None if self.names.contains(name.as_bytes()) => return Err(SkipReason::SameName),
            _ if version.bytes > self.limits.file_bytes => return Err(SkipReason::TooLarge),
            _ if others.saturating_add(version.bytes) > self.limits.job_bytes => {
                return Err(SkipReason::TooLargeTogether);
            }
            _ => {}
        }
        let id = ArtifactId(uuid::Uuid::now_v7());
        let content_type = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
        let about = FileToKeep { id, name: &name, content_type };
        // If the file grows while it is being read, only the bytes up to its initial size are stored.
        let stored = self.files.keep(&about, &mut file, version.bytes, go_on).map_err(|error| {
            tracing::warn!(job = %self.lease.job, %error, "an artifact could not be stored");
            SkipReason::NotStored
        })?;
        FailPoint::FileKept.reached();
        self.names.insert(name.as_bytes().to_vec());
        let kept = CollectedFile { version, bytes: stored.size_bytes, id };
        if let Some(before) = self.kept.insert(path.to_owned(), kept) {
            self.replaced.insert(before.id);
        }
        let content_type = content_type.into();
        let size_bytes = i64::try_from(stored.size_bytes).unwrap_or(i64::MAX);
        let (sha256, place) = (stored.sha256, ArtifactPlace::Store);
        Ok(Some(NewArtifact { id, name, content_type, size_bytes, sha256, place, stage: Some(stage) }))
    }
}

/// Returns the artifact name of a file, which is its redacted path. Fails if the path is too long, is not UTF-8 or
/// contains control characters, or if the name is reserved.
fn name(path: &Path, redactor: &Redactor) -> Result<Redacted, SkipReason> {
    let text = path.to_str().filter(|text| text.len() <= MAX_NAME && !text.contains(char::is_control));
    let name = redactor.redact(text.ok_or(SkipReason::Name)?.as_bytes());
    // `logs/output.log` is reserved for the complete log.
    let reserved = name.as_bytes().strip_prefix(b"logs/") == Some(OUTPUT_LOG.as_bytes());
    if reserved { Err(SkipReason::Reserved) } else { Ok(name) }
}

impl Version {
    fn of(file: &File) -> Result<Self, SkipReason> {
        let data = file.metadata().map_err(|_| SkipReason::Unreadable)?;
        Ok(Self {
            inode: data.ino(),
            bytes: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests;
