//! The values that a running job asks to be masked. The job either appends a value to a file, whose path is in
//! `TAILWATER_MASK`, or prints a line in the syntax of another CI system ([`commands`](super::commands)).
//!
//! A job that appends a value and then prints it expects the value to be masked. Therefore, the file is checked before
//! any output is processed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redact::Redacted;
use rustix::fs::{Mode, OFlags};

use crate::queue::weak;

/// The maximum number of values that a job can add. It is limited because each new value causes all values to be
/// compiled again.
const MAX_VALUES: usize = 250;

/// The maximum total size of the values that a job can add, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// The maximum number of bytes that are read from the file at once.
const MAX_READ: u64 = 1 << 20;

/// If the last line of the file is incomplete, it is used as a value only if it has at least this many bytes. A shorter
/// line may be the beginning of a value that is still being written.
const MIN_INCOMPLETE: usize = 6;

/// The file of an attempt to which its job appends values, one per line. Dropping this removes the file.
#[derive(Debug)]
pub(in crate::worker) struct MaskFile {
    path: PathBuf,
    /// The state of the file when it was last read.
    seen: FileState,
    /// The offset in the file up to which complete lines have been read.
    read: u64,
}

/// The metadata that changes when a file is modified or replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FileState {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl FileState {
    fn of(file: &fs::Metadata) -> Self {
        Self { inode: file.ino(), size: file.len(), modified: (file.mtime(), file.mtime_nsec()) }
    }
}

impl MaskFile {
    /// Creates an empty file.
    pub(in crate::worker) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let seen = FileState::of(&file.metadata()?);
        Ok(Self { path, seen, read: 0 })
    }

    /// Returns the path of the file.
    pub(in crate::worker) fn path(&self) -> &Path {
        &self.path
    }

    /// If the file has changed since the last call, returns its values. Some of them may have been returned before:
    /// only a large file that has grown is read from the end of the previous read.
    fn new_values(&mut self) -> io::Result<Vec<String>> {
        let Some(found) = self.changed()? else { return Ok(Vec::new()) };
        // The job may have replaced the file with a pipe, which must not block, or with a link, which must not be
        // followed.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::RDONLY;
        let mut file: File = rustix::fs::open(&self.path, flags, Mode::empty())?.into();
        // A small file is read from the beginning again, because it may have been rewritten rather than extended.
        let is_appended = found.inode == self.seen.inode && found.size > self.seen.size.max(MAX_BYTES as u64);
        self.read = if is_appended { self.read } else { 0 };
        self.seen = found;
        let mut bytes = Vec::new();
        file.seek(io::SeekFrom::Start(self.read))?;
        file.take(MAX_READ).read_to_end(&mut bytes)?;
        let complete = memchr::memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1);
        self.read += complete as u64;
        let (lines, last) = bytes.split_at(complete);
        let last = Some(last).filter(|last| last.len() >= MIN_INCOMPLETE);
        let text = String::from_utf8_lossy(lines);
        let lines = text.lines().map(str::to_owned).chain(last.map(|last| String::from_utf8_lossy(last).into_owned()));
        // Ignore lines such as `{`, which would be masked nearly everywhere.
        Ok(lines.filter(|line| line.contains(|c: char| c.is_alphanumeric())).collect())
    }

    /// Returns the new state of the file. Returns `None` if the file has not changed since it was last read, does not
    /// exist, or is not a regular file.
    fn changed(&self) -> io::Result<Option<FileState>> {
        let file = match fs::symlink_metadata(&self.path) {
            Ok(file) if file.is_file() => file,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = FileState::of(&file);
        Ok(Some(found).filter(|found| *found != self.seen))
    }
}

impl Drop for MaskFile {
    fn drop(&mut self) {
        // Removing the file fails if the job has already removed it.
        fs::remove_file(&self.path).ok();
    }
}

/// The way in which a job has added a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddedBy {
    /// The job has appended the value to its mask file.
    File,
    /// The job has printed a line such as `::add-mask::VALUE`.
    Command,
}

