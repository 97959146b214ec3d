//! Files carried at the end of an executable: [`write()`] puts them there, [`Bundle`] reads them.
//!
//! A loader reads of an executable what its headers name and nothing behind it, so whatever follows is carried along by
//! every copy. Putting files there takes as long as copying them. With `include_bytes!` a changed style sheet would compile
//! and link the whole server again, and the server could not be built before the site.
//!
//! Behind the program come the files, one after the other; then the index, a line a file: where it begins, how long it is, the
//! checksum of its bytes and its name; then the trailer: the length of the program, that of the index, and [`MAGIC`]. Numbers are
//! decimal in the index, and eight bytes in the trailer, the lowest first. A tool that rewrites executables, such as
//! `strip`, drops all of it; run those before.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What a bundle ends with.
const MAGIC: [u8; 8] = *b"bundle 1";

/// Bytes of the trailer.
const TRAILER: u64 = 24;

/// Bytes of an index at the most: some thousand files, and no damaged length makes anybody allocate more.
const INDEX_MAX: u64 = 1 << 20;

/// Writes a copy of `executable` that carries `files`, each under its name, in place of what it carried before.
///
/// The copy is made beside `target` and renamed: a running program keeps its file, and `target` may be `executable`.
pub fn write(executable: &Path, files: &BTreeMap<String, PathBuf>, target: &Path) -> io::Result<()> {
    let mut beside = target.as_os_str().to_owned();
    beside.push(".new");
    // A copy keeps the permission to be run.
    fs::copy(executable, &beside)?;
    let mut file = File::options().read(true).write(true).open(&beside)?;
    let program = match Trailer::read(&file)? {
        Some(trailer) => trailer.program,
        None => file.metadata()?.len(),
    };
    file.set_len(program)?;
    file.seek(SeekFrom::Start(program))?;
    append(&mut file, program, files)?;
    drop(file);
    fs::rename(&beside, target)
}

fn append(file: &mut File, program: u64, files: &BTreeMap<String, PathBuf>) -> io::Result<()> {
    let mut index = String::new();
    let mut at = program;
    for (name, path) in files {
        if name.contains('\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name has a line break"));
        }
        let bytes = fs::read(path)?;
        file.write_all(&bytes)?;
        index.extend([format!("{at} {} {} {name}\n", bytes.len(), checksum(&bytes))]);
        at += bytes.len() as u64;
    }
    file.write_all(index.as_bytes())?;
    file.write_all(&program.to_le_bytes())?;
    file.write_all(&(index.len() as u64).to_le_bytes())?;
    file.write_all(&MAGIC)
}

/// Returns a number that changes when the bytes do; nobody has to trust it.
fn checksum(bytes: &[u8]) -> u64 {
    // Unlike a map's, this one's keys are always the same.
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The files that an executable carries. They stay where they are until somebody reads them.
#[derive(Debug)]
pub struct Bundle {
    file: File,
    entries: BTreeMap<String, Entry>,
}

/// Where a file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    at: u64,
    length: usize,
    checksum: u64,
}

impl Bundle {
    /// Opens what `executable` carries; nothing if it carries nothing.
    pub fn open(executable: &Path) -> io::Result<Option<Self>> {
        let file = File::open(executable)?;
        let Some(trailer) = Trailer::read(&file)? else { return Ok(None) };
        let mut index = vec![0; usize::try_from(trailer.index).map_err(io::Error::other)?];
        file.read_exact_at(&mut index, trailer.end - trailer.index)?;
        let entries = String::from_utf8(index).ok().and_then(|index| index.lines().map(entry).collect());
        let entries = entries.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the index is damaged"))?;
        Ok(Some(Self { file, entries }))
    }

    /// Opens what the running program carries, even if its file has been replaced since.
    pub fn of_this_program() -> io::Result<Option<Self>> {
        Self::open(Path::new("/proc/self/exe"))
    }

