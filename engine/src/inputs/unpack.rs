//! Unpacks an input into a workspace. The archive is untrusted.
//!
//! Regular files, directories and symbolic links are unpacked; everything else (devices, pipes, hard links, sparse
//! files) is rejected, and so are names that are absolute, contain `..` or occur twice. Links are created after all
//! files, so that no file is written through a link. Each link must point inside the workspace, both according to its
//! text and as resolved by the kernel. Only the executable bit of a file's permissions is preserved; the other bits
//! depend on the server's umask. The unpacked bytes, the entries and the directories are counted, so that unpacking
//! stops at a limit even if the archive itself is small ([`UnpackLimits`]).
//!
//! If an archive is rejected, the attempt fails before its first step, and the error states the entry and the reason.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use flate2::bufread::MultiGzDecoder;
use model::JobInput;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

use super::names::{below, stays_inside};

/// The limits on what an archive unpacks to.
#[derive(Clone, Copy, Debug)]
struct UnpackLimits {
    /// The maximum total size of the files, in bytes.
    bytes: u64,
    /// The maximum number of entries, and also the maximum number of directories. Each of them takes an inode, even if
    /// it is empty. Directories are counted separately, because the path of a single entry can create many of them.
    entries: u64,
    /// The maximum number of components in a path. Real projects need far fewer. The limit also bounds the recursion of
    /// programs that walk through the workspace.
    depth: usize,
    /// The maximum number of symbolic links, which are kept in memory until all files are written.
    links: usize,
}

impl UnpackLimits {
    /// Returns the limits for archives that unpack to at most `bytes` bytes.
    const fn of_bytes(bytes: u64) -> Self {
        Self { bytes, entries: 1_000_000, depth: 256, links: 100_000 }
    }
}

/// The maximum size, in bytes, of an entry's header, including long names and extensions. The same limit applies to the
/// data after the last entry. Headers are read into memory, so this limits memory usage.
const MAX_HEADER: u64 = 256 << 10;

/// The base-2 logarithm of the largest permitted zstd window: 128 MiB, which is also the default limit of the `zstd`
/// command.
const MAX_WINDOW_LOG: u32 = 27;

/// The size of the blocks that are read, in bytes.
const BLOCK: usize = 128 << 10;

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The message of the error with which [`Bounded`] stops reading when unpacking is cancelled.
const STOPPED: &str = "stopped";
const TOO_LONG: &str = "a header is too long";

/// The error returned when an input cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Unpacking was cancelled.
    #[error("stopped")]
    Stopped,
    /// The archive on disk is not identical to the one that was received.
    #[error("the archive is damaged: it has changed since it was received")]
    Damaged,
    /// The archive's format is not supported.
    #[error("the archive is neither a tar.zst nor a tar.gz")]
    Unknown,
    /// The archive unpacks to more than the limit.
    #[error("the archive unpacks to more than the {0} bytes that --input-bytes allows")]
    TooLarge(u64),
    /// The archive contains too many entries, directories or symbolic links.
    #[error("the archive contains more than {limit} {what}, which is the limit")]
    TooMany {
        /// The maximum number.
        limit: u64,
        /// What is limited.
        what: &'static str,
    },
    /// An entry was rejected.
    #[error("{} {problem}", name.display())]
    Entry {
        /// The entry's name in the archive.
        name: PathBuf,
        /// The reason why the entry was rejected.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Unpacks an archive into `workspace`, and stops early if `go_on` returns `false`. No other process may write to the
/// workspace at the same time.
pub fn unpack(
    archive: &File,
    input: &JobInput,
    workspace: &Path,
    limit: u64,
    go_on: &dyn Fn() -> bool,
) -> Result<(), UnpackError> {
    unpack_within(archive, input, workspace, UnpackLimits::of_bytes(limit), go_on)
}

fn unpack_within(
    archive: &File,
    input: &JobInput,
    workspace: &Path,
    limits: UnpackLimits,
    go_on: &dyn Fn() -> bool,
) -> Result<(), UnpackError> {
    let unpacked = verify(archive, input, go_on).and_then(|()| {
        let left = Rc::new(Cell::new(MAX_HEADER));
        let reader = Bounded { inner: decoder(archive)?, left: Rc::clone(&left), go_on };
        Unpacking { workspace, limits, total: 0, folders: 0, left, links: Vec::new() }.run(&mut Archive::new(reader))
    });
    unpacked.map_err(|error| if go_on() { error } else { UnpackError::Stopped })
}

/// Checks that the archive is identical to the one that was received.
fn verify(mut archive: &File, input: &JobInput, go_on: &dyn Fn() -> bool) -> Result<(), UnpackError> {
    let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK]);
    loop {
        let read = archive.read(&mut block)?;
        if !go_on() {
            return Err(UnpackError::Stopped);
        }
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
    }
    if hex::encode(hash.finalize()) == input.sha256 { Ok(()) } else { Err(UnpackError::Damaged) }
}

fn decoder(mut archive: &File) -> Result<Box<dyn Read>, UnpackError> {
    archive.rewind()?;
    let mut file = BufReader::with_capacity(BLOCK, archive.try_clone()?);
    let begin = file.fill_buf()?;
    if begin.starts_with(&ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        Ok(Box::new(decoder))
    } else if begin.starts_with(&GZIP) {
        Ok(Box::new(MultiGzDecoder::new(file)))
    } else {
        Err(UnpackError::Unknown)
    }
}

