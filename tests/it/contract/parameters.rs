//! Each route reads exactly the query parameters that `/api/openapi.json` describes.
//!
//! A route refuses parameters that it does not know, and lists all of them in its error. This test therefore sends all
//! names that occur in the source files of the routes, each without a value, and infers from the error which ones the
//! route knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{TOKEN, TestServer};

/// Parameters that streams read only to refuse them with a specific message.
const REFUSED: [&str; 2] = ["before", "beforeEventId"];

/// Returns those string literals in the source files of the routes that could be names of parameters.
fn candidates() -> BTreeSet<String> {
    let mut folders = vec![PathBuf::from("src/server/http")];
    let mut names = BTreeSet::from(["unknownParameter".to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("tests run in the package's folder") {
            let path = entry.expect("reading succeeds").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(path).expect("the file is text");
            let is_name = |text: &&str| {
                text.len() < 20
                    && text.starts_with(|first: char| first.is_ascii_lowercase())
                    && text.chars().all(|letter| letter.is_ascii_alphanumeric())
            };
            names.extend(source.split('"').filter(is_name).map(str::to_owned));
        }
    }
    names
}

/// Returns the names that an error message lists as unknown parameters.
fn refused(message: &str) -> BTreeSet<String> {
    let one = message.strip_suffix(" is not a parameter of this path");
    let names = one.or_else(|| message.strip_suffix(" are not parameters of this path")).unwrap_or_default();
    names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_parameter_that_a_route_reads_is_described_and_no_other() {
    let server = TestServer::start().await;
    let (done, _) = server.api.run("echo out").await;
    let get = |path: String| server.api.client.get(format!("{}{path}", server.api.base)).bearer_auth(TOKEN);
    let document = get("/api/openapi.json".to_owned()).send().await.expect("the server answers");
    let document: Value = document.json().await.expect("the body is JSON");
    let (candidates, mut checked) = (candidates(), 0);
    assert!(candidates.contains("continuations") && candidates.len() < 600, "{} names", candidates.len());
    for (path, item) in document["paths"].as_object().expect("an object") {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        let described: BTreeSet<String> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
            .collect();
        let refuses = item["get"]["responses"]["422"]["description"].as_str().unwrap_or_default();
        if !refuses.contains("invalid_query") {
            assert!(described.is_empty(), "{path} has parameters, but accepts any query");
            continue;
        }
        let (mut known, mut all) = (BTreeSet::new(), candidates.iter().cloned().collect::<Vec<_>>());
        // A search without `q` is refused before its other parameters are checked.
        let given = if path.ends_with("/search") { "q=out" } else { "" };
        if !given.is_empty() {
            known.insert("q".to_owned());
            all.retain(|name| name != "q");
        }
        // The length of a URL is limited, so the names are sent in several requests.
        for names in all.chunks(100) {
            let query: String = names.iter().map(|name| format!("&{name}=")).collect();
            let reply = get(format!("{}?{given}{query}", path.replace("{id}", &done))).send().await;
            let reply = reply.expect("the server answers");
            let message = if reply.status() == 422 { reply.json().await.unwrap_or_default() } else { Value::Null };
            let unknown = refused(message["detail"]["message"].as_str().unwrap_or_default());
            known.extend(names.iter().filter(|name| !unknown.contains(*name)).cloned());
        }
        if path.ends_with("/events/stream") {
            known.retain(|name| !REFUSED.contains(&name.as_str()));
        }
        assert_eq!(known, described, "{path}");
        checked += 1;
    }
    assert!(checked > 15, "only {checked} routes have parameters");
}
