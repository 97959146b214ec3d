//! Where an attempt runs: its workspace, and the folder that its job names.

use std::path::{Path, PathBuf};

use crate::queue::{DirectoryError, WorkingRoots};

/// The folders of an attempt. They are resolved when they are used: a step may make the one that the next runs in.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    workspace: PathBuf,
    job: PathBuf,
    roots: WorkingRoots,
}

impl Folders {
    /// Makes those of a job that names `job`, which is absolute or relative to the workspace.
    pub(super) fn new(workspace: PathBuf, job: &str, roots: WorkingRoots) -> Self {
        Self { job: below(&workspace, job), workspace, roots }
    }

    /// Returns the fresh folder that is removed with the attempt.
    pub(super) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Returns where the job runs.
    pub(super) fn of_job(&self) -> Result<PathBuf, DirectoryError> {
        self.roots.resolve(&self.workspace, &self.job)
    }

    /// Returns where a step of it runs that names `step`, which is absolute or relative to where the job runs.
    pub(super) fn of_step(&self, step: &str) -> Result<PathBuf, DirectoryError> {
        self.roots.resolve(&self.workspace, &below(&self.job, step))
    }
}

/// Joins two paths, without the `.` that stands for no folder of its own, so that errors read well.
fn below(folder: &Path, path: &str) -> PathBuf {
    folder.join(path).components().collect()
}
