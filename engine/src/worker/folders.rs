//! The directories of an attempt: its workspace, and the job's working directory.

use std::io;
use std::path::{Path, PathBuf};

use crate::cage::{JobUser, with_permissions_of};
use crate::queue::{DirectoryError, WorkingRoots};

/// The directories of an attempt. The paths are resolved at each use, because a step may create the working directory
/// of the next step.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    workspace: PathBuf,
    job: PathBuf,
    roots: WorkingRoots,
    /// The user that the job runs as, if it is not the server's user.
    user: Option<JobUser>,
}

impl Folders {
    /// Returns the directories of an attempt. `job` is the job's working directory, absolute or relative to the
    /// workspace.
    pub(super) fn new(workspace: PathBuf, job: &str, roots: WorkingRoots, user: Option<JobUser>) -> Self {
        Self { job: below(&workspace, job), workspace, roots, user }
    }

    /// Returns the workspace, which is removed at the end of the attempt.
    pub(super) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Returns the directory that contains the workspace and the attempt's other files.
    pub(super) fn attempt(&self) -> &Path {
        self.workspace.parent().expect("a workspace is in the directory of its attempt")
    }

    /// Returns the user that the job runs as, if it is not the server's user. The files of a job must be accessed with
    /// the permissions of this user.
    pub(super) fn user(&self) -> Option<&JobUser> {
        self.user.as_ref()
    }

    /// Returns the job's working directory.
    pub(super) fn of_job(&self) -> Result<PathBuf, DirectoryError> {
        self.resolve(self.job.clone())
    }

    /// Returns the working directory of a step. `step` is its path, absolute or relative to the job's working
    /// directory.
    pub(super) fn of_step(&self, step: &str) -> Result<PathBuf, DirectoryError> {
        self.resolve(below(&self.job, step))
    }

    fn resolve(&self, path: PathBuf) -> Result<PathBuf, DirectoryError> {
        let resolved = with_permissions_of(self.user(), || self.roots.resolve(&self.workspace, &path));
        resolved.unwrap_or_else(|source: io::Error| Err(DirectoryError::Refused { path: path.clone(), source }))
    }
}

/// Joins two paths without redundant `.` components, so that error messages are readable.
fn below(folder: &Path, path: &str) -> PathBuf {
    folder.join(path).components().collect()
}
