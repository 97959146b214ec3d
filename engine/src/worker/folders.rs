//! The directories of an attempt: its workspace, and the job's working directory.

use std::path::{Path, PathBuf};

use crate::queue::{DirectoryError, WorkingRoots};

/// The directories of an attempt. The paths are resolved at each use, because a step may create the working directory
/// of the next step.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    workspace: PathBuf,
    job: PathBuf,
    roots: WorkingRoots,
}

impl Folders {
    /// Returns the directories of an attempt. `job` is the job's working directory, absolute or relative to the
    /// workspace.
    pub(super) fn new(workspace: PathBuf, job: &str, roots: WorkingRoots) -> Self {
        Self { job: below(&workspace, job), workspace, roots }
    }

    /// Returns the workspace, which is removed at the end of the attempt.
    pub(super) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Returns the job's working directory.
    pub(super) fn of_job(&self) -> Result<PathBuf, DirectoryError> {
        self.roots.resolve(&self.workspace, &self.job)
    }

    /// Returns the working directory of a step. `step` is its path, absolute or relative to the job's working
    /// directory.
    pub(super) fn of_step(&self, step: &str) -> Result<PathBuf, DirectoryError> {
        self.roots.resolve(&self.workspace, &below(&self.job, step))
    }
}

/// Joins two paths without redundant `.` components, so that error messages are readable.
fn below(folder: &Path, path: &str) -> PathBuf {
    folder.join(path).components().collect()
}
