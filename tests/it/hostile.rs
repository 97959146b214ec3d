//! Every page displays hostile text from users and commands as plain text.

mod html;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::people::Proof;
use crate::harness::workers::RemoteWorker;
use crate::harness::{TOKEN, TestServer};
use html::{MARK, Page};

/// Strings that close the surrounding element, attribute, string or comment, or that open a new one. Each contains
/// [`MARK`].
const TEXTS: [&str; 36] = [
    "</title><meta http-equiv=refresh content=\"0;url=https://zq9hostile.example\">",
    "echo '<title>zq9hostile'",
    "echo '</title>zq9hostile'",
    "</TITLE ><script>zq9hostile()</script>",
    "<script>zq9hostile()</script>",
    "</script><script>zq9hostile()</script>",
    "<!--<script>zq9hostile",
    "--><img src=zq9hostile onerror=zq9hostile()>",
    "<!-- zq9hostile",
    "--!> zq9hostile",
    "]]>zq9hostile",
    "<![CDATA[zq9hostile",
    "\" onmouseover=\"zq9hostile()",
    "' onmouseover='zq9hostile()",
    "\"><svg/onload=zq9hostile()>",
    "x zq9hostile=1 y",
    "`zq9hostile`",
    "&lt;zq9hostile&gt;",
    "&amp;lt;zq9hostile",
    "&#60;zq9hostile&#62;",
    "&zq9hostile;",
    "</textarea><zq9hostile>",
    "</style><zq9hostile>",
    "</noscript><zq9hostile>",
    "</head><body zq9hostile>",
    "<!--HEAD-->zq9hostile",
    "<base href=//zq9hostile.example>",
    "<iframe srcdoc='<zq9hostile>'>",
    "zq9hostile\u{2028}zq9hostile\u{2029}zq9hostile",
    "\\u003c/script>zq9hostile",
    "zq9hostile\\",
    "\\\";zq9hostile();//",
    "${zq9hostile}{{zq9hostile}}",
    "javascript:zq9hostile()",
    "\u{feff}\u{202e}zq9hostile\u{fffe}",
    "?zq9hostile=<zq9hostile>&zq9hostile#zq9hostile%3Czq9hostile%3E",
];

/// The id of a job, and its title as the API returns it.
type Made = (String, String);

async fn made(server: &TestServer, id: String) -> Made {
    let job = server.api.ended(&id).await;
    (id, job["title"].as_str().expect("a job has a title").to_owned())
}

/// Submits jobs that together contain `text` in every field, and waits until the jobs have finished.
async fn jobs_with(server: &TestServer, text: &str) -> Vec<Made> {
    let file = text.replace('/', "\u{2215}");
    let prints = "printf '%s\\n' \"$TEXT\"; printf '\\033[31m%s\\033[0m\\033]8;;%s\\033\\\\%s\\n' \"$TEXT\" \"$TEXT\" \"$TEXT\" >&2; \
                  : > \"$FILE\"; exit 3";
    let commands = [
        json!({"title": text, "env": {"TEXT": text, "FILE": file}, "artifacts": ["*"],
               "steps": [{"name": text, "run": format!("{prints} # {text}")}]}),
        json!({"run": text}),
        json!({"title": "t", "steps": [{"run": "true", "shell": text}]}),
        json!({"title": "t", "steps": [{"run": "true", "workingDirectory": format!("./{text}")}]}),
    ];
    let mut ids = Vec::new();
    for payload in commands {
        ids.push(server.api.submit(payload).await);
    }
    let other = json!({"type": text, "affinityKey": text, "payload": {"title": text, "steps": [{"name": text, "run": text}], text: [text]}});
    let other = server.api.submit_job(other).await;
    let reply = server.api.post(&format!("/jobs/{other}/cancel"), &json!({"reason": text})).await;
    assert_eq!(reply.status(), 200);
    ids.push(other);
    let mut jobs = Vec::new();
    for id in ids {
        jobs.push(made(server, id).await);
    }
    jobs
}

