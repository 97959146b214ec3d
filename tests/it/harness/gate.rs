//! Makes a job wait until its test lets it continue.

use tempfile::TempDir;

/// A gate at which a job waits. Creating a file opens the gate.
pub struct Gate {
    folder: TempDir,
}

impl Gate {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Returns a shell command that waits until the gate is open.
    pub fn wait(&self) -> String {
        format!("until {}; do sleep 0.01; done", self.is_open())
    }

    /// Returns a shell condition that becomes true when the gate is opened. It also becomes true when the test ends, so
    /// that no job waits forever.
    pub fn is_open(&self) -> String {
        let folder = self.folder.path().display();
        format!("[ -e {folder}/open ] || [ ! -d {folder} ]")
    }

    pub fn open(&self) {
        std::fs::write(self.folder.path().join("open"), "").expect("the folder can be written");
    }
}
