//! The directories in which jobs may run: any directory, or only those below the roots that the operator configures.
//!
//! A path is checked twice. When a job is submitted, the text of the path is checked, so that a mistake is reported
//! immediately. When a step starts, the directory that the path resolves to is checked. Only the second check is
//! authoritative, because symbolic links may change between the two checks.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::payload::{InvalidPayload, invalid};

/// The directories inside which absolute working directories are allowed. If the list is empty, every directory is
/// allowed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct WorkingRoots(Arc<[PathBuf]>);

/// The error for a directory in which a step cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The directory does not exist.
    #[error("the working directory {} does not exist", .0.display())]
    Missing(PathBuf),
    /// The path refers to a file or to something else that is not a directory.
    #[error("the working directory {} is not a directory", .0.display())]
    NotAFolder(PathBuf),
    /// The directory could not be accessed.
    #[error("the job's user cannot enter the working directory {}: {source}", path.display())]
    Refused {
        /// The directory.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The directory is outside the directories that the operator allows.
    #[error("the working directory {} is outside the directories that the server allows (working_roots)", .0.display())]
    Outside(PathBuf),
}

impl WorkingRoots {
    /// Creates the list of allowed directories. Relative paths in `roots` are relative to the current directory.
    pub fn new(roots: &[PathBuf]) -> io::Result<Self> {
        roots.iter().map(std::path::absolute).collect::<io::Result<_>>().map(Self)
    }

    /// Checks the text of a path in a payload. Symbolic links in the path are not resolved.
    pub(super) fn check(&self, field: &str, directory: &str) -> Result<(), InvalidPayload> {
        let path = Path::new(directory);
        if self.0.is_empty() || path.is_relative() || self.allow(&without_dots(path)) {
            return Ok(());
        }
        let roots: Vec<_> = self.0.iter().map(|root| root.display().to_string()).collect();
        Err(invalid(field, format!("is outside the directories that the server allows: {}", roots.join(", "))))
    }

    /// Resolves `directory` and returns the resulting directory, if a step may run there. `workspace` is the workspace
    /// of the step's job. A step may always run inside it.
    pub fn resolve(&self, workspace: &Path, directory: &Path) -> Result<PathBuf, DirectoryError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => DirectoryError::Missing(directory.to_owned()),
            io::ErrorKind::NotADirectory => DirectoryError::NotAFolder(directory.to_owned()),
            _ => DirectoryError::Refused { path: directory.to_owned(), source },
        };
        let folder = directory.canonicalize().map_err(refused)?;
        let is_own = || workspace.canonicalize().is_ok_and(|workspace| folder.starts_with(workspace));
        // Check the location first, so that errors do not reveal the types and permissions of directories that are not
        // allowed.
        if !self.0.is_empty() && !self.allow(&folder) && !is_own() {
            return Err(DirectoryError::Outside(directory.to_owned()));
        }
        if !folder.metadata().map_err(refused)?.is_dir() {
            return Err(DirectoryError::NotAFolder(directory.to_owned()));
        }
        // Check the effective ids, which may be those of the user that the job runs as.
        let accessible = accessat(CWD, &folder, Access::EXEC_OK, AtFlags::EACCESS);
        accessible.map_err(|error| refused(error.into()))?;
        Ok(folder)
    }

    /// Returns whether a path without `..` is a root or below one. The path is compared with the text of each root, and
    /// also with the directory that the root resolves to.
    fn allow(&self, path: &Path) -> bool {
        self.0.iter().any(|root| {
            path.starts_with(without_dots(root)) || root.canonicalize().is_ok_and(|root| path.starts_with(root))
        })
    }
}

/// Resolves `.` and `..` in a path without accessing the file system.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_a_root_pass_the_check_of_their_text() {
        let roots = WorkingRoots::new(&["/srv/apps".into(), "/home/../opt".into()]).expect("they are absolute");
        for inside in
            ["/srv/apps", "/srv/apps/", "/srv/apps/a/b", "/srv/./apps/a", "/opt/x", "/srv/apps/../apps", "a/b", "."]
        {
            assert!(roots.check("f", inside).is_ok(), "{inside}");
        }
        for outside in ["/", "/srv", "/srv/apps2", "/srv/apps/../x", "/srv/apps/../../etc", "/home", "/../etc"] {
            assert!(roots.check("f", outside).is_err(), "{outside}");
        }
        assert!(WorkingRoots::default().check("f", "/etc").is_ok(), "without roots every directory is allowed");
    }

    #[test]
    fn symbolic_links_are_resolved_before_a_folder_is_allowed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["work", "root/in", "out"] {
            std::fs::create_dir_all(at(name)).expect("the folder can be written");
        }
        std::fs::write(at("root/file"), "").expect("the folder can be written");
        for (link, target) in [("root/escape", "out"), ("way-in", "root/in"), ("work/escape", "out")] {
            std::os::unix::fs::symlink(at(target), at(link)).expect("the folder can be written");
        }
        let roots = WorkingRoots::new(&[at("root")]).expect("it is absolute");
        let resolve = |name: &str| roots.resolve(&at("work"), &at(name));
        for inside in ["root", "root/in", "way-in", "work", "root/in/../in"] {
            assert!(resolve(inside).is_ok(), "{inside}: {:?}", resolve(inside));
        }
        for outside in ["out", "root/escape", "work/escape", "root/../out", "."] {
            assert!(matches!(resolve(outside), Err(DirectoryError::Outside(_))), "{outside}: {:?}", resolve(outside));
        }
        assert!(matches!(resolve("root/none"), Err(DirectoryError::Missing(_))));
        assert!(matches!(resolve("root/file"), Err(DirectoryError::NotAFolder(_))));
        assert!(matches!(resolve("root/file/x"), Err(DirectoryError::NotAFolder(_))));
        assert!(WorkingRoots::default().resolve(&at("work"), &at("root/escape")).is_ok());
    }
}
