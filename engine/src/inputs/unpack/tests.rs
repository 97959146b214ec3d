use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use tar::{Builder, Header};

use super::*;

const LIMIT: u64 = 1 << 20;

/// The limits in the tests. They are small, so that a test does not have to create many files.
const LIMITS: UnpackLimits = UnpackLimits { entries: 8, depth: 4, links: 3, ..UnpackLimits::of_bytes(LIMIT) };

/// Adds an entry to an archive without checking the entry's name and target, so that tests can create hostile archives.
fn add(builder: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, target: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o6777);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    builder.append(&header, content).expect("writing to a Vec succeeds");
}

fn packed(entries: &[(EntryType, &str, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, target, content) in entries {
        add(&mut builder, *kind, name, target, content);
    }
    zstd::encode_all(&builder.into_inner().expect("writing to a Vec succeeds")[..], 3).expect("it can be compressed")
}

/// Unpacks an archive into the workspace `w` in a temporary directory. Returns the temporary directory and the result.
fn unpacked(archive: &[u8], go_on: &dyn Fn() -> bool) -> (tempfile::TempDir, Result<(), UnpackError>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, workspace) = (folder.path().join("archive"), folder.path().join("w"));
    fs::write(&path, archive).expect("it can be written");
    fs::create_dir(&workspace).expect("the folder can be created");
    let input = JobInput {
        id: uuid::Uuid::nil(),
        size_bytes: i64::try_from(archive.len()).expect("it is small"),
        sha256: hex::encode(Sha256::digest(archive)),
    };
    let result = unpack_within(&File::open(&path).expect("it exists"), &input, &workspace, LIMITS, go_on);
    (folder, result)
}

#[track_caller]
fn check_refused(entries: &[(EntryType, &str, &str, &[u8])], words: &str) {
    let (folder, result) = unpacked(&packed(entries), &|| true);
    let refused = result.expect_err("it is refused").to_string();
    assert!(refused.contains(words), "{refused}");
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).expect("it exists").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["archive", "w"], "nothing was written outside the workspace");
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;
const FOLDER: EntryType = EntryType::Directory;

#[test]
fn files_folders_and_internal_links_are_unpacked_with_safe_modes() {
    let archive = packed(&[
        (FILE, "./a/b", "", b"text"),
        (FOLDER, "empty/", "", b""),
        (LINK, "a/link", "../a/b", b""),
        (LINK, "dangling", "not/there", b""),
        (EntryType::XGlobalHeader, "pax_global_header", "", b"52 comment=0000000000000000000000000000000000000000\n"),
        (FILE, "last", "", b""),
    ]);
    let (folder, result) = unpacked(&archive, &|| true);
    result.expect("it is unpacked");
    let workspace = folder.path().join("w");
    assert_eq!(fs::read_to_string(workspace.join("a/link")).expect("the link points to a file"), "text");
    let mode = fs::metadata(workspace.join("a/b")).expect("the file exists").permissions().mode();
    assert_eq!(mode & 0o7022, 0, "no other user writes, nothing is set-user-id: {mode:o}");
    assert_eq!(mode & 0o700, 0o700);
    assert!(workspace.join("empty").is_dir() && workspace.join("last").is_file());
}

#[test]
fn entries_outside_the_workspace_are_refused() {
    check_refused(&[(FILE, "../evil", "", b"x")], "../evil is not a path inside");
    check_refused(&[(FILE, "/tmp/evil", "", b"x")], "is not a path inside");
    check_refused(&[(FILE, "a/../../evil", "", b"x")], "is not a path inside");
    check_refused(&[(FOLDER, "../evil", "", b"")], "is not a path inside");
    check_refused(&[(LINK, "a", "/etc", b"")], "points outside");
    check_refused(&[(LINK, "a", "..", b"")], "points outside");
    check_refused(&[(LINK, "a/b", "../../evil", b"")], "points outside");
    // According to its text, the target of the last link is inside the workspace, but the kernel resolves it through
    // the first link to a path outside.
    check_refused(
        &[(FILE, "d/x", "", b""), (LINK, "d/up", "..", b""), (LINK, "out", "d/up/../x", b"")],
        "points outside",
    );
    check_refused(
        &[(LINK, "a", "b", b""), (FILE, "b/x", "", b""), (LINK, "a/y", "x", b"")],
        "is inside a linked directory",
    );
}

