//! The pages work without JavaScript. The server sends complete pages, and forms and links replace the scripts.

mod editing;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::json;

use crate::harness::gate::Gate;
use crate::harness::{TOKEN, TestServer};

/// A logged-in browser without JavaScript.
struct Browser {
    client: Client,
    base: String,
    cookie: String,
}

impl Browser {
    async fn logged_in(server: &TestServer) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        let base = server.api.base.clone();
        let login = client.post(format!("{base}/login")).header("content-type", FORM).body(format!("token={TOKEN}"));
        let reply = login.send().await.expect("the server answers");
        let cookie = header(&reply, "set-cookie").split(';').next().unwrap_or_default().to_owned();
        Self { client, base, cookie }
    }

    /// Submits the job form with these fields.
    async fn send_job(&self, fields: &[(&str, &str)]) -> Response {
        let mut url = reqwest::Url::parse("http://here").expect("a URL");
        url.query_pairs_mut().extend_pairs(fields);
        self.post("/tasks/queue/new", "/tasks/queue/new", url.query().unwrap_or_default()).await
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        request.send().await.expect("the server answers")
    }

    async fn html(&self, path: &str) -> String {
        let reply = self.get(path).await;
        assert_eq!(reply.status(), 200, "{path}");
        reply.text().await.expect("the body arrives")
    }

    /// Submits a form from the page at the path `from` to the path `action`.
    async fn post(&self, from: &str, action: &str, form: &str) -> Response {
        let request = self.client.post(format!("{}{action}", self.base)).header("cookie", &self.cookie);
        let request = request.header("origin", &self.base).header("referer", format!("{}{from}", self.base));
        let request = request.header("accept", "text/html,application/xhtml+xml").header("content-type", FORM);
        request.body(form.to_owned()).send().await.expect("the server answers")
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn header<'a>(reply: &'a Response, name: &str) -> &'a str {
    reply.headers().get(name).map(|value| value.to_str().expect("ASCII")).unwrap_or_default()
}

/// Returns the visible text of a page, without tags and scripts.
fn text_of(html: &str) -> String {
    let body = html.split_once("<body").map_or(html, |(_, body)| body);
    let (mut text, mut rest) = (String::new(), body);
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let element = after.split_once('>').map_or("", |(element, _)| element);
        let closing = if element.starts_with("script") { "</script>" } else { ">" };
        rest = after.split_once(closing).map_or("", |(_, rest)| rest);
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[tokio::test]
async fn the_page_of_a_job_shows_its_state_its_steps_and_its_last_500_lines_with_colours() {
    let server = TestServer::start().await;
    let run =
        "i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo line-$i; done; printf '\\033[31mred <b>\\033[0m\\n'; exit 3";
    let payload = json!({"title": "Nightly", "steps": [{"name": "Build it", "run": run}]});
    let id = server.api.submit(payload).await;
    server.api.ended(&id).await;
    let browser = Browser::logged_in(&server).await;
    let html = browser.html(&format!("/tasks/queue/{id}")).await;
    let text = text_of(&html);
    for shown in ["Nightly", "Failed", "Build it", "exit 3", "line-600", "line-200", "red <b>", "601 lines"] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!html.contains("red <b>"), "output is escaped");
    let is_coloured = |at: usize| html[..at].rsplit_once('<').is_some_and(|(_, tag)| tag.starts_with("span class="));
    assert!(html.match_indices("red &lt;b").any(|(at, _)| is_coloured(at)), "colours are classes of elements");
    let links = html.split('"').filter(|text| text.starts_with("/api/queue/")).collect::<Vec<_>>();
    assert!(links.contains(&format!("/api/queue/jobs/{id}/log").as_str()), "{links:?}");
    assert!(links.iter().any(|link| link.ends_with("/download")), "{links:?}");
    assert!(!text.contains("Reload every"), "a finished job's page offers no reload");
}

#[tokio::test]
async fn the_page_of_a_running_job_reloads_on_request_until_the_job_has_finished() {
    let (server, gate) = (TestServer::start().await, Gate::new());
    let id = server.api.submit(json!({"run": format!("echo so far; {}", gate.wait())})).await;
    let has_begun = |events: &[serde_json::Value]| events.iter().any(|event| event["message"] == "so far\n");
    server.api.events_when(&id, "contain its first line", has_begun).await;
    let browser = Browser::logged_in(&server).await;
    let (page, reloading) = (format!("/tasks/queue/{id}"), format!("/tasks/queue/{id}?reload=1"));
    let html = browser.html(&page).await;
    assert!(text_of(&html).contains("so far") && text_of(&html).contains("Running"), "{html}");
    assert!(html.contains(&format!("\"{reloading}\"")), "a link turns reloading on: {html}");
    assert_eq!(header(&browser.get(&page).await, "refresh"), "", "the page does not reload by default");
    assert_eq!(header(&browser.get(&reloading).await, "refresh"), "5");
    gate.open();
    server.api.ended(&id).await;
    assert_eq!(header(&browser.get(&reloading).await, "refresh"), "");
}

