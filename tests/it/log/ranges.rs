//! Tests of range requests for `/log` and for downloads: resuming, conditional requests, and compression in transit.

use std::io::Read;

use reqwest::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, VARY};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::harness::{Random, TestServer, sha256};

/// Runs a job with output that is too long for a single block of a reply. Returns the job's id, its output, and the two
/// paths from which the output can be downloaded.
async fn printed(server: &TestServer) -> (String, Vec<u8>, [String; 2]) {
    let (id, job) = server.api.run("seq 100000; seq 3 >&2").await;
    assert_eq!(job["status"], "succeeded");
    let artifacts = server.api.json(&format!("/jobs/{id}/artifacts")).await;
    let artifact = artifacts["items"][0]["id"].as_str().expect("an artifact has an id").to_owned();
    let output = server.api.output(&id, 1).await;
    assert_eq!(job["logSha256"], sha256(&output));
    let paths = [format!("/jobs/{id}/log"), format!("/jobs/{id}/artifacts/{artifact}/download")];
    (id, output, paths)
}

/// Sends a GET request with additional headers.
async fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = server.api.request(Method::GET, path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("the server answers")
}

fn header(reply: &Response, name: reqwest::header::HeaderName) -> &str {
    reply.headers().get(&name).map_or("", |value| value.to_str().expect("the header is ASCII"))
}

#[tokio::test]
async fn a_finished_log_is_served_whole_and_by_any_range() {
    let server = TestServer::start().await;
    let (_, output, paths) = printed(&server).await;
    let size = output.len();
    let mut random = Random::new("any_range");
    for path in paths {
        let whole = get(&server, &path, &[]).await;
        assert_eq!(
            (header(&whole, ACCEPT_RANGES), header(&whole, CONTENT_LENGTH)),
            ("bytes", size.to_string().as_str())
        );
        assert!(whole.bytes().await.expect("the body arrives") == output, "{path}");
        let mut ranges = vec![(0, 0), (0, 99), (size / 2, size / 2 + 200_000), (size - 1, size - 1), (0, size - 1)];
        for _ in 0..20 {
            let first = random.below(size);
            ranges.push((first, first + random.below(size - first)));
        }
        for (first, last) in ranges {
            let reply = get(&server, &path, &[("range", &format!("bytes={first}-{last}"))]).await;
            assert_eq!(reply.status(), 206);
            assert_eq!(header(&reply, CONTENT_RANGE), format!("bytes {first}-{last}/{size}"));
            assert_eq!(header(&reply, CONTENT_LENGTH), (last - first + 1).to_string());
            assert!(reply.bytes().await.expect("the body arrives") == output[first..=last], "{path} {first}-{last}");
        }
        for (range, expected) in [("bytes=-100", &output[size - 100..]), ("bytes=500000-", &output[500_000..])] {
            let reply = get(&server, &path, &[("range", range)]).await;
            assert_eq!(reply.status(), 206);
            assert!(reply.bytes().await.expect("the body arrives") == expected, "{path} {range}");
        }
    }
}

#[tokio::test]
async fn a_range_beyond_the_end_gets_416_with_the_size_and_an_invalid_one_is_ignored() {
    let server = TestServer::start().await;
    let (_, output, paths) = printed(&server).await;
    for path in paths {
        for range in [format!("bytes={}-", output.len()), "bytes=99999999-".into(), "bytes=-0".into()] {
            let reply = get(&server, &path, &[("range", &range)]).await;
            assert_eq!(reply.status(), 416, "{range}");
            assert_eq!(header(&reply, CONTENT_RANGE), format!("bytes */{}", output.len()));
            let body: Value = reply.json().await.expect("an error is JSON");
            assert_eq!(body["detail"]["code"], "range_not_satisfiable");
        }
        for range in ["bytes=9-3", "bytes=x", "lines=1-2", "bytes=0-1,5-6"] {
            let reply = get(&server, &path, &[("range", range)]).await;
            assert_eq!((reply.status().as_u16(), reply.content_length()), (200, Some(output.len() as u64)), "{range}");
        }
    }
}

#[tokio::test]
async fn the_etag_is_the_checksum_and_guards_ranges() {
    let server = TestServer::start().await;
    let (_, output, paths) = printed(&server).await;
    for path in paths {
        let etag = format!("\"{}\"", sha256(&output));
        assert_eq!(header(&get(&server, &path, &[]).await, ETAG), etag);
        let known = get(&server, &path, &[("if-none-match", &etag)]).await;
        assert_eq!((known.status().as_u16(), header(&known, ETAG)), (304, etag.as_str()));
        assert_eq!(get(&server, &path, &[("if-none-match", "\"other\"")]).await.status(), 200);
        let range = ("range", "bytes=0-9");
        assert_eq!(get(&server, &path, &[range, ("if-range", &etag)]).await.status(), 206);
        assert_eq!(get(&server, &path, &[range, ("if-range", "\"other\"")]).await.status(), 200);
        assert_eq!(get(&server, &path, &[range, ("if-range", "Wed, 21 Oct 2015 07:28:00 GMT")]).await.status(), 200);
    }
}

#[tokio::test]
async fn a_head_request_returns_everything_except_the_body() {
    let server = TestServer::start().await;
    let (_, output, paths) = printed(&server).await;
    for path in paths {
        let reply = server.api.request(Method::HEAD, &path).send().await.expect("the server answers");
        assert_eq!(reply.status(), 200);
        assert_eq!(header(&reply, CONTENT_LENGTH), output.len().to_string());
        assert!(header(&reply, CONTENT_TYPE).starts_with("text/plain"));
        assert_eq!(header(&reply, ETAG), format!("\"{}\"", sha256(&output)));
        assert_eq!(reply.bytes().await.expect("the body is empty").len(), 0);
    }
}

#[tokio::test]
async fn a_log_is_gzipped_for_clients_that_accept_it_but_a_range_never_is() {
    let server = TestServer::start().await;
    let (id, output, [log, _]) = printed(&server).await;
    let gzip = ("accept-encoding", "gzip");
    for (path, expected) in
        [(log.clone(), output.clone()), (format!("/jobs/{id}/log?stream=stderr"), b"1\n2\n3\n".to_vec())]
    {
        let reply = get(&server, &path, &[gzip]).await;
        assert_eq!((header(&reply, CONTENT_ENCODING), header(&reply, VARY)), ("gzip", "accept-encoding"));
        assert_ne!(header(&reply, ETAG), format!("\"{}\"", sha256(&output)), "different bytes have a different ETag");
        let bytes = reply.bytes().await.expect("the body arrives");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("the body is gzip");
        assert!(text == expected, "{path}");
    }
    let part = get(&server, &log, &[gzip, ("range", "bytes=0-9")]).await;
    assert_eq!((part.status().as_u16(), header(&part, CONTENT_ENCODING)), (206, ""));
    assert_eq!(part.bytes().await.expect("the body arrives"), output[..10]);
}
