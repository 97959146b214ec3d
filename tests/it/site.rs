//! The static files of the pages are served compressed, with headers that permit browsers to cache them.

use std::fs;
use std::path::Path;

use reqwest::{Client, Response};
use tempfile::TempDir;

use crate::harness::process::Process;
use crate::harness::{TOKEN, TestServer, tcp};

/// The files of a release. Each has its plain name, its name with an invented hash, and its content. As in a real
/// build, `names.toml` omits the first file, whose name contains no hash.
const FILES: [(&str, &str, &str); 8] = [
    ("favicon.svg", "favicon.svg", "<svg>icon</svg>"),
    ("icons.svg", "icons.01.svg", "<svg>icons</svg>"),
    ("pkg/tailwater.css", "pkg/tailwater.23.css", "body { color: red }"),
    ("pkg/tailwater.js", "pkg/tailwater.45.js", "export default 1"),
    ("pkg/tailwater_bg.wasm", "pkg/tailwater_bg.67.wasm", "\0asm"),
    ("pkg/split_form.wasm", "pkg/split_form.ab.wasm", "\0asm of the form"),
    ("pkg/chunk_2.wasm", "pkg/chunk_2.cd.wasm", "\0asm of several pages"),
    ("fonts/inter-latin.woff2", "fonts/inter-latin.89.woff2", "wOF2"),
];

/// Creates a directory with these files and their compressed versions.
fn site() -> TempDir {
    let site = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = site.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be written");
        fs::write(path, text).expect("the folder can be written");
    };
    let mut names = String::new();
    for (plain, name, text) in FILES {
        write(name, text);
        if plain != name {
            names.extend([format!("{plain:?} = {name:?}\n")]);
        }
        if !name.ends_with("woff2") {
            write(&format!("{name}.br"), &format!("br of {text}"));
            write(&format!("{name}.gz"), &format!("gz of {text}"));
        }
    }
    write("names.toml", &names);
    write("modules.toml", "form = [\"pkg/chunk_2.wasm\", \"pkg/split_form.wasm\"]\n");
    site
}

/// Starts a server that serves the site of [`FILES`] from a directory. `end2end/tests/release.spec.ts` covers the site
/// that is embedded in a release.
async fn serving() -> (TempDir, TestServer) {
    let site = site();
    let root = site.path().to_owned();
    (site, TestServer::start_with(|config| config.site_root = Some(root)).await)
}

/// Requests a path without a session.
async fn get(base: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let mut request = client.get(format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("the server answers")
}

fn header<'a>(reply: &'a Response, name: &str) -> &'a str {
    reply.headers().get(name).map(|value| value.to_str().expect("ASCII")).unwrap_or_default()
}