/// The number of added values that are masked only as whole words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::worker) struct WeakAddedValues {
    in_file: i64,
    in_commands: i64,
}

impl WeakAddedValues {
    /// Returns the warning about these values, or `None` if there are none.
    pub(in crate::worker) fn warning(self) -> Option<Redacted> {
        let sources = [(self.in_file, "in $TAILWATER_MASK"), (self.in_commands, "in lines such as ::add-mask::VALUE")];
        let mut sources = sources.into_iter().filter(|(count, _)| *count > 0).peekable();
        sources.peek()?;
        let mut warning = Redacted::literal("Added values masked only as whole words: ");
        for (index, (count, source)) in sources.enumerate() {
            warning.append(&Redacted::literal(if index == 0 { "" } else { ", " }));
            warning.append(&Redacted::number(count));
            warning.append(&Redacted::literal(" "));
            warning.append(&Redacted::literal(source));
        }
        warning.append(&Redacted::literal(". They are too short or too common; use longer ones"));
        Some(warning)
    }
}

/// The values that a job has added.
#[derive(Debug, Default)]
pub(super) struct AddedValues {
    values: Vec<String>,
    weak: WeakAddedValues,
    bytes: usize,
    /// Whether values were ignored because there were too many.
    is_full: bool,
}

impl AddedValues {
    /// Adds the new values in the file. Returns whether there are any.
    pub(super) fn add_from(&mut self, file: &mut MaskFile) -> bool {
        match file.new_values() {
            Ok(values) => self.add(values, AddedBy::File),
            Err(error) => {
                tracing::warn!(%error, "the values that a job added to its mask file cannot be read");
                false
            }
        }
    }

    /// Adds values. Returns whether any value was new and could be added.
    pub(super) fn add(&mut self, values: Vec<String>, by: AddedBy) -> bool {
        let before = self.values.len();
        for value in values {
            if self.values.contains(&value) {
                continue;
            }
            if self.values.len() >= MAX_VALUES || self.bytes + value.len() > MAX_BYTES {
                self.is_full = true;
                continue;
            }
            if weak::is_weak(&value) {
                match by {
                    AddedBy::File => self.weak.in_file += 1,
                    AddedBy::Command => self.weak.in_commands += 1,
                }
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

    /// Returns the number of values that are masked only as whole words.
    pub(super) const fn weak(&self) -> WeakAddedValues {
        self.weak
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
        append(&file, "one\n\n{\n two \r\nincomplete");
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
    fn a_replaced_file_is_read_and_a_link_is_not_followed() {
        let (folder, mut file) = file();
        let mut added = AddedValues::default();
        let other = folder.path().join("other");
        std::fs::write(&other, "another value\n").expect("the folder can be written");
        std::fs::rename(&other, file.path()).expect("both are in one folder");
        assert!(added.add_from(&mut file));
        std::fs::write(&other, "not this value\n").expect("the folder can be written");
        std::fs::remove_file(file.path()).expect("it exists");
        assert!(!added.add_from(&mut file));
        std::os::unix::fs::symlink(&other, file.path()).expect("the folder can be written");
        assert!(!added.add_from(&mut file));
        assert_eq!(added.all(), ["another value"]);
    }

    #[test]
    fn values_after_many_repeated_ones_are_read() {
        let (_folder, mut file) = file();
        let mut added = AddedValues::default();
        for _ in 0..40 {
            append(&file, &"the same value again\n".repeat(1_000));
            added.add_from(&mut file);
        }
        append(&file, "a new value\n");
        assert!(added.add_from(&mut file));
        assert_eq!(added.all(), ["the same value again", "a new value"]);
    }

    #[test]
    fn the_number_and_the_length_of_values_are_limited() {
        let mut added = AddedValues::default();
        added.add((0..=MAX_VALUES).map(|number| format!("value {number}")).collect(), AddedBy::File);
        assert!(added.is_full());
        assert_eq!(added.all().len(), MAX_VALUES);
        let mut added = AddedValues::default();
        added.add(vec!["x".repeat(MAX_BYTES), "y".to_owned()], AddedBy::Command);
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