/// A reader that fails after a limited number of bytes, or once `go_on` returns `false`.
struct Bounded<'a> {
    inner: Box<dyn Read>,
    /// The number of bytes that may still be read.
    left: Rc<Cell<u64>>,
    go_on: &'a dyn Fn() -> bool,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !(self.go_on)() {
            return Err(io::Error::other(STOPPED));
        }
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other(TOO_LONG));
        }
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - read as u64);
        Ok(read)
    }
}

struct Unpacking<'a> {
    workspace: &'a Path,
    limits: UnpackLimits,
    /// The total size of the files unpacked so far, in bytes.
    total: u64,
    /// The number of directories created so far.
    folders: u64,
    /// The number of bytes that [`Bounded`] may still read.
    left: Rc<Cell<u64>>,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Unpacking<'_> {
    fn run(mut self, archive: &mut Archive<Bounded<'_>>) -> Result<(), UnpackError> {
        let mut entries = archive.entries()?;
        for count in 0.. {
            self.left.set(MAX_HEADER);
            let Some(entry) = entries.next().transpose()? else { break };
            if count >= self.limits.entries {
                return Err(UnpackError::TooMany { limit: self.limits.entries, what: "entries" });
            }
            self.entry(entry)?;
        }
        self.make_links()
    }

    fn entry(&mut self, mut entry: Entry<'_, Bounded<'_>>) -> Result<(), UnpackError> {
        let name = entry.path()?.into_owned();
        let refused = |problem: &str| UnpackError::Entry { name: name.clone(), problem: problem.to_owned() };
        let failed = |error: io::Error| UnpackError::Entry {
            name: name.clone(),
            problem: format!("could not be unpacked: {error}"),
        };
        let kind = entry.header().entry_type();
        // Global headers are ignored. `git archive`, for example, writes the commit's id to one.
        if kind == EntryType::XGlobalHeader {
            self.left.set(MAX_HEADER);
            return Ok(());
        }
        let path = below(&name).ok_or_else(|| refused("is not a path inside the workspace"))?;
        if path.as_os_str().is_empty() {
            return if kind.is_dir() { Ok(()) } else { Err(refused("has no name")) };
        }
        if path.components().count() > self.limits.depth {
            let problem = format!("is nested more than {} directories deep, which is the limit", self.limits.depth);
            return Err(refused(&problem));
        }
        let of_entry = |error: UnpackError| match error {
            UnpackError::Io(error) => failed(error),
            error => error,
        };
        match kind {
            EntryType::Directory => self.folder(&path).map_err(of_entry),
            EntryType::Regular => self.file(&path, &mut entry).map_err(of_entry),
            EntryType::Symlink => {
                let target = entry.link_name()?.ok_or_else(|| refused("is a link without a target"))?.into_owned();
                if self.links.len() == self.limits.links {
                    return Err(UnpackError::TooMany { limit: self.limits.links as u64, what: "symbolic links" });
                }
                if !stays_inside(&path, &target) {
                    return Err(refused("is a link that points outside the workspace"));
                }
                self.links.push((path, target));
                Ok(())
            }
            _ => Err(refused("is not a regular file, directory or symbolic link")),
        }
    }

    fn file<R: Read>(&mut self, path: &Path, entry: &mut Entry<'_, R>) -> Result<(), UnpackError> {
        let size = entry.size();
        self.total = self.total.saturating_add(size);
        if self.total > self.limits.bytes {
            return Err(UnpackError::TooLarge(self.limits.bytes));
        }
        self.left.set(size);
        if let Some(folder) = path.parent() {
            self.folder(folder)?;
        }
        let path = self.workspace.join(path);
        let executable = entry.header().mode()? & 0o100 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        if io::copy(entry, &mut file)? != size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        // Keep the modification time, which tools such as `make` use.
        let modified =
            entry.header().mtime().ok().and_then(|time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time)));
        modified.map_or(Ok(()), |modified| file.set_modified(modified))?;
        Ok(())
    }

    /// Creates a directory in the workspace, and its missing parents, unless it exists.
    fn folder(&mut self, path: &Path) -> Result<(), UnpackError> {
        if self.workspace.join(path).is_dir() {
            return Ok(());
        }
        let mut folder = self.workspace.to_owned();
        for part in path.components() {
            folder.push(part);
            if folder.is_dir() {
                continue;
            }
            if self.folders >= self.limits.entries {
                return Err(UnpackError::TooMany { limit: self.limits.entries, what: "directories" });
            }
            fs::create_dir(&folder)?;
            self.folders += 1;
        }
        Ok(())
    }

    /// Creates the links, and lets the kernel check that each of them points inside the workspace. Call this after all
    /// files have been written.
    fn make_links(mut self) -> Result<(), UnpackError> {
        let root = File::open(self.workspace)?;
        let links = std::mem::take(&mut self.links);
        for (link, target) in &links {
            let refused = |problem: String| UnpackError::Entry { name: link.clone(), problem };
            let mut folder = self.workspace.to_owned();
            for part in link.parent().into_iter().flat_map(Path::components) {
                folder.push(part);
                if folder.is_symlink() {
                    return Err(refused("is inside a linked directory".into()));
                }
            }
            let made = self.folder(link.parent().unwrap_or(Path::new("")));
            let made = made.and_then(|()| Ok(symlink(target, self.workspace.join(link))?));
            made.map_err(|error| match error {
                UnpackError::Io(error) => refused(format!("could not be unpacked: {error}")),
                error => error,
            })?;
        }
        for (link, _) in links {
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            if let Err(Errno::XDEV) = openat2(&root, &link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), beneath) {
                return Err(UnpackError::Entry {
                    name: link,
                    problem: "is a link that points outside the workspace".into(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
