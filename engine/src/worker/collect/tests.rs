use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use model::JobId;
use rustix::fs::{FileType, Mode, mknodat};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::artifacts::{ArtifactStore, Patterns};
use crate::queue::WorkingRoots;
use crate::worker::link::LocalFiles;

const LIMITS: ArtifactLimits = ArtifactLimits { files: 100, file_bytes: 1 << 20, job_bytes: 10 << 20 };

/// A workspace with an artifact store, a collector and a redactor.
struct Case {
    data: TempDir,
    runtime: tokio::runtime::Runtime,
    collector: Collector,
    redactor: Redactor,
}

impl Case {
    fn new(patterns: &[&str], limits: ArtifactLimits) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let workspace = data.path().join("workspace");
        fs::create_dir(&workspace).expect("the folder can be written");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let store = ArtifactStore::open(data.path()).expect("the folder exists");
        let lease = Lease { job: JobId(uuid::Uuid::now_v7()), attempt: 1, epoch: 1 };
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let matcher = Patterns::parse(&patterns).expect("the patterns are valid").matcher();
        let folders = Folders::new(workspace, ".", WorkingRoots::default(), None);
        let files = LocalFiles { runtime: runtime.handle().clone(), store, data_dir: data.path().to_owned(), lease };
        let collector = Collector::new(Box::new(files), lease, limits, folders, matcher);
        Self { data, runtime, collector, redactor: Redactor::new(["hunter2-correct-horse"]) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.path().join("workspace").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("the path has a parent")).expect("the folder can be written");
        fs::write(path, text).expect("the folder can be written");
    }

    /// Collects files. Returns the names and contents of the stored files, and the warning's text.
    fn collect(&mut self) -> (Vec<(String, String)>, String) {
        let Collected { files, warning } = self.collector.collect(Stage::Execute, &self.redactor, || false);
        let content = |file: &NewArtifact| {
            let bytes = fs::read(self.data.path().join(file.place.path(self.collector.lease, file.id)))
                .expect("a recorded file exists");
            assert_eq!(usize::try_from(file.size_bytes), Ok(bytes.len()));
            assert_eq!(file.sha256, hex::encode(Sha256::digest(&bytes)));
            (file.name.to_string(), String::from_utf8_lossy(&bytes).into_owned())
        };
        let warning = warning.map(|event| event.message().to_string()).unwrap_or_default();
        (files.iter().map(content).collect(), warning)
    }

    fn stored(&self) -> usize {
        let folder = self.data.path().join(format!("artifacts/{}/1", self.collector.lease.job));
        fs::read_dir(folder).map_or(0, Iterator::count)
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[test]
fn only_files_that_match_the_patterns_are_stored_sorted_by_name() {
    let mut case = Case::new(&["report", "*.log"], LIMITS);
    for name in ["b.log", "a.log", "c.txt", "report/x/1.xml", "report/2.xml", "deep/d.log"] {
        case.write(name, name);
    }
    let (files, warning) = case.collect();
    let names = ["a.log", "b.log", "report/2.xml", "report/x/1.xml"];
    assert_eq!((files, warning), (pairs(&names.map(|name| (name, name))), String::new()));
}

#[test]
fn links_to_files_and_folders_are_not_followed() {
    let mut case = Case::new(&["**"], LIMITS);
    let outside = case.data.path().join("outside");
    fs::create_dir(&outside).expect("the folder can be written");
    fs::write(outside.join("secret"), "secret").expect("the folder can be written");
    symlink(outside.join("secret"), case.path("file")).expect("a link can be created");
    symlink(&outside, case.path("folder")).expect("a link can be created");
    symlink("..", case.path("up")).expect("a link can be created");
    case.write("real", "real");
    let (files, warning) = case.collect();
    assert_eq!(files, pairs(&[("real", "real")]));
    assert!(warning.contains("3 are not regular files (file, ...)"), "{warning}");
}

#[test]
fn a_folder_that_is_replaced_by_a_link_during_the_walk_is_not_followed() {
    let mut case = Case::new(&["**"], LIMITS);
    let outside = case.data.path().join("outside");
    fs::create_dir(&outside).expect("the folder can be written");
    fs::write(outside.join("file"), "secret").expect("the folder can be written");
    case.write("folder/file", "harmless");
    let (folder, aside, done) = (case.path("folder"), case.data.path().join("aside"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::rename(&folder, &aside).expect("it can be moved");
                symlink(&outside, &folder).expect("a link can be created");
                fs::remove_file(&folder).expect("the link can be removed");
                fs::rename(&aside, &folder).expect("it can be moved back");
            }
        });
        for _ in 0..500 {
            let (files, _) = case.collect();
            assert!(files.iter().all(|(_, text)| text == "harmless"), "{files:?}");
            // Clear the record of the stored version. Otherwise, the file would not be read again.
            case.collector.kept.clear();
            case.collector.names.clear();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    let mut case = Case::new(&["**"], LIMITS);
    let make = |name: &str, kind| mknodat(rustix::fs::CWD, case.path(name), kind, Mode::RUSR, 0);
    make("pipe", FileType::Fifo).expect("a pipe can be created");
    // Creating a device requires root, so the device is counted only if it was created.
    let devices = i64::from(make("device", FileType::CharacterDevice).is_ok());
    let _socket = std::os::unix::net::UnixListener::bind(case.path("socket")).expect("a socket can be created");
    let (files, warning) = case.collect();
    assert_eq!(files, []);
    assert!(warning.contains(&format!("{} are not regular files", 2 + devices)), "{warning}");
}

#[test]
fn a_removed_workspace_is_reported() {
    let mut case = Case::new(&["x"], LIMITS);
    fs::remove_dir_all(case.path("")).expect("the workspace can be removed");
    let (_, warning) = case.collect();
    assert!(warning.contains("could not be read (the working directory)"), "{warning}");
}

#[test]
fn files_beyond_the_limits_are_omitted_and_reported() {
    let mut case = Case::new(&["**"], ArtifactLimits { files: 3, file_bytes: 5, job_bytes: 12 });
    for (name, text) in [("a", "12345"), ("b", "123456"), ("c", "12345"), ("d", "123"), ("e", "12"), ("f", "")] {
        case.write(name, text);
    }
    let (files, warning) = case.collect();
    assert_eq!(files, pairs(&[("a", "12345"), ("c", "12345"), ("e", "12")]));
    assert_eq!(
        warning,
        "Some files were not stored as artifacts: 1 is larger than 5 bytes (b); 1 would exceed the total limit of 12 bytes (d); 1 would exceed the limit of 3 files (f)"
    );
    let sparse = fs::File::create(case.path("a")).expect("it can be written");
    sparse.set_len(1 << 40).expect("a file may be sparse");
    let (files, warning) = case.collect();
    assert!(files.is_empty() && warning.contains("1 is larger than 5 bytes (a)"), "{warning}");
}

#[test]
fn artifact_names_are_single_lines_without_secrets() {
    let mut case = Case::new(&["**"], LIMITS);
    case.write("a\nb", "newline");
    case.write("hunter2-correct-horse.txt", "secret");
    let deep = [&"x".repeat(200); 3].map(String::as_str).join("/");
    case.write(&deep, "long");
    fs::write(case.path("").join(std::ffi::OsStr::from_bytes(b"\xff")), "bytes").expect("it can be written");
    case.write("logs/output.log", "the name of the complete output");
    let (files, warning) = case.collect();
    assert_eq!(files, pairs(&[("[REDACTED].txt", "secret")]));
    assert!(warning.contains("3 have a path that") && warning.contains("1 has the name that is reserved"), "{warning}");
    // Two artifacts whose names are equal after redaction would replace each other, so the second file is omitted.
    case.redactor = Redactor::new(["hunter2-correct-horse", "swordfish-swordfish"]);
    case.write("swordfish-swordfish.txt", "other");
    let (files, warning) = case.collect();
    assert!(files.is_empty() && warning.contains("1 has the same name as another file"), "{warning}");
}

#[test]
fn a_file_that_changes_during_the_read_is_stored_with_its_actual_size_and_checksum() {
    let mut case = Case::new(&["**"], ArtifactLimits { file_bytes: 64 << 20, ..LIMITS });
    let (path, done) = (case.path("changing"), AtomicBool::new(false));
    fs::write(&path, vec![b'x'; 12 << 20]).expect("it can be written");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut size = 0;
            while !done.load(Ordering::Relaxed) {
                size = (size + 7_654_321) % (12 << 20);
                let file = fs::OpenOptions::new().write(true).open(&path).expect("it exists");
                file.set_len(size).expect("it can be truncated");
                file.set_len(12 << 20).expect("it can grow");
            }
        });
        for _ in 0..10 {
            // `Case::collect` checks the sizes and checksums of the stored bytes.
            case.collect();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_changed_file_replaces_its_earlier_version_and_an_unchanged_one_is_not_stored_again() {
    let mut case = Case::new(&["**"], ArtifactLimits { job_bytes: 12, ..LIMITS });
    case.write("same", "same");
    case.write("new", "first");
    assert_eq!(case.collect().0, pairs(&[("new", "first"), ("same", "same")]));
    assert_eq!(case.collect().0, []);
    case.write("new", "second!");
    assert_eq!(case.collect().0, pairs(&[("new", "second!")]), "the replaced version does not count");
    assert_eq!(case.stored(), 3, "the first version exists until the second is recorded");
    case.collector.remove_replaced();
    assert_eq!(case.stored(), 2);
}

#[test]
fn collecting_ends_when_a_stop_is_requested() {
    let mut case = Case::new(&["**"], LIMITS);
    case.write("a", "a");
    let Collected { files, .. } = case.collector.collect(Stage::Execute, &case.redactor, || true);
    assert!(files.is_empty());
    let Case { runtime, collector, .. } = case;
    drop((collector, runtime));
}
