//! Thousands of requests with mutated paths, ids and methods cause no server error, bypass no check, and give no access
//! to other objects.

use tailwater::server::all_routes;

use super::job_with_artifact;
use crate::harness::{Random, TOKEN, TestServer, tcp};

/// The number of mutated requests.
const REQUESTS: usize = 5_000;

/// The number of simultaneous requests.
const AT_ONCE: usize = 20;

/// The only paths at which a request without credentials may succeed.
const OPEN: [&str; 2] = ["/healthz", "/login"];

/// Strings that some servers, proxies and frameworks interpret differently from others.
const JUNK: [&str; 34] = [
    "%2f",
    "%252f",
    "%2F..%2F",
    "..;/",
    "/..;/",
    "%00",
    "%c0%af",
    "%c1%9c",
    "%e0%80%af",
    "%2e%2e%2f",
    "%2e%2e/",
    "../",
    "..%5c",
    "..\\",
    "\\",
    "//",
    "/./",
    "/",
    ";x=1",
    ";",
    "%0d%0a",
    "%0a",
    "%",
    "%zz",
    "%u002f",
    "%2",
    "'",
    "\"",
    "%e2%80%ae",
    "%ff",
    "*",
    "~",
    "+",
    "@",
];

/// Suffixes from which some frameworks infer whether a path requires credentials.
const SUFFIXES: [&str; 16] = [
    ".json",
    ".css",
    ".html",
    "/",
    "/.",
    "/..",
    "/../healthz",
    ";.css",
    "%20",
    "%09",
    "/healthz",
    "/login",
    "?x=/login",
    "?format=json",
    "#/healthz",
    "/favicon.svg",
];

const METHODS: [&str; 9] = ["GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];

/// Returns a path with one to three mutations.
fn mutated(random: &mut Random, path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..=random.below(3) {
        match random.below(7) {
            0 | 1 => {
                let at = random.below(path.len()) + 1;
                path.insert_str(at, JUNK[random.below(JUNK.len())]);
            }
            2 => path.push_str(SUFFIXES[random.below(SUFFIXES.len())]),
            3 => path = path.to_ascii_uppercase(),
            4 => path = path.replacen('/', "%2f", random.below(3) + 1).replacen("%2f", "/", 1),
            5 => path = path.replace('-', ["", "%2d", "--", "_"][random.below(4)]),
            _ => path.insert_str(
                0,
                ["/.", "/pkg/..", "/fonts/%2e%2e", "//", "/healthz/..", "/previews/x/.."][random.below(6)],
            ),
        }
    }
    if random.below(50) == 0 {
        path.push_str(&"a".repeat(5_000));
    }
    path
}

/// Sends a request with exactly this target, and returns the reply.
async fn send(base: &str, method: &str, target: &str, credentials: bool) -> tcp::Reply {
    let authorization = if credentials { format!("Authorization: Bearer {TOKEN}\r\n") } else { String::new() };
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{authorization}{body}\r\n{{}}");
    let bytes = if credentials {
        // Some replies are streams that do not end, so only the first line is read.
        tcp::first_line(base, request.as_bytes()).await.into_bytes()
    } else {
        tcp::exchange(base, request.as_bytes(), tcp::Sending::Goes).await
    };
    let whole = if credentials { [&bytes[..], b"\r\n\r\n"].concat() } else { bytes };
    tcp::parse(&whole).unwrap_or_else(|| panic!("{method} {target}: no reply"))
}

#[tokio::test]
async fn mutated_paths_and_ids_cause_no_server_error_and_skip_no_check() {
    let server = TestServer::start().await;
    let (job, artifact) = job_with_artifact(&server).await;
    let paths: Vec<String> = all_routes()
        .into_iter()
        .map(|route| route.path.replace("{id}", &job).replace("{jobId}", &job).replace("{artifact}", &artifact))
        .map(|path| path.replace("{name}", "A").replace("{permission}/{*name}", "x/y"))
        .collect();
    let mut random = Random::new("mutated_paths_and_ids");
    let mut requests = Vec::new();
    for _ in 0..REQUESTS {
        let path = &paths[random.below(paths.len())];
        let target = mutated(&mut random, path);
        let method = METHODS[random.below(METHODS.len())];
        // Do not remove the job, because later requests need it.
        let removes = method == "DELETE" && path.ends_with(&job);
        requests.push((method, target, random.below(4) == 0 && !removes));
    }
    let mut refused = 0;
    for chunk in requests.chunks(AT_ONCE) {
        let sent =
            chunk.iter().map(|(method, target, credentials)| send(&server.api.base, method, target, *credentials));
        for (reply, (method, target, credentials)) in futures_util::future::join_all(sent).await.into_iter().zip(chunk)
        {
            assert!(reply.status < 500, "{method} {target}: {reply:?}");
            if *credentials {
                continue;
            }
            let path = target.split(['?', '#']).next().unwrap_or_default();
            assert!(reply.status >= 300 || OPEN.contains(&path), "{method} {target}: {reply:?}");
            assert!(!reply.body.contains("secret output"), "{method} {target}: {reply:?}");
            refused += usize::from(reply.status >= 300);
        }
    }
    assert!(refused > REQUESTS / 2, "only {refused} requests were refused");
    assert_eq!(server.api.job(&job).await["status"], "succeeded");
}

#[tokio::test]
async fn an_artifact_is_found_only_under_its_own_job() {
    let server = TestServer::start().await;
    let (mine, my_artifact) = job_with_artifact(&server).await;
    let (other, _) = job_with_artifact(&server).await;
    for (job, status) in [(&mine, 200), (&other, 409)] {
        let reply = server.api.get(&format!("/jobs/{job}/artifacts/{my_artifact}/download")).await;
        assert_eq!(reply.status(), status);
        let preview = format!("/api/queue/jobs/{job}/artifacts/{my_artifact}/preview");
        let preview = send(&server.api.base, "GET", &preview, true).await;
        assert_eq!(preview.status, if status == 200 { 303 } else { 409 });
    }
}

#[tokio::test]
async fn invalid_arguments_of_a_server_function_are_reported_as_the_senders_mistake() {
    let server = TestServer::start().await;
    for route in all_routes().into_iter().filter(|route| route.path.starts_with("/rpc/")) {
        for (body, kind) in [
            ("{}", "application/json"),
            ("", "application/json"),
            ("[]", "application/json"),
            (r#"{"text":1,"job":7,"id":[],"offset":"x"}"#, "application/json"),
            ("offset=x&id=%00&before=x", "application/x-www-form-urlencoded"),
            ("\u{feff}", "text/plain"),
        ] {
            let request = server.api.client.post(format!("{}{}", server.api.base, route.path)).bearer_auth(TOKEN);
            let reply = request.header("content-type", kind).body(body).send().await.expect("the server answers");
            let status = reply.status();
            let text = reply.text().await.expect("the body arrives");
            assert!(status.as_u16() < 500, "{} {body:?}: {status} {text}", route.path);
        }
    }
}
