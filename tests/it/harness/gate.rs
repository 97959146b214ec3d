//! A job that waits until its test lets it go on.

use tempfile::TempDir;

/// A file that a job waits for.
pub struct Gate {
    folder: TempDir,
}

impl Gate {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Returns the shell command that waits until the gate is open.
    pub fn wait(&self) -> String {
        format!("until {}; do sleep 0.01; done", self.is_open())
    }

    /// Returns the shell command that says whether the gate is open: also when its test is over, so that no job waits for ever.
    pub fn is_open(&self) -> String {
        let folder = self.folder.path().display();
        format!("[ -e {folder}/open ] || [ ! -d {folder} ]")
    }

    pub fn open(&self) {
        std::fs::write(self.folder.path().join("open"), "").expect("the folder can be written");
    }
}
