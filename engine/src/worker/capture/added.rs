//! The values that a running job adds to those that are masked: it appends them to a file, whose path is in
//! `TAILWATER_MASK`, or prints lines that other systems know ([`commands`](super::commands)).
//!
//! A job that appends a value and then prints it expects the value to be masked. Therefore, the file is checked before
//! any output is processed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The maximum number of values that a job can add. Each value that is added requires a new automaton.
const MAX_VALUES: usize = 250;

/// The maximum total length of these values, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// The minimum length of a value in the last line of the file if that line is incomplete, in bytes. A shorter one may
/// be the beginning of a value that is still being written.
const MIN_INCOMPLETE: usize = 6;

/// The file of an attempt to which its job appends values, one per line. Dropping this removes the file.
#[derive(Debug)]
pub(in crate::worker) struct MaskFile {
    path: PathBuf,
    file: File,
    /// The size and the modification time when the file was last read.
    seen: (u64, i64, i64),
}

impl MaskFile {
    /// Creates an empty file.
    pub(in crate::worker) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let mut created = Self { path, file, seen: (0, 0, 0) };
        created.seen = created.state()?;
        Ok(created)
    }

    /// Returns the path of the file.
    pub(in crate::worker) fn path(&self) -> &Path {
        &self.path
    }

    fn state(&self) -> io::Result<(u64, i64, i64)> {
        let file = self.file.metadata()?;
        Ok((file.len(), file.mtime(), file.mtime_nsec()))
    }

    /// Returns the values in the file if it has changed. The whole file is read, because it may have been rewritten.
    fn changed_values(&mut self) -> io::Result<Vec<String>> {
        let state = self.state()?;
        if state == self.seen {
            return Ok(Vec::new());
        }
        self.seen = state;
        self.file.rewind()?;
        let mut bytes = Vec::new();
        (&self.file).take(2 * MAX_BYTES as u64).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let is_value = |line: &&str| {
            let is_complete = line.ends_with('\n') || line.len() >= MIN_INCOMPLETE;
            is_complete && !line.trim().is_empty()
        };
        let lines = text.split_inclusive('\n').filter(is_value);
        Ok(lines.map(|line| line.trim_end_matches(['\n', '\r']).to_owned()).collect())
    }
}

impl Drop for MaskFile {
    fn drop(&mut self) {
        // The job may have removed the file.
        std::fs::remove_file(&self.path).ok();
    }
}

/// The values that a job has added.
#[derive(Debug, Default)]
pub(super) struct AddedValues {
    values: Vec<String>,
    bytes: usize,
    /// Whether values were ignored because there were too many.
    is_full: bool,
}

impl AddedValues {
    /// Adds the new values in the file. Returns whether there are any.
    pub(super) fn add_from(&mut self, file: &mut MaskFile) -> bool {
        match file.changed_values() {
            Ok(values) => self.add(values),
            Err(error) => {
                tracing::warn!(%error, "the values that a job added to its mask file cannot be read");
                false
            }
        }
    }

    /// Adds values. Returns whether any of them is new.
    pub(super) fn add(&mut self, values: Vec<String>) -> bool {
        let before = self.values.len();
        for value in values {
            if self.values.contains(&value) {
                continue;
            }
            if self.values.len() >= MAX_VALUES || self.bytes + value.len() > MAX_BYTES {
                self.is_full = true;
                continue;
            }
            self.bytes += value.len();
            self.values.push(value);
        }
        self.values.len() > before
    }

    /// Returns all values, in the order in which they were added.
    pub(super) fn all(&self) -> &[String] {
        &self.values
    }

    /// Returns whether values were ignored because there were too many.
    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, MaskFile) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = MaskFile::create(folder.path().join("mask")).expect("the folder can be written");
        (folder, file)
    }

    fn append(file: &MaskFile, text: &str) {
        use std::io::Write;
        let mut appended = OpenOptions::new().append(true).open(file.path()).expect("the file exists");
        appended.write_all(text.as_bytes()).expect("the file can be written");
    }

    #[test]
    fn each_line_of_the_file_is_a_value_and_so_is_an_incomplete_last_line_unless_it_is_short() {
        let (_folder, mut file) = file();
        let mut added = AddedValues::default();
        assert!(!added.add_from(&mut file));
        append(&file, "one\n\n two \r\nincomplete");
        assert!(added.add_from(&mut file));
        assert_eq!(added.all(), ["one", " two ", "incomplete"]);
        assert!(!added.add_from(&mut file));
        append(&file, " line\nshort");
        assert!(added.add_from(&mut file));
        assert_eq!(added.all(), ["one", " two ", "incomplete", "incomplete line"]);
    }

    #[test]
    fn a_rewritten_file_is_read_again() {
        let (_folder, mut file) = file();
        let mut added = AddedValues::default();
        append(&file, "first value\n");
        added.add_from(&mut file);
        std::fs::write(file.path(), "other\nsecond value\n").expect("the file can be written");
        assert!(added.add_from(&mut file));
        assert_eq!(added.all(), ["first value", "other", "second value"]);
    }

    #[test]
    fn the_number_and_the_length_of_values_are_limited() {
        let mut added = AddedValues::default();
        added.add((0..=MAX_VALUES).map(|number| format!("value {number}")).collect());
        assert!(added.is_full());
        assert_eq!(added.all().len(), MAX_VALUES);
        let mut added = AddedValues::default();
        added.add(vec!["x".repeat(MAX_BYTES), "y".to_owned()]);
        assert!(added.is_full());
        assert_eq!(added.all().len(), 1);
    }

    #[test]
    fn the_file_is_removed_at_the_end() {
        let (folder, file) = file();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).expect("it exists").count(), 0);
    }
}