/// Loads a page. Checks that the hostile text does not occur in the headers, and that it occurs in the HTML only where
/// text is allowed.
async fn page(server: &TestServer, path: &str) -> Page {
    let request = server.api.client.get(format!("{}{path}", server.api.base)).bearer_auth(TOKEN);
    let reply = request.send().await.expect("the server answers");
    for (name, value) in reply.headers() {
        assert!(!String::from_utf8_lossy(value.as_bytes()).contains(MARK), "{path}: {name}: {value:?}");
    }
    assert!(reply.headers()["content-type"].to_str().is_ok_and(|kind| kind.starts_with("text/html")), "{path}");
    Page::read(path, &reply.text().await.expect("the body arrives"))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn no_hostile_text_is_interpreted_as_html_on_any_page() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 8).await;
    for text in TEXTS {
        assert!(text.contains(MARK), "{text}");
        for (id, title) in jobs_with(&server, text).await {
            let page = page(&server, &format!("/tasks/queue/{id}")).await;
            // The page replaces invisible characters, and characters that reverse the direction of text, with visible
            // ones.
            let title = model::ansi::plain_text(&title);
            assert!(page.title.ends_with(&format!(" {title} \u{b7} Tailwater")), "{title} in {}", page.title);
            assert!(page.text.contains(&*title), "{title} in {}", page.text);
            let unseen = |c: char| matches!(c, '\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
            assert!(!page.text.contains(unseen) && !page.title.contains(unseen), "{}", page.text);
            for path in [format!("/tasks/queue/new?from={id}"), format!("/tasks/queue/view?job={id}&job=01890000")] {
                crate::hostile::page(&server, &path).await;
            }
        }
        let text = encoded(text);
        for path in [
            format!("/tasks/queue?q={text}&status={text}&offset={text}"),
            format!("/tasks/queue/new?title={text}&run={text}"),
            format!("/tasks/queue/new?from={text}"),
            format!("/tasks/queue/{text}"),
            format!("/tasks/queue/view?job={text}&q={text}&unlike={text}"),
            format!("/tasks/{text}?{text}"),
            format!("/login?next={text}&error={text}&ticket={text}"),
            format!("/login?ticket={text}"),
            format!("/tasks/queue/bulk?action=cancel&status={text}&q={text}&user={text}&within={text}"),
            format!("/tasks/queue/bulk?action={text}&done={text}&skipped={text}&failed={text}"),
            format!("/workers?done={text}&error={text}"),
            format!("/people?done={text}&error={text}"),
            format!("/account?done={text}&error={text}"),
            format!("/secrets?set={text}&removed={text}&done={text}&error={text}"),
            format!("/redaction?text={text}"),
            format!("/audit?user={text}&action={text}&before={text}"),
            format!("/api/docs?{text}"),
            format!("/login?userTicket={text}"),
            format!("/login?userTicket={text}&error=newPassword&next={text}"),
        ] {
            page(&server, &path).await;
        }
    }
    let list = page(&server, "/tasks/queue").await;
    assert!(list.text.contains(MARK));
}

/// Claims a job as a remote worker that sends `text` in every field, and whose token contains `text` in every field.
/// Then submits two jobs that wait: one has the concurrency key of the claimed job, and the other requires a capability
/// that no worker has. Returns the ids of the three jobs.
async fn work_with(server: &TestServer, text: &'static str) -> [String; 3] {
    let token = json!({"workerId": text, "description": text, "allowedJobTypes": [text], "capabilities": [text]});
    let reply = server.api.post("/workers/tokens", &token).await;
    assert_eq!(reply.status(), 201, "{text}");
    let token: Value = reply.json().await.expect("the body is JSON");
    let worker = RemoteWorker::with_token(server, text, token["token"].as_str().expect("a new token").to_owned());

    let job = |capability: &str| {
        json!({"type": text, "affinityKey": text,
               "payload": {"title": text, "concurrencyKey": text, "requiredCapabilities": [capability]}})
    };
    let running = server.api.submit_job(job(text)).await;
    let about = json!({"allowedTypes": [text], "workerCapabilities": [text], "version": text, "hostname": text});
    assert_eq!(worker.claim_with(about).await["id"], running.as_str(), "{text}");
    let waiting = server.api.submit_job(job(text)).await;
    let unable = json!({"type": text, "payload": {"requiredCapabilities": [format!("{text} too")]}});
    let unable = server.api.submit_job(unable).await;
    [running, waiting, unable]
}

