//! If a program redraws lines, `/lines` returns what a terminal shows, and a search finds what was printed.

use serde_json::{Value, json};

use crate::harness::TestServer;

/// Prints a progress display of two lines, which is redrawn once.
const DISPLAY: &str = "printf 'pulling\\nlayer 1: wait\\nlayer 2: error: no\\n\\033[2A\\033[2K\\033[32mlayer 1: done\\033[0m\\n\
                       \\033[2Klayer 2: done\\nfinished\\n'";

/// Returns the given members of each item.
fn members(page: &Value, names: &[&str]) -> Value {
    let items = page["items"].as_array().expect("a page has items");
    items.iter().map(|item| names.iter().map(|name| item[name].clone()).collect::<Value>()).collect()
}

#[tokio::test]
async fn a_line_shows_what_later_lines_have_drawn_on_its_rows() {
    let server = TestServer::start().await;
    let id = server.api.submit(json!({"run": DISPLAY})).await;
    server.api.ended(&id).await;
    let page = server.api.json(&format!("/jobs/{id}/lines")).await;
    let expected = json!([
        [1, "pulling", null, null, "info"],
        [2, "\u{1b}[m\u{1b}[32mlayer 1: done\u{1b}[0m", "layer 1: wait", null, "info"],
        [3, "\u{1b}[mlayer 2: done", "layer 2: error: no", null, "info"],
        [4, "", "\u{1b}[32mlayer 1: done\u{1b}[0m", 2, "info"],
        [5, "", "layer 2: done", 3, "info"],
        [6, "finished", null, null, "info"],
    ]);
    assert_eq!(members(&page, &["line", "text", "printed", "drawnOn", "level"]), expected);
    let page = server.api.json(&format!("/jobs/{id}/lines?from=3&count=1")).await;
    assert_eq!(members(&page, &["line", "text"]), json!([[3, "\u{1b}[mlayer 2: done"]]));
    let page = server.api.json(&format!("/jobs/{id}/lines?raw=true&from=4&count=2")).await;
    let expected = json!([[4, "\u{1b}[2A\u{1b}[2K\u{1b}[32mlayer 1: done\u{1b}[0m"], [5, "\u{1b}[2Klayer 2: done"]]);
    assert_eq!(members(&page, &["line", "text"]), expected);
    let page = server.api.json(&format!("/jobs/{id}/lines?raw=true&from=3&count=1")).await;
    assert_eq!(members(&page, &["text", "printed", "level"]), json!([["layer 2: error: no", null, "error"]]));
}

#[tokio::test]
async fn a_search_finds_lines_as_they_were_printed() {
    let server = TestServer::start().await;
    let id = server.api.submit(json!({"run": DISPLAY})).await;
    server.api.ended(&id).await;
    let found = async |query: &str| {
        let page = server.api.json(&format!("/jobs/{id}/log/search?{query}")).await;
        members(&page, &["line", "text", "ranges"])
    };
    assert_eq!(found("q=wait").await, json!([[2, "layer 1: wait", [[9, 13]]]]));
    assert_eq!(found("q=2:%20done").await, json!([[5, "layer 2: done", [[6, 13]]]]));
    assert_eq!(found("level=error").await, json!([[3, "layer 2: error: no", []]]));
    let redrawn = found("stream=stdout").await;
    assert_eq!((&redrawn[2][1], &redrawn[3][1]), (&json!("\u{1b}[mlayer 2: done"), &json!("")));
}

#[tokio::test]
async fn the_cursor_reaches_as_many_rows_as_the_terminal_has_lines() {
    let server = TestServer::start().await;
    let run = "seq 60; printf '\\033[99A\\rX\\n'";
    for (payload, line) in [
        (json!({"run": run}), 22),
        (json!({"run": run, "terminal": true}), 22),
        (json!({"run": run, "terminal": true, "env": {"LINES": "10"}}), 52),
        (json!({"run": run, "terminal": true, "env": {"LINES": "50"}}), 12),
        (json!({"run": run, "env": {"LINES": "10"}}), 22),
    ] {
        let id = server.api.submit(payload.clone()).await;
        server.api.ended(&id).await;
        let page = server.api.json(&format!("/jobs/{id}/lines")).await;
        let items = page["items"].as_array().expect("a page has items");
        let redrawn: Vec<&Value> = items
            .iter()
            .filter(|item| item["printed"].as_str() == Some(&*item["line"].to_string()))
            .map(|item| &item["line"])
            .collect();
        assert_eq!(json!(redrawn), json!([line]), "{payload}");
    }
}
