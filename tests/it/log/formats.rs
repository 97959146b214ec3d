//! Tests of events in the formats NDJSON and plain text, for programs that read line by line.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::TestServer;

async fn get(server: &TestServer, id: &str, query: &str, accept: &str) -> Response {
    let request = server.api.request(Method::GET, &format!("/jobs/{id}/events?{query}"));
    let reply = request.header("accept", accept).send().await.expect("the server answers");
    assert_eq!(reply.status(), 200);
    reply
}

#[tokio::test]
async fn ndjson_has_the_same_items_one_per_line_and_its_headers_give_the_cursors() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("for i in 1 2 3; do echo line $i; echo '\"quoted\"' >&2; sleep 0.02; done").await;
    let items = server.api.raw_items(&id, "", 500).await;
    let (mut lines, mut after) = (Vec::new(), 0);
    loop {
        let reply = get(&server, &id, &format!("limit=3&after={after}"), "application/x-ndjson").await;
        assert_eq!(reply.headers()["content-type"], "application/x-ndjson");
        let header = |name: &str| reply.headers()[name].to_str().expect("the header is ASCII").to_owned();
        after = header("x-next-after").parse().expect("a seq");
        let (more, last) = (header("x-has-more"), header("x-last-seq"));
        assert_eq!((header("x-terminal"), header("x-next-before").is_empty()), ("true".to_owned(), false));
        let text = reply.text().await.expect("the body arrives");
        assert!(text.ends_with('\n'));
        lines.extend(text.lines().map(str::to_owned));
        if more == "false" {
            assert_eq!(last, after.to_string());
            break;
        }
    }
    assert_eq!(lines, items, "the same bytes as the items of the object");
    assert!(lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[tokio::test]
async fn plain_text_contains_log_messages_and_any_other_accept_header_gets_json() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("printf 'one\\ntwo'").await;
    let reply = get(&server, &id, "", "text/plain").await;
    assert_eq!(reply.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(reply.text().await.expect("the body arrives"), "one\ntwo");
    for accept in ["application/json", "image/png", "*/*"] {
        let reply = get(&server, &id, "limit=1", accept).await;
        assert_eq!(reply.headers()["content-type"], "application/json");
        let page: Value = reply.json().await.expect("the text is JSON");
        assert_eq!(page["items"][0]["seq"], json!(1));
    }
}

#[tokio::test]
async fn a_link_can_name_the_format() {
    let server = TestServer::start().await;
    let (id, _) = server.api.run("printf 'one\\ntwo\\n'").await;
    for (query, content_type, body) in [
        ("events?format=text", "text/plain; charset=utf-8", "one\ntwo\n"),
        ("log/search?q=two&format=text", "text/plain; charset=utf-8", "two\n"),
    ] {
        // A browser sends this `Accept` header when it follows a link.
        let request = server.api.request(Method::GET, &format!("/jobs/{id}/{query}"));
        let reply = request.header("accept", "text/html,*/*;q=0.8").send().await.expect("the server answers");
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["content-type"]),
            (200, &content_type.parse().expect("a header"))
        );
        assert_eq!(reply.text().await.expect("the body arrives"), body);
    }
    let reply = server.api.request(Method::GET, &format!("/jobs/{id}/events?format=xml")).send().await;
    let reply = reply.expect("the server answers");
    assert_eq!(reply.status(), 422);
    assert!(reply.text().await.expect("the body arrives").contains("format"), "the error names the parameter");
}
