//! Packs a directory into an archive, a tar file compressed with zstd.
//!
//! The archive contains the files that git tracks or does not ignore. `.gitignore` and similar files are interpreted as
//! git interprets them. Tracked files that match an ignore pattern are included only if git is installed, because git
//! is needed to list them. Links to targets outside the directory, devices, pipes and sockets are omitted, because the
//! server would reject them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use engine::inputs::stays_inside;
use ignore::WalkBuilder;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use crate::cli::progress::TransferCounter;

/// The size in bytes at which a block of the archive is sent.
const BLOCK: usize = 128 << 10;

/// The zstd compression level. Level 3 reduces source code to about a quarter of its size, and compresses faster than
/// most networks can transfer the result.
const LEVEL: i32 = 3;

/// The progress of packing. The upload is at most a few blocks behind.
#[derive(Debug)]
pub(super) struct PackingProgress {
    /// The number of bytes of file content that have been packed so far.
    pub(super) packed: AtomicU64,
    counter: TransferCounter,
}

impl PackingProgress {
    /// Creates a progress of zero bytes. Packed bytes are also added to `counter`.
    pub(super) const fn new(counter: TransferCounter) -> Self {
        Self { packed: AtomicU64::new(0), counter }
    }

    fn add(&self, bytes: usize) {
        self.packed.fetch_add(bytes as u64, Ordering::Relaxed);
        self.counter.add(bytes);
    }
}

/// The files of a directory that are to be sent.
#[derive(Debug, Default)]
pub(super) struct Folder {
    root: PathBuf,
    /// The files, directories and links, by their paths relative to `root`.
    items: BTreeMap<PathBuf, PackedEntry>,
    bytes: u64,
    skipped: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PackedEntry {
    File,
    Folder,
    Link(PathBuf),
}

impl Folder {
    /// Lists the files to send.
    pub(super) fn list(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        if !fs::metadata(&root)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let in_repository = root.ancestors().any(|folder| folder.join(".git").exists());
        let mut folder = Self { root: root.clone(), ..Self::default() };
        let mut walk = WalkBuilder::new(&root);
        // git does not use `.ignore` files, and it ignores hidden files only if a pattern matches them.
        walk.hidden(false).ignore(false).require_git(false).parents(in_repository);
        walk.filter_entry(|entry| entry.file_name() != ".git");
        for entry in walk.build() {
            let entry = entry.map_err(|error| {
                error.into_io_error().unwrap_or_else(|| io::Error::other("symbolic links form a loop"))
            })?;
            folder.add(entry.path())?;
        }
        if in_repository {
            for path in tracked_although_ignored(&root) {
                folder.add(&path)?;
            }
        }
        Ok(folder)
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let below = path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        if below.as_os_str().is_empty() || self.items.contains_key(&below) {
            return Ok(());
        }
        let about = match fs::symlink_metadata(path) {
            // The file no longer exists, so it is omitted. It was deleted after it was listed, or it was deleted
            // earlier and git still tracks it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            about => about?,
        };
        let item = if about.is_file() {
            self.bytes += about.len();
            PackedEntry::File
        } else if about.is_dir() {
            PackedEntry::Folder
        } else if about.is_symlink() && stays_inside(&below, &fs::read_link(path)?) {
            PackedEntry::Link(fs::read_link(path)?)
        } else {
            self.skipped.push(below);
            return Ok(());
        };
        self.items.insert(below, item);
        Ok(())
    }

    /// Returns the total size of the files, in bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the files that were omitted although git does not ignore them.
    pub(super) fn skipped(&self) -> &[PathBuf] {
        &self.skipped
    }

    /// Packs the files and sends the archive block by block. If a file cannot be read, the last item sent is an error.
    pub(super) fn pack(self, blocks: mpsc::Sender<io::Result<Vec<u8>>>, progress: &PackingProgress) -> io::Result<()> {
        let packed = self.write(BlockSender { sender: blocks.clone(), block: Vec::new() }, progress);
        if let Err(error) = &packed {
            // Without this error, the server would consider the archive complete. A failure to send it is ignored,
            // because the connection may already be closed.
            blocks.blocking_send(Err(io::Error::new(error.kind(), error.to_string()))).ok();
        }
        packed
    }