/// Returns the paths of the files in [`FILES`] that a page refers to, in `href` attributes and in its script.
fn named_in(html: &str) -> Vec<String> {
    let quoted = html.split('"').map(str::to_owned);
    quoted.filter(|text| FILES.iter().any(|(_, name, _)| *text == format!("/{name}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_refers_to_each_file_by_its_hashed_name() {
    let (_site, server) = serving().await;
    let token = format!("Bearer {TOKEN}");
    let html = get(&server.api.base, "/tasks/queue/new", &[("authorization", &token)])
        .await
        .text()
        .await
        .expect("the body arrives");
    let named = named_in(&html);
    for (plain, name, text) in FILES {
        assert!(named.contains(&format!("/{name}")), "the page names {name}: {html}");
        assert!(plain == name || !html.contains(&format!("/{plain}")), "the page names {plain}: {html}");
        let reply = get(&server.api.base, &format!("/{name}"), &[("authorization", &format!("Bearer {TOKEN}"))]).await;
        assert_eq!(reply.status(), 200, "{name}");
        assert_eq!(
            header(&reply, "content-encoding"),
            "",
            "a client without Accept-Encoding gets the file uncompressed"
        );
        assert_eq!(reply.text().await.expect("the body arrives"), text, "{name}");
    }
    for (name, kind) in [
        ("pkg/tailwater.23.css", "text/css; charset=utf-8"),
        ("pkg/tailwater.45.js", "text/javascript; charset=utf-8"),
        ("pkg/tailwater_bg.67.wasm", "application/wasm"),
        ("fonts/inter-latin.89.woff2", "font/woff2"),
        ("favicon.svg", "image/svg+xml"),
    ] {
        let reply = get(&server.api.base, &format!("/{name}"), &[]).await;
        assert_eq!((reply.status().as_u16(), header(&reply, "content-type")), (200, kind), "{name} without a session");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_names_only_the_modules_that_it_needs() {
    let (_site, server) = serving().await;
    let html = get(&server.api.base, "/login", &[]).await.text().await.expect("the body arrives");
    let is_module = |name: &String| Path::new(name).extension().is_some_and(|extension| extension == "wasm");
    let modules: Vec<String> = named_in(&html).into_iter().filter(is_module).collect();
    assert!(!modules.is_empty() && modules.iter().all(|name| name == "/pkg/tailwater_bg.67.wasm"), "{modules:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_sent_in_the_smallest_accepted_encoding_and_is_cached() {
    let (_site, server) = serving().await;
    let base = &server.api.base;
    let path = "/pkg/tailwater.45.js";
    for (accepts, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "br of export default 1"),
        ("gzip", "gzip", "gz of export default 1"),
        ("br;q=0, gzip", "gzip", "gz of export default 1"),
        ("identity", "", "export default 1"),
    ] {
        let reply = get(base, path, &[("accept-encoding", accepts)]).await;
        assert_eq!(header(&reply, "content-encoding"), encoding, "{accepts}");
        assert_eq!(header(&reply, "vary"), "accept-encoding");
        assert_eq!(header(&reply, "cache-control"), "public, max-age=31536000, immutable");
        let tag = header(&reply, "etag").to_owned();
        assert_eq!(reply.text().await.expect("the body arrives"), body);
        let again = get(base, path, &[("accept-encoding", accepts), ("if-none-match", &tag)]).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()));
        let other = get(base, path, &[("accept-encoding", accepts), ("if-none-match", "\"0-br\"")]).await;
        assert_eq!(other.status(), 200);
    }
    let icon = get(base, "/favicon.svg", &[]).await;
    assert_eq!(header(&icon, "cache-control"), "no-cache", "the same name may have other content later");
    let head = Client::new().head(format!("{base}{path}")).send().await.expect("the server answers");
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, "16"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_path_serves_a_file() {
    let (_site, server) = serving().await;
    for target in [
        "/names.toml",
        "/modules.toml",
        "/icons.01.svg",
        "/pkg/../names.toml",
        "/pkg/%2e%2e/names.toml",
        "/pkg//tailwater.45.js",
    ] {
        assert!(matches!(tcp::get(&server.api.base, target, "").await.status, 303 | 401), "{target}");
    }
    for target in ["/pkg/tailwater.js", "/pkg/tailwater.45.jsx", "/fonts/inter"] {
        assert_eq!(tcp::get(&server.api.base, target, "").await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_in_the_list_of_names_is_revalidated_each_time() {
    let (site, server) = serving().await;
    fs::write(site.path().join("pkg/plain.js"), "1").expect("the folder can be written");
    let plain = get(&server.api.base, "/pkg/plain.js", &[]).await;
    assert_eq!((plain.status().as_u16(), header(&plain, "cache-control")), (200, "no-cache"));
    let seen = header(&plain, "etag").to_owned();
    let again = get(&server.api.base, "/pkg/plain.js", &[("if-none-match", &seen)]).await;
    assert_eq!(again.status(), 304);
    fs::write(site.path().join("pkg/plain.js"), "2").expect("the folder can be written");
    let changed = get(&server.api.base, "/pkg/plain.js", &[("if-none-match", &seen)]).await;
    assert_eq!(changed.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_its_site_logs_what_to_do_and_still_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Process::start_by(folder.path(), |mut program| {
        program.current_dir(folder.path());
        program
    });
    assert_eq!(get(&server.api.base, "/login", &[]).await.status(), 200);
    assert_eq!(get(&server.api.base, "/pkg/tailwater.js", &[]).await.status(), 404);
    let (_, job) = server.api.run("true").await;
    assert_eq!(job["status"], "succeeded");
    let log = fs::read_to_string(folder.path().join("server.log")).expect("the file exists");
    assert!(log.contains("make build") && log.contains("--site-root"), "{log}");
}