/// Pauses the jobs of this type, with `text` as the reason.
async fn pause_type(server: &TestServer, text: &str) {
    let path = format!("/pauses/{}", encoded(&format!("type:{text}")));
    let reply = server.api.request(Method::PUT, &path).json(&json!({"reason": text})).send().await;
    assert_eq!(reply.expect("the server answers").status(), 201, "{text}");
}

/// Sends `text` as the name of a user, of a secret and of an account. The server refuses such names, but the audit log
/// shows them.
async fn refused_names(server: &TestServer, text: &str) {
    let user = json!({"name": text, "role": "viewer", "password": "correct horse battery"});
    assert_eq!(server.api.post("/users", &user).await.status(), 422, "{text}");
    let secret = server.api.request(Method::PUT, &format!("/secrets/{}", encoded(text)));
    let reply = secret.json(&json!({"value": "a-value-to-keep"})).send().await.expect("the server answers");
    assert_eq!(reply.status(), 422, "{text}");
    server.post_form("/login", &Proof::Nothing, &[("name", text), ("password", text)]).await;
}

#[tokio::test]
async fn no_hostile_text_of_a_worker_a_token_a_pause_or_a_key_is_interpreted_as_html_on_any_page() {
    let server = TestServer::start_with(|config| config.jobs.concurrency = 8).await;
    for text in TEXTS {
        let shown = model::ansi::plain_text(text).into_owned();
        let [running, waiting, unable] = work_with(&server, text).await;
        let waits = page(&server, &format!("/tasks/queue/{waiting}")).await;
        assert!(waits.text.contains(&format!("concurrency key {shown}")), "{shown} in {}", waits.text);
        refused_names(&server, text).await;
        pause_type(&server, text).await;
        let paused = page(&server, &format!("/tasks/queue/{waiting}")).await;
        assert!(paused.text.contains(&shown), "{shown} in {}", paused.text);
        let runs = page(&server, &format!("/tasks/queue/{running}")).await;
        assert!(runs.text.contains(&shown), "{shown} in {}", runs.text);
        for path in
            [&format!("/tasks/queue/{unable}"), "/people", "/secrets", "/redaction", "/api/docs", "/tasks/queue"]
        {
            page(&server, path).await;
        }
        // This page shows the worker's name, hostname and version, the types and capabilities, the job's title, and the
        // pause.
        let workers = page(&server, "/workers").await;
        for part in [
            format!("on {shown}"),
            format!("version {shown}"),
            format!("job types: {shown}"),
            format!("capabilities: {}", model::ansi::plain_text(&text.to_lowercase())),
        ] {
            assert!(workers.text.contains(&part), "{part} in {}", workers.text);
        }
        assert!(workers.text.matches(&*shown).count() >= 7, "{shown} in {}", workers.text);
        for path in ["/account", "/audit", "/audit?action=token.create"] {
            let page = page(&server, path).await;
            assert!(page.text.contains(&shown), "{path}: {shown} in {}", page.text);
        }
    }
}

#[tokio::test]
async fn control_characters_are_replaced_in_titles_and_nul_is_refused_in_reasons() {
    let server = TestServer::start().await;
    let title = "a\u{0}b\r\nc\u{1b}[31m";
    let id = server.api.submit_job(json!({"type": "elsewhere", "payload": {"title": title}})).await;
    assert_eq!(server.api.job(&id).await["title"], "a b  c [31m");
    let only = server.api.submit_job(json!({"type": "elsewhere", "payload": {"title": "\u{0}"}})).await;
    assert_eq!(server.api.job(&only).await["title"], "elsewhere");
    let cancel =
        |reason: &str| server.api.request(Method::POST, &format!("/jobs/{id}/cancel")).json(&json!({"reason": reason}));
    let reply = cancel("\u{0}").send().await.expect("the server answers");
    assert_eq!(reply.status(), 422);
    let body: Value = reply.json().await.expect("the body is JSON");
    assert!(body["detail"]["message"].as_str().is_some_and(|message| message.starts_with("reason: ")), "{body}");
    assert_eq!(cancel("two\nlines").send().await.expect("the server answers").status(), 200);
}
