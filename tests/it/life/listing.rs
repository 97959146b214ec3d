//! The list of jobs is sorted from newest to oldest, split into pages, and filtered.

use serde_json::{Value, json};

use crate::harness::{Api, TestServer};

/// Returns the titles of the jobs that match a query.
async fn titles(api: &Api, query: &str) -> Vec<String> {
    let page = api.json(&format!("/jobs{query}")).await;
    let items = page["items"].as_array().expect("a page has items");
    items.iter().map(|job| job["title"].as_str().expect("a job has a title").to_owned()).collect()
}

async fn submit(api: &Api, kind: &str, title: &str) -> String {
    api.submit_job(json!({"type": kind, "payload": {"title": title}})).await
}

#[tokio::test]
async fn jobs_are_listed_newest_first_page_by_page() {
    let server = TestServer::start().await;
    for number in 0..7 {
        submit(&server.api, "elsewhere", &format!("job {number}")).await;
    }
    let all: Vec<String> = (0..7).rev().map(|number| format!("job {number}")).collect();
    assert_eq!(titles(&server.api, "").await, all);
    let mut paged = Vec::new();
    for (offset, count, has_more) in [(0, 3, true), (3, 3, true), (6, 1, false), (9, 0, false)] {
        let query = format!("?limit=3&offset={offset}");
        let page = server.api.json(&format!("/jobs{query}")).await;
        assert_eq!((&page["offset"], &page["limit"], &page["hasMore"]), (&json!(offset), &json!(3), &json!(has_more)));
        assert_eq!(page["items"].as_array().map(Vec::len), Some(count));
        paged.extend(titles(&server.api, &query).await);
    }
    assert_eq!(paged, all);
    let exactly = server.api.json("/jobs?limit=7").await;
    assert_eq!(exactly["hasMore"], false, "there is no empty last page");
}

#[tokio::test]
async fn jobs_are_found_by_status_type_and_text() {
    let server = TestServer::start().await;
    let api = &server.api;
    submit(api, "elsewhere", "Nightly build").await;
    let second = submit(api, "other", "Weekly build").await;
    let cancelled = submit(api, "other", "gone").await;
    assert_eq!(api.post(&format!("/jobs/{cancelled}/cancel"), &json!({})).await.status(), 200);
    let run = api.submit(json!({"title": "Compile", "steps": [{"run": "true"}, {"run": ": zebra"}]})).await;
    assert_eq!(api.ended(&run).await["status"], "succeeded");
    let table: [(&str, &[&str]); 11] = [
        ("?status=queued", &["Weekly build", "Nightly build"]),
        ("?status=cancelled,succeeded", &["Compile", "gone"]),
        ("?status=dead_letter", &[]),
        ("?type=other", &["gone", "Weekly build"]),
        ("?type=other&status=queued", &["Weekly build"]),
        ("?type=Other", &[]),
        ("?q=BUILD", &["Weekly build", "Nightly build"]),
        ("?q=zebra", &["Compile"]),
        ("?q=Nightly%20build&type=other", &[]),
        ("?q=", &["Compile", "gone", "Weekly build", "Nightly build"]),
        ("?q=nowhere", &[]),
    ];
    for (query, expected) in table {
        assert_eq!(titles(api, query).await, expected, "{query}");
    }
    for part in [second.as_str(), &second[..23], &second.to_ascii_uppercase()] {
        assert!(titles(api, &format!("?q={part}")).await.contains(&"Weekly build".to_owned()), "{part}");
    }
}

#[tokio::test]
async fn search_text_is_matched_literally() {
    let server = TestServer::start().await;
    for title in ["100% done", "100 percent", "snake_case", "snakeXcase", "back\\slash", "quo'te"] {
        submit(&server.api, "elsewhere", title).await;
    }
    for (text, expected) in [
        ("100%25", "100% done"),
        ("0%25%20", "100% done"),
        ("snake_", "snake_case"),
        ("e_c", "snake_case"),
        ("k%5Cs", "back\\slash"),
        ("quo'", "quo'te"),
    ] {
        assert_eq!(titles(&server.api, &format!("?q={text}")).await, [expected], "{text}");
    }
    assert!(titles(&server.api, "?q=%25%25").await.is_empty());
    assert!(titles(&server.api, "?q=%22'%3B--").await.is_empty());
}

#[tokio::test]
async fn a_summary_contains_everything_except_the_payload() {
    let server = TestServer::start().await;
    let (id, job) = server.api.run("echo hello").await;
    let item = async |query: &str| server.api.json(&format!("/jobs{query}")).await["items"][0].clone();
    let mut expected = job.clone();
    assert_eq!(item("?summary=false").await, expected);
    expected["payload"] = Value::Null;
    assert_eq!(item("?summary=true").await, expected);
    assert_eq!(item("?summary=true").await["id"], id.as_str());
}

#[tokio::test]
async fn jobs_are_found_by_user_and_time_of_submission() {
    let server = TestServer::start().await;
    let api = &server.api;
    submit(api, "elsewhere", "first").await;
    let second = submit(api, "elsewhere", "second").await;
    submit(api, "elsewhere", "third").await;
    let at = api.job(&second).await["createdAt"].as_str().expect("a time").to_owned();
    let table: [(String, &[&str]); 7] = [
        ("?user=admin".into(), &["third", "second", "first"]),
        ("?user=adm".into(), &[]),
        (format!("?createdAfter={at}"), &["third", "second"]),
        (format!("?createdBefore={at}"), &["first"]),
        (format!("?createdAfter={at}&createdBefore={at}"), &[]),
        ("?createdAfter=2999-01-01T00:00:00Z".into(), &[]),
        (format!("?user=admin&createdAfter={at}&q=third&status=queued"), &["third"]),
    ];
    for (query, expected) in table {
        assert_eq!(titles(api, &query).await, expected, "{query}");
    }
    for query in ["?createdAfter=yesterday", "?createdBefore=12", "?counts=1"] {
        assert_eq!(api.get(&format!("/jobs{query}")).await.status(), 422, "{query}");
    }
}

#[tokio::test]
async fn jobs_are_counted_by_status_under_the_other_conditions() {
    let server = TestServer::start().await;
    let api = &server.api;
    assert_eq!(api.json("/jobs").await["counts"], Value::Null, "counts were not requested");
    for number in 0..3 {
        submit(api, "elsewhere", &format!("queued {number}")).await;
    }
    let cancelled = submit(api, "other", "queued once").await;
    assert_eq!(api.post(&format!("/jobs/{cancelled}/cancel"), &json!({})).await.status(), 200);
    for command in ["true", "exit 1", "exit 2"] {
        api.run(command).await;
    }
    let counts = |queued, succeeded, failed, cancelled| json!({"queued": queued, "running": 0, "succeeded": succeeded, "failed": failed, "cancelled": cancelled, "deadLetter": 0});
    for (query, expected) in [
        ("", counts(3, 1, 2, 1)),
        ("&status=failed", counts(3, 1, 2, 1)),
        ("&limit=1", counts(3, 1, 2, 1)),
        ("&type=other", counts(0, 0, 0, 1)),
        ("&q=queued", counts(3, 0, 0, 1)),
        ("&q=exit&user=admin", counts(0, 0, 2, 0)),
        ("&createdAfter=2999-01-01T00:00:00Z", counts(0, 0, 0, 0)),
    ] {
        assert_eq!(api.json(&format!("/jobs?counts=true{query}")).await["counts"], expected, "{query}");
    }
}
