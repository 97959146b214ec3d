//! Open streams do not delay a shutdown, and readers that stop reading do not make the server use more memory. Each
//! test measures a server in a separate process.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::harness::process::Process;
use crate::harness::sse::Stream;
use crate::harness::{TOKEN, number, tcp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_with_200_open_streams_exits_within_2_seconds_of_sigterm() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut server = Process::start(data.path());
    let id = server.api.submit_job(json!({"type": "elsewhere"})).await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut stream = Stream::open(&server.api, &id, "", None).await;
        assert_eq!(stream.next().await.and_then(|frame| frame.id), Some(1));
        streams.push(stream);
    }
    let started = Instant::now();
    server.terminate();
    let status = server.exited().await;
    let took = started.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    for mut stream in streams {
        assert_eq!(stream.next().await, None, "every stream has ended properly");
    }
}

/// The number of bytes that the job prints. It is many times greater than what the sockets between the server and a
/// reader can buffer.
const PRINTED: usize = 120_000_000;

/// The maximum growth of the server's memory, in KiB. It covers caches, buffers and pages, and does not depend on how
/// much the job prints. For comparison, the three readers together leave 360 MB unread.
const GROWTH: u64 = 96 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stop_reading_use_no_memory_and_do_not_delay_others() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start(data.path());
    server.api.run("echo warm").await;
    let before = server.rss();
    let line = "0123456789".repeat(10);
    let run = format!("yes {} | head -c {PRINTED}", &line[..99]);
    let id = server.api.submit(json!({"run": run})).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut socket = tcp::connect(&server.api.base).await;
        let request = format!(
            "GET /api/queue/jobs/{id}/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.expect("the server reads it");
        idle.push(socket);
    }
    let mut reader = Stream::open(&server.api, &id, "?kind=log,end", None).await;
    let (mut read, mut most) = (0, 0);
    loop {
        let frame = reader.next().await.expect("the stream continues to its end");
        most = most.max(server.rss());
        match frame.event.as_str() {
            "queue_event" => {
                read +=
                    number(&frame.json()["payload"]["bytes"]) * usize::from(frame.data.contains("\"kind\":\"log\""));
            }
            "terminal" => break,
            _ => {}
        }
    }
    assert_eq!(read, PRINTED, "another reader receives all output");
    assert_eq!(server.api.job(&id).await["status"], "succeeded");
    let grown = most.saturating_sub(before);
    assert!(grown < GROWTH, "the server grew by {grown} KiB from {before} KiB");
    drop(idle);
}
