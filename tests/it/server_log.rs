//! An entry of the server's own log that relates to a job contains the job's id. No entry contains secrets, tokens or
//! bodies.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::credentials::{accept_all_logins, use_all};
use crate::harness::people::browser;
use crate::harness::process::Process;
use crate::harness::provider::Provider;
use crate::harness::{Api, TOKEN, tcp};

/// Secrets that must not appear in the log.
struct Secrets {
    known: Vec<String>,
}

impl Secrets {
    fn new() -> Self {
        Self { known: vec![TOKEN.to_owned()] }
    }

    /// Generates and records a secret that begins with `way`, a word for how the secret reaches the server.
    fn new_one(&mut self, way: &str) -> String {
        let secret = format!("{way}-0123456789abcdef");
        self.known.push(secret.clone());
        secret
    }
}

/// Runs jobs with secrets in their output, names and errors. Returns the jobs' ids.
async fn run_jobs(api: &Api, secrets: &mut Secrets) -> Vec<String> {
    let (token, file) = (secrets.new_one("env"), "from-file-0123456789abcdef");
    let (title, text) = (secrets.new_one("title"), secrets.new_one("output"));
    let env = json!({"DEPLOY_TOKEN": token});
    let mut ids = Vec::new();
    for payload in [
        json!({"title": title, "run": format!("echo $DEPLOY_TOKEN {text} {file}; echo {token} >&2"), "env": env}),
        json!({"steps": [{"name": token, "run": format!("exit 7 # {token}")}], "env": env}),
        json!({"steps": [{"run": "true", "workingDirectory": token}], "env": env}),
        json!({"steps": [{"run": "true", "shell": format!("/no/such/{token}")}], "env": env}),
    ] {
        ids.push(api.submit(payload).await);
    }
    for id in &ids {
        api.ended(id).await;
    }
    ids
}

/// Sends requests with a secret in every field that can contain one.
async fn ask(api: &Api, secrets: &mut Secrets) {
    let waiting = api.submit_job(json!({"type": "elsewhere"})).await;
    let mut send = Vec::new();
    for (way, path) in [("query", "/jobs?q="), ("unknown", "/jobs?nothing="), ("path", "/"), ("id", "/jobs/")] {
        send.push(api.request(Method::GET, &format!("{path}{}", secrets.new_one(way))));
    }
    let body = json!({"type": "command", "payload": {"nothing": secrets.new_one("refused-body")}});
    send.push(api.request(Method::POST, "/jobs").json(&body));
    send.push(api.request(Method::POST, "/jobs").body(secrets.new_one("junk-body")));
    let key = secrets.new_one("key");
    send.push(api.request(Method::POST, "/jobs").header("idempotency-key", key).json(&json!({"type": "elsewhere"})));
    let cursor = secrets.new_one("cursor");
    send.push(api.request(Method::GET, &format!("/jobs/{waiting}/events/stream")).header("last-event-id", cursor));
    let reason = json!({"reason": secrets.new_one("reason")});
    send.push(api.request(Method::POST, &format!("/jobs/{waiting}/cancel")).json(&reason));
    for (name, way) in [("x-anything", "header"), ("cookie", "cookie"), ("host", "host"), ("referer", "referer")] {
        send.push(api.request(Method::GET, "/jobs").header(name, secrets.new_one(way)));
    }
    send.push(api.client.get(format!("{}/metrics", api.base)).bearer_auth(secrets.new_one("wrong-bearer")));
    for request in send {
        request.send().await.expect("the server answers");
    }
    let target = format!("/no-http-{}", secrets.new_one("junk"));
    tcp::exchange(&api.base, format!("NOT HTTP {target}\r\n\r\n").as_bytes(), tcp::Sending::Ends).await;
}

/// Uses every kind of credential, and then logs in with invalid ones.
async fn log_in(server: &mut Process, provider: &Provider, secrets: &mut Secrets) {
    let used = use_all(server, provider).await;
    let one = |kind: &str| &used.iter().find(|(what, _)| *what == kind).expect("it was used").1;
    let (ticket, user_ticket) = (one("login ticket"), one("login link of a user"));
    let (wrong, client) = (secrets.new_one("wrong-token"), browser());
    let link = client.get(format!("{}/login?ticket={wrong}", server.api.base)).send().await;
    assert_eq!(link.expect("the server answers").status(), 200);
    for form in [
        format!("userTicket={wrong}"),
        format!("userTicket={user_ticket}&newPassword={}", &wrong[..5]),
        format!("token={wrong}"),
        format!("ticket={wrong}"),
        format!("name=ada&password={wrong}"),
        // A ticket is valid only once.
        format!("ticket={ticket}"),
    ] {
        let login = client.post(format!("{}/login", server.api.base)).body(form);
        let login = login.header("content-type", "application/x-www-form-urlencoded");
        let reply = login.send().await.expect("the server answers");
        assert!(reply.headers().get("set-cookie").is_none());
    }
    secrets.known.extend(used.into_iter().map(|(_, secret)| secret));
}

/// Runs jobs, sends requests and logs in on a server with the most verbose log level. Checks that the log contains none
/// of the secrets, and returns the jobs' ids and the log.
async fn logged(format: &str) -> (Vec<String>, String) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let values = data.path().join("values");
    let mut secrets = Secrets::new();
    std::fs::write(&values, secrets.new_one("from-file")).expect("the folder can be written");
    let own = secrets.new_one("own-env");
    let provider = Provider::start().await;
    let mut server = Process::start_by(data.path(), |mut program| {
        accept_all_logins(&mut program, &provider);
        program.env("TAILWATER_LOG", "trace").env("TAILWATER_LOG_FORMAT", format);
        program.env("TAILWATER_REDACT_VALUES_FILE", &values).env("SERVICE_PASSWORD", own);
        program
    });
    let ids = run_jobs(&server.api, &mut secrets).await;
    ask(&server.api, &mut secrets).await;
    log_in(&mut server, &provider, &mut secrets).await;
    server.terminate();
    assert!(server.exited().await.success());
    let log = std::fs::read_to_string(data.path().join("server.log")).expect("the server logs in UTF-8");
    for secret in &secrets.known {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
    (ids, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_log_names_each_job_and_contains_no_secret_token_or_body() {
    let (ids, log) = logged("text").await;
    for id in ids {
        let of_job: Vec<&str> = log.lines().filter(|line| line.contains(&format!("job={id}"))).collect();
        assert!(of_job.iter().any(|line| line.contains("attempt{")), "{id}: {of_job:#?}");
        assert!(of_job.iter().any(|line| line.contains("request{")), "{id}: {of_job:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_log_names_each_job_and_contains_no_secret_token_or_body() {
    let (ids, log) = logged("json").await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line is an object")).collect();
    for id in ids {
        for span in ["attempt", "request"] {
            let is_of_job = |line: &&Value| line["span"]["name"] == span && line["span"]["job"] == id.as_str();
            assert!(lines.iter().any(|line| is_of_job(&line)), "{id}: nothing of its {span}");
        }
    }
    // A login runs in a separate task, but its log entries belong to the span of the request.
    let login = lines.iter().find(|line| line["message"] == "somebody logged in").expect("logins are logged");
    assert_eq!(login["span"]["name"], "request", "{login}");
    let answered = lines.iter().find(|line| line["message"] == "answered").expect("requests are logged");
    assert!(answered["status"].is_u64() && answered["ms"].is_number() && answered["span"]["route"].is_string());
}