    /// Returns the checksum of a file; nothing if there is none of that name.
    #[must_use]
    pub fn checksum(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.checksum)
    }

    /// Returns the length of a file; nothing if there is none of that name.
    #[must_use]
    pub fn length(&self, name: &str) -> Option<usize> {
        self.entries.get(name).map(|entry| entry.length)
    }

    /// Reads a file; nothing if there is none of that name.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let mut bytes = vec![0; entry.length];
        self.file.read_exact_at(&mut bytes, entry.at)?;
        Ok(Some(bytes))
    }
}

fn entry(line: &str) -> Option<(String, Entry)> {
    let mut words = line.splitn(4, ' ');
    let (at, length, checksum) = (words.next()?, words.next()?, words.next()?);
    let entry = Entry { at: at.parse().ok()?, length: length.parse().ok()?, checksum: checksum.parse().ok()? };
    Some((words.next()?.to_owned(), entry))
}

/// What is read first: where everything else lies.
struct Trailer {
    /// The length of the program, and where the files begin.
    program: u64,
    /// The length of the index.
    index: u64,
    /// Where the index ends.
    end: u64,
}

impl Trailer {
    /// Reads it; nothing if the file does not end in one.
    fn read(file: &File) -> io::Result<Option<Self>> {
        let Some(end) = file.metadata()?.len().checked_sub(TRAILER) else { return Ok(None) };
        let mut words = [[0; 8]; 3];
        for (word, at) in words.iter_mut().zip([end, end + 8, end + 16]) {
            file.read_exact_at(word, at)?;
        }
        let [program, index, magic] = words;
        let (program, index) = (u64::from_le_bytes(program), u64::from_le_bytes(index));
        let fits = magic == MAGIC && index <= INDEX_MAX && program.checked_add(index).is_some_and(|least| least <= end);
        Ok(fits.then_some(Self { program, index, end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes files of those contents, and a program that carries them.
    fn carrying(folder: &Path, files: &[(&str, &[u8])]) -> PathBuf {
        let program = folder.join("program");
        if !program.exists() {
            fs::write(&program, "the program").expect("the folder can be written");
        }
        let named = files.iter().zip(0..).map(|((name, bytes), number)| {
            let path = folder.join(format!("file-{number}"));
            fs::write(&path, bytes).expect("the folder can be written");
            ((*name).to_owned(), path)
        });
        write(&program, &named.collect(), &program).expect("the folder can be written");
        program
    }

    #[test]
    fn what_was_put_there_is_read_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = carrying(folder.path(), &[("a.css", b"a { }"), ("pkg/b c.js", b""), ("z", &[0, 255])]);
        assert!(fs::read(&program).expect("it is there").starts_with(b"the program"));
        let bundle = Bundle::open(&program).expect("it can be read").expect("it carries something");
        let read = |name: &str| bundle.read(name).expect("it can be read");
        assert_eq!(read("a.css").as_deref(), Some(b"a { }".as_slice()));
        assert_eq!(read("pkg/b c.js").as_deref(), Some([].as_slice()));
        assert_eq!(read("z").as_deref(), Some([0, 255].as_slice()));
        assert_eq!((read("a"), read("../z"), bundle.length("z")), (None, None, Some(2)));
        assert_ne!(bundle.checksum("a.css"), bundle.checksum("z"));
    }

    #[test]
    fn files_put_there_again_take_the_place_of_the_ones_before() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        carrying(folder.path(), &[("old", &[b'x'; 1_000])]);
        let program = carrying(folder.path(), &[("new", b"y")]);
        let bundle = Bundle::open(&program).expect("it can be read").expect("it carries something");
        assert_eq!(bundle.read("old").expect("it can be read"), None);
        assert!(fs::metadata(&program).expect("it is there").len() < 100);
    }

    #[test]
    fn a_file_that_carries_nothing_or_is_cut_gives_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = carrying(folder.path(), &[("a", b"b")]);
        let whole = fs::read(&program).expect("it is there");
        for length in 0..whole.len() {
            fs::write(&program, &whole[..length]).expect("the folder can be written");
            assert!(Bundle::open(&program).expect("it can be read").is_none(), "{length} bytes");
        }
    }
}