#[tokio::test]
async fn a_job_is_submitted_cancelled_and_resubmitted_with_forms() {
    let server = TestServer::start().await;
    let browser = Browser::logged_in(&server).await;
    let form = browser.html("/tasks/queue/new").await;
    for name in ["run", "title", "workingDirectory", "shell", "terminal", "timeoutSeconds", "maxAttempts", "priority"] {
        assert!(form.contains(&format!("name=\"{name}\"")), "{name} in {form}");
    }
    let body = "title=By+form&run=echo+begun%0D%0Asleep+600&workingDirectory=%2Ftmp&shell=&timeoutSeconds=&maxAttempts=2&priority=-1";
    let reply = browser.post("/tasks/queue/new", "/tasks/queue/new", body).await;
    assert_eq!(reply.status(), 303, "{}", header(&reply, "location"));
    let page = header(&reply, "location").to_owned();
    let id = page.strip_prefix("/tasks/queue/").expect("the redirect leads to the job");
    let job = server.api.job_when(id, "runs", |job| job["status"] == "running").await;
    assert_eq!((&job["priority"], &job["maxAttempts"]), (&json!(-1), &json!(2)));
    assert_eq!(job["payload"], json!({"title": "By form", "run": "echo begun\nsleep 600", "workingDirectory": "/tmp"}));

    let reply = browser.post(&page, "/rpc/cancel_job", &format!("id={id}")).await;
    assert_eq!(reply.status(), 302);
    // Leptos may append an empty query string.
    assert_eq!(header(&reply, "location").trim_end_matches('?'), format!("{}{page}", server.api.base));
    assert_eq!(server.api.ended(id).await["status"], "cancelled");
    let reply = browser.post(&page, "/rpc/resubmit_job", &format!("id={id}")).await;
    assert_eq!(reply.status(), 302);
    let again =
        header(&reply, "location").strip_prefix("/tasks/queue/").expect("the redirect leads to the new job").to_owned();
    assert_eq!(server.api.job(&again).await["resubmittedFrom"], id);
    server.api.post(&format!("/jobs/{again}/cancel"), &json!({})).await;
}

#[tokio::test]
async fn an_invalid_form_is_refused_with_an_explanation() {
    let server = TestServer::start().await;
    let browser = Browser::logged_in(&server).await;
    for (body, says) in [
        ("run=", "run"),
        ("run=true&maxAttempts=many", "maxAttempts"),
        ("title=x", "form"),
        ("run=a&x=1", "form"),
        ("run=a&title=b&title=c", "form"),
    ] {
        let reply = browser.post("/tasks/queue/new", "/tasks/queue/new", body).await;
        assert_eq!(reply.status(), 422, "{body}");
        let text = reply.text().await.expect("the body arrives");
        assert!(text.contains("invalid_queue_payload") && text.contains(says), "{body}: {text}");
    }
    assert_eq!(server.api.json("/jobs").await["items"], json!([]));
}

#[tokio::test]
async fn the_job_list_is_searched_with_a_form_and_paged_with_links() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 1).await;
    for number in 0..55 {
        server.api.submit_job(json!({"type": "elsewhere", "payload": {"title": format!("job-{number}-")}})).await;
    }
    let browser = Browser::logged_in(&server).await;
    let first = browser.html("/tasks/queue").await;
    let shows = |html: &str, number: usize| text_of(html).contains(&format!("job-{number}-"));
    assert!(shows(&first, 54) && shows(&first, 5) && !shows(&first, 4));
    assert!(first.contains("\"/tasks/queue?offset=50\""), "a link leads to the rest: {first}");
    let second = browser.html("/tasks/queue?offset=50").await;
    assert!(shows(&second, 4) && shows(&second, 0) && !shows(&second, 5));
    let found = browser.html("/tasks/queue?status=&q=job-7-").await;
    assert!(shows(&found, 7) && !shows(&found, 54));
}