#[test]
fn nothing_is_written_through_a_link_or_over_a_file() {
    check_refused(&[(FILE, "b/x", "", b""), (LINK, "a", "b", b""), (FILE, "a/y", "", b"")], "a could not be unpacked");
    check_refused(&[(FILE, "a", "", b"1"), (FILE, "a", "", b"2")], "a could not be unpacked");
    check_refused(&[(FILE, "a", "", b"1"), (FILE, "a/b", "", b"2")], "a/b could not be unpacked");
}

#[test]
fn devices_pipes_and_hard_links_are_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::Link, EntryType::Continuous] {
        check_refused(&[(FILE, "b", "", b""), (kind, "a", "b", b"")], "a is not a regular file");
    }
}

#[test]
fn a_decompression_bomb_is_stopped_at_the_limit() {
    let zeros = vec![0; usize::try_from(LIMIT).expect("it is small") / 2 + 1];
    check_refused(&[(FILE, "a", "", &zeros), (FILE, "b", "", &zeros)], "more than the 1048576 bytes");
    check_refused(&[(EntryType::GNULongName, "././@LongLink", "", &zeros), (FILE, "b", "", b"")], "too long");
    check_refused(&[(EntryType::XHeader, "x", "", &zeros), (FILE, "b", "", b"")], "");
    // The header declares a huge size, but the archive contains no content.
    let mut header = Header::new_gnu();
    header.set_path("a").expect("it is short");
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    let archive = zstd::encode_all(&header.as_bytes()[..], 3).expect("it can be compressed");
    assert!(matches!(unpacked(&archive, &|| true).1, Err(UnpackError::TooLarge(LIMIT))));
}

#[test]
fn the_numbers_of_entries_directories_and_links_are_limited() {
    let names: Vec<String> = (0..9).map(|number| format!("f{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (FILE, name.as_str(), "", &b""[..])).collect();
    check_refused(&files, "the archive contains more than 8 entries, which is the limit");
    unpacked(&packed(&files[1..]), &|| true).1.expect("as many as the limit are unpacked");
    // Unpacking a file or a link also creates the directories in its path.
    let entry = |kind: EntryType, name: &'static str| (kind, name, "y", &b""[..]);
    let eight = [entry(FILE, "a/b/c/x"), entry(FILE, "a/b/d/x"), entry(FOLDER, "e/f/g/h")];
    unpacked(&packed(&eight), &|| true).1.expect("as many directories as the limit are unpacked");
    for more in [FILE, LINK] {
        let nine = [&eight[..], &[entry(more, "i/x")]].concat();
        check_refused(&nine, "the archive contains more than 8 directories, which is the limit");
    }
    let links: Vec<_> = names[..4].iter().map(|name| (LINK, name.as_str(), "x", &b""[..])).collect();
    check_refused(&links, "the archive contains more than 3 symbolic links, which is the limit");
    unpacked(&packed(&links[1..]), &|| true).1.expect("as many as the limit are unpacked");
}

#[test]
fn the_depth_of_directories_is_limited() {
    unpacked(&packed(&[(FILE, "./1/2/3/x", "", b""), (FOLDER, "1/2/3/4", "", b"")]), &|| true).1.expect("four names");
    for kind in [FILE, FOLDER, LINK] {
        let problem = "1/2/3/4/x is nested more than 4 directories deep, which is the limit";
        check_refused(&[(kind, "1/2/3/4/x", "y", b"")], problem);
    }
}

#[test]
fn truncated_archives_and_unknown_formats_are_refused() {
    let whole = packed(&[(FILE, "a", "", &vec![7; 100_000])]);
    for length in [0, 1, 3, whole.len() / 2, whole.len() - 1] {
        assert!(unpacked(&whole[..length], &|| true).1.is_err(), "{length}");
    }
    assert!(matches!(unpacked(b"text", &|| true).1, Err(UnpackError::Unknown)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let tar = zstd::decode_all(&whole[..]).expect("it was compressed");
    gzip.write_all(&tar).expect("writing to a Vec succeeds");
    unpacked(&gzip.finish().expect("writing to a Vec succeeds"), &|| true).1.expect("gzip is supported");
}

#[test]
fn cancelled_and_damaged_inputs_are_not_unpacked() {
    let archive = packed(&[(FILE, "a", "", &vec![7; 100_000])]);
    assert!(matches!(unpacked(&archive, &|| false).1, Err(UnpackError::Stopped)));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("archive");
    fs::write(&path, &archive).expect("it can be written");
    let input = JobInput { id: uuid::Uuid::nil(), size_bytes: 0, sha256: "of another".into() };
    assert!(matches!(
        unpack(&File::open(&path).expect("it exists"), &input, folder.path(), LIMIT, &|| true),
        Err(UnpackError::Damaged)
    ));
}
