//! A command's output arrives byte for byte, even if it is not valid UTF-8.

use std::process::Stdio;

use serde_json::json;

use crate::harness::cli::Cli;
use crate::harness::gate::Gate;
use crate::harness::process::Process;
use crate::harness::proxy::Proxy;
use crate::harness::{Random, TestServer, number, of_kind};

/// Creates a file of random bytes in the working directory of `cli`, and returns its path and its content.
///
/// Random bytes are almost never valid UTF-8.
fn random_file(cli: &Cli, name: &str, size: usize) -> (String, Vec<u8>) {
    let mut random = Random::new(name);
    let bytes: Vec<u8> = (0..size).map(|_| u8::try_from(random.below(256)).expect("a byte")).collect();
    let path = cli.folder().join(name);
    std::fs::write(&path, &bytes).expect("it can be written");
    (path.display().to_string(), bytes)
}

#[tokio::test]
async fn random_bytes_arrive_unchanged_on_each_stream() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (out, out_bytes) = random_file(&cli, "out", 100_000);
    let (err, err_bytes) = random_file(&cli, "err", 70_000);
    let done = cli.run(&["run", "--", "sh", "-c", &format!("cat {out} & cat {err} >&2; wait")]).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.bytes == out_bytes, "{} bytes instead of {}", done.bytes.len(), out_bytes.len());
    assert!(done.error_bytes == err_bytes, "{} bytes instead of {}", done.error_bytes.len(), err_bytes.len());
    let job = server.api.json("/jobs").await["items"][0]["id"].as_str().expect("an id").to_owned();
    let output = server.api.output(&job, 1).await;
    assert_eq!(output.len(), 170_000);
    for arguments in [&["logs", &job][..], &["logs", "-f", &job]] {
        assert!(cli.run(arguments).await.bytes == output, "{arguments:?}");
    }
    assert!(cli.run(&["logs", "--stream", "stderr", &job]).await.bytes == err_bytes);
}

#[tokio::test]
async fn nul_bytes_and_split_characters_arrive_unchanged() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let cli = Cli::new(&server.api.base);
    // Standard output contains a NUL byte, an unfinished character, a character that a later write completes, and an
    // invalid last byte. Standard error contains a lone continuation byte, an overlong encoding and a surrogate.
    let script = format!(
        "printf 'a\\000b\\303'; printf '\\303\\251\\200\\300\\257\\355\\240\\200\\357\\277\\275' >&2; printf '\\n\\360\\237'; {}; printf '\\230\\200\\377'",
        gate.wait()
    );
    let run = tokio::spawn(async move { cli.run(&["run", "--", "sh", "-c", &script]).await });
    gate.open();
    let done = run.await.expect("no panic");
    assert_eq!(done.bytes, b"a\0b\xc3\n\xf0\x9f\x98\x80\xff");
    assert_eq!(done.error_bytes, b"\xc3\xa9\x80\xc0\xaf\xed\xa0\x80\xef\xbf\xbd");
}

#[tokio::test]
async fn selected_lines_keep_their_bytes() {
    let server = TestServer::start().await;
    let cli = Cli::new(&server.api.base);
    let (id, _) = server.api.run("printf 'one\\377\\ntwo\\376\\n'").await;
    assert_eq!(cli.run(&["logs", "--grep", "^two", &id]).await.bytes, b"two\xfe\n");
    assert_eq!(cli.run(&["logs", "--color", "never", &id]).await.stdout, "one\u{fffd}\ntwo\u{fffd}\n");
}

#[tokio::test]
async fn bytes_survive_repeated_disconnects() {
    let mut random = Random::new("cut");
    let server = TestServer::start_with(|config| config.jobs.live_event_bytes = 1_000).await;
    // A connection is cut only after at least 8,000 bytes, so that each connection makes progress, even though binary
    // output is several times larger in JSON.
    let cut = move || 8_000 + random.below(16_000);
    let proxy = Proxy::before(&server.api.base, cut).await;
    let cli = Cli::new(&proxy.base);
    let (file, bytes) = random_file(&cli, "out", 2_000);
    let id = server
        .api
        .submit(json!({"run": format!("for i in 1 2 3 4 5 6 7 8; do cat {file}; sleep 0.05; printf e >&2; done")}))
        .await;
    server.api.ended(&id).await;
    let done = cli.run(&["logs", "-f", "--stream", "stdout", &id]).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.bytes == bytes.repeat(8), "{} bytes", done.bytes.len());
}

#[tokio::test]
async fn bytes_survive_a_server_crash_and_restart() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    let proxy = Proxy::before(&server.api.base, || usize::MAX).await;
    let cli = Cli::new(&proxy.base);
    let (file, _) = random_file(&cli, "out", 3_000);
    let id = server.api.submit(json!({"run": format!("while :; do cat {file}; sleep 0.01; done")})).await;
    let seen = |events: &[serde_json::Value]| {
        of_kind(events, "log").iter().map(|event| number(&event["payload"]["bytes"])).sum::<usize>() > 30_000
    };
    let mut command = cli.command(&["logs", "--follow", &id]);
    command.stdin(Stdio::null());
    let logs = tokio::spawn(Cli::run_command(command));
    server.api.events_when(&id, "contain more than 30,000 bytes", seen).await;
    server.kill();
    let server = Process::start(data.path());
    proxy.move_to(&server.api.base);
    let done = logs.await.expect("no panic");
    let output = server.api.output(&id, 1).await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.bytes == output, "{} bytes instead of {}", done.bytes.len(), output.len());
}

#[tokio::test]
async fn a_range_of_the_output_is_exact_during_and_after_the_job() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("printf 'ab\\377\\000cd'; {}; echo", gate.wait())})).await;
    server.api.events_when(&id, "contain a line", |events| !of_kind(events, "log").is_empty()).await;
    let range = async |query: &str| {
        let reply = server.api.get(&format!("/jobs/{id}/log?{query}")).await;
        (reply.status().as_u16(), reply.bytes().await.expect("the body arrives").to_vec())
    };
    assert_eq!(range("attempt=1&offset=1&bytes=3").await, (200, b"b\xff\0".to_vec()));
    assert_eq!(range("offset=6&bytes=0").await, (200, Vec::new()));
    assert_eq!(range("offset=4&bytes=3").await.0, 416);
    gate.open();
    server.api.ended(&id).await;
    assert_eq!(range("offset=4&bytes=3").await, (200, b"cd\n".to_vec()));
    assert_eq!(range("offset=9223372036854775807&bytes=9223372036854775807").await.0, 416);
    for query in
        ["offset=1", "bytes=1", "offset=-1&bytes=1", "offset=0&bytes=1&follow=true", "offset=0&bytes=1&stream=stdout"]
    {
        assert_eq!(range(query).await.0, 422, "{query}");
    }
}