    fn write(self, to: BlockSender, progress: &PackingProgress) -> io::Result<()> {
        let mut builder = Builder::new(zstd::stream::write::Encoder::new(to, LEVEL)?);
        for (path, item) in &self.items {
            let whole = self.root.join(path);
            append(&mut builder, path, item, &whole, progress)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", whole.display())))?;
        }
        builder.into_inner()?.finish()?.finish()
    }
}

fn append<W: Write>(
    builder: &mut Builder<W>,
    path: &Path,
    item: &PackedEntry,
    whole: &Path,
    progress: &PackingProgress,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o755);
    match item {
        PackedEntry::Folder => {
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, path, io::empty())
        }
        PackedEntry::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            builder.append_link(&mut header, path, target)
        }
        PackedEntry::File => {
            let file = File::open(whole)?;
            let about = file.metadata()?;
            describe(&mut header, &about);
            builder.append_data(&mut header, path, CountedFile { file, left: about.len(), progress })
        }
    }
}

fn describe(header: &mut Header, about: &Metadata) {
    header.set_entry_type(EntryType::Regular);
    header.set_size(about.len());
    header.set_mode(if about.mode() & 0o100 != 0 { 0o755 } else { 0o644 });
    header.set_mtime(u64::try_from(about.mtime()).unwrap_or(0));
}

/// Returns the paths below `root` that git tracks although they match an ignore pattern. The list is empty if git is
/// not available.
fn tracked_although_ignored(root: &Path) -> Vec<PathBuf> {
    let mut git = Command::new("git");
    // `core.fsmonitor=false` prevents git from running a hook configured in the repository.
    git.args(["-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]);
    git.current_dir(root).stdin(Stdio::null()).stderr(Stdio::null());
    let listed = git.output().ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let listed = listed.unwrap_or_default();
    listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| root.join(OsStr::from_bytes(name)))
        .collect()
}

/// Reads exactly as many bytes of a file as its header in the archive states. If the file has grown since the header
/// was written, the additional bytes are ignored. If it has shrunk, reading fails.
struct CountedFile<'a> {
    file: File,
    left: u64,
    progress: &'a PackingProgress,
}

impl Read for CountedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::Error::other("it was truncated while it was being read"));
        }
        self.left -= read as u64;
        self.progress.add(read);
        Ok(read)
    }
}

/// A writer that sends data through a channel in blocks.
struct BlockSender {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    block: Vec<u8>,
}

impl BlockSender {
    fn finish(mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Write for BlockSender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.block);
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        if block.is_empty() { Ok(()) } else { self.sender.blocking_send(Ok(block)).map_err(gone) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn listed(root: &Path) -> Vec<String> {
        let folder = Folder::list(root).expect("it can be read");
        let files = folder.items.iter().filter(|(_, item)| **item != PackedEntry::Folder);
        files.map(|(path, _)| path.display().to_string()).collect()
    }

    fn git(root: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let status =
            Command::new("git").current_dir(root).args(identity).args(arguments).stdout(Stdio::null()).status();
        assert!(status.expect("git is installed").success(), "{arguments:?}");
    }

    #[test]
    fn files_that_git_tracks_or_does_not_ignore_are_packed() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("it has a parent")).expect("it can be created");
            fs::write(path, text).expect("it can be written");
        };
        write(".gitignore", "target/\n*.log\n");
        write("src/.hidden", "");
        write("src/main.rs", "");
        write("target/big", "");
        write("kept.log", "");
        write("dropped.log", "");
        write("sub/.gitignore", "local\n");
        write("sub/local", "");
        write("sub/other", "");
        symlink("src/main.rs", root.path().join("link")).expect("it can be created");
        symlink("/etc/passwd", root.path().join("out")).expect("it can be created");
        let expected = [".gitignore", "link", "src/.hidden", "src/main.rs", "sub/.gitignore", "sub/other"];
        assert_eq!(listed(root.path()), expected, "without a repository");
        git(root.path(), &["init", "-q"]);
        git(root.path(), &["add", "-f", "kept.log", "src/main.rs"]);
        let mut tracked = expected.to_vec();
        tracked.insert(1, "kept.log");
        assert_eq!(listed(root.path()), tracked, "with one");
        assert_eq!(Folder::list(root.path()).expect("it can be read").skipped, [PathBuf::from("out")]);
        assert_eq!(listed(&root.path().join("sub")), [".gitignore", "other"], "a directory within a repository");
    }
}
