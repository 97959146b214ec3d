//! Compressed logs take less disk space. Reading them gives the same results as before compression, in every way.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use engine::files::{KeptFile, compress};
use reqwest::Method;
use serde_json::json;

use super::story;
use crate::harness::{Random, TestServer, sha256, until};

/// Waits until a job's log is compressed, and returns the directory of its spool.
async fn compressed(data: &Path, id: &str) -> PathBuf {
    let folder = data.join("spool").join(id).join("1");
    let (plain, compressed) = (folder.join("output.log"), folder.join("output.log.zst"));
    until("the log is compressed", || compressed.exists() && !plain.exists()).await;
    folder
}

/// Checks the first lines, the last lines and some lines in the middle of the output of `seq 1000000`.
async fn check_a_million_lines(server: &TestServer, id: &str) {
    for (query, first, count) in
        [("from=1", 1, 200), ("from=500000&count=2000", 500_000, 2_000), ("from=-200", 999_801, 200)]
    {
        let page = server.api.json(&format!("/jobs/{id}/lines?{query}")).await;
        assert_eq!(page["totalLines"], 1_000_000);
        let items = page["items"].as_array().expect("a page has items");
        assert_eq!(items.len(), count, "{query}");
        for (number, item) in (first..).zip(items) {
            assert_eq!((&item["line"], &item["text"]), (&json!(number), &json!(number.to_string())), "{query}");
        }
    }
}

fn size(path: PathBuf) -> u64 {
    std::fs::metadata(path).expect("the file exists").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_reads_the_same_before_during_and_after_its_compression() {
    let server = TestServer::start().await;
    let run = "for i in $(seq 40); do seq 1000; echo \"error: $i\" >&2; printf 'half '; done; head -c 12000 /dev/zero | tr '\\0' y";
    let (id, _) = server.api.run(run).await;
    let before = story::check(&server, &id, 2_000).await;
    let folder = server.data.path().join("spool").join(&id).join("1");
    while folder.join("output.log").exists() {
        assert!(story::check(&server, &id, 2_000).await == before, "while it is compressed");
    }
    let folder = compressed(server.data.path(), &id).await;
    assert!(story::check(&server, &id, 1_999).await == before, "after");
    assert!(size(folder.join("output.log.zst")) < before.len() as u64 / 3);
    assert!(!folder.join("output.idx").exists(), "the index is compressed as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_a_compressed_log_match_its_text() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("seq 1000000").await;
    let output = server.api.output(&id, 1).await;
    check_a_million_lines(&server, &id).await;
    let folder = compressed(server.data.path(), &id).await;
    check_a_million_lines(&server, &id).await;
    assert!(server.api.output(&id, 1).await == output, "the download, its size and its digest");
    let mut random = Random::new("compressed_ranges");
    let frame = 1 << 20;
    let mut ranges =
        vec![(0, output.len() - 1), (frame - 1, frame), (frame, 2 * frame - 1), (output.len() - 1, output.len() - 1)];
    for _ in 0..30 {
        let first = random.below(output.len());
        ranges.push((first, first + random.below(output.len() - first)));
    }
    for (first, last) in ranges {
        let request = server.api.request(Method::GET, &format!("/jobs/{id}/log"));
        let reply = request.header("range", format!("bytes={first}-{last}")).send().await.expect("the server answers");
        assert_eq!(reply.status(), 206);
        assert!(reply.bytes().await.expect("the body arrives") == output[first..=last], "{first}-{last}");
    }
    // The file can be read with the standard zstd tool.
    let whole =
        Command::new("zstd").args(["-dc"]).arg(folder.join("output.log.zst")).output().expect("zstd is installed");
    assert!(whole.stdout == output);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_not_compressed_before_a_shutdown_are_compressed_after_the_next_start() {
    let server = TestServer::start().await;
    let (id, job) = server.api.run("seq 50000").await;
    // The server stops right after the job has finished. The log may or may not have been compressed by then.
    let data = server.stop().await;
    let folder = data.path().join("spool").join(&id).join("1");
    // Create an incomplete temporary file, as a crash would leave it behind.
    std::fs::write(folder.join("output.log.zst.new"), b"half").expect("the folder can be written");
    let server = TestServer::start_over(data, |_| {}).await;
    let folder = compressed(server.data.path(), &id).await;
    until("no temporary file is left", || !folder.join("output.idx").exists()).await;
    assert_eq!(job["logSha256"], sha256(&server.api.output(&id, 1).await));
}

#[tokio::test]
async fn a_small_log_is_not_compressed() {
    let server = TestServer::start().await;
    let (small, _) = server.api.run("seq 10").await;
    let (large, _) = server.api.run("seq 10000").await;
    compressed(server.data.path(), &large).await;
    assert!(server.data.path().join("spool").join(&small).join("1/output.log").exists());
    let (id, _) = server.api.run("true").await;
    assert_eq!(
        server.api.json(&format!("/jobs/{id}/lines")).await,
        json!({"items": [], "totalLines": 0, "complete": true})
    );
}

#[test]
fn a_file_opened_before_its_compression_stays_readable_and_repeated_compression_has_no_effect() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("output.log");
    let text: Vec<u8> = (0..200_000).flat_map(|number: u32| format!("{number}\n").into_bytes()).collect();
    std::fs::write(&path, &text).expect("the folder can be written");
    let mut before = KeptFile::open(&path).expect("reading succeeds").expect("the file exists");
    let stored = compress(&path, &AtomicBool::new(false)).expect("compressing succeeds");
    assert_eq!(compress(&path, &AtomicBool::new(false)).expect("the file is compressed"), stored);
    assert_eq!(size(folder.path().join("output.log.zst")), stored);
    let mut after = KeptFile::open(&path).expect("reading succeeds").expect("the file exists");
    let mut random = Random::new("opened_before");
    for _ in 0..200 {
        let at = random.below(text.len());
        let length = random.below((text.len() - at).min(600_000));
        for file in [&mut before, &mut after] {
            assert_eq!(file.size().expect("the file has a size"), text.len() as u64);
            assert!(
                file.read(at as u64, length).expect("reading succeeds") == text[at..at + length],
                "{length} from {at}"
            );
        }
    }
    assert!(after.read(text.len() as u64, 1).is_err(), "reading beyond the end fails");
}

#[test]
fn an_interrupted_compression_leaves_only_the_original() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("output.log");
    std::fs::write(&path, vec![b'x'; 1 << 20]).expect("the folder can be written");
    assert!(compress(&path, &AtomicBool::new(true)).is_err());
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("reading succeeds").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["output.log"]);
}
