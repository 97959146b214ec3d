//! Entries of the server's own log contain the id of the job that they concern, but no secrets, tokens or bodies.

use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};

use crate::harness::process::Process;
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

/// Logs in with tokens and with links, both valid and invalid.
async fn log_in(server: &mut Process, secrets: &mut Secrets) {
    let link = server.login_link();
    let (_, ticket) = link.rsplit_once("ticket=").expect("a link has a ticket");
    secrets.known.push(ticket.to_owned());
    let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    client.get(&link).send().await.expect("the server answers");
    let wrong = secrets.new_one("wrong-token");
    let password = secrets.new_one("password");
    let user = json!({"name": "ada", "role": "viewer", "password": password});
    assert_eq!(server.api.post("/users", &user).await.status(), 201);
    let created = server.api.post("/tokens", &json!({"name": "test"})).await.json::<Value>().await;
    let created = created.expect("the body is JSON")["token"].as_str().expect("a new token has a text").to_owned();
    assert_eq!(client.get(&link).bearer_auth(&created).send().await.expect("the server answers").status(), 200);
    secrets.known.push(created);
    let created = server.api.post("/users/ada/login-link", &json!({})).await.json::<Value>().await;
    let user_link = created.expect("the body is JSON")["link"].as_str().expect("a new link has an address").to_owned();
    let (_, user_ticket) = user_link.rsplit_once("userTicket=").expect("a link has a ticket");
    secrets.known.push(user_ticket.to_owned());
    assert_eq!(client.get(&user_link).send().await.expect("the server answers").status(), 200);
    for form in [
        format!("userTicket={wrong}"),
        format!("userTicket={user_ticket}&newPassword={}", &wrong[..5]),
        format!("userTicket={user_ticket}&newPassword={password}"),
        format!("token={wrong}"),
        format!("ticket={wrong}"),
        format!("name=ada&password={wrong}"),
        format!("name=ada&password={password}"),
        format!("ticket={ticket}"),
        format!("token={TOKEN}"),
    ] {
        let login = client.post(format!("{}/login", server.api.base)).body(form);
        let login = login.header("content-type", "application/x-www-form-urlencoded");
        let reply = login.send().await.expect("the server answers");
        let Some(cookie) = reply.headers().get("set-cookie") else { continue };
        let pair = cookie.to_str().expect("ASCII").split(';').next().expect("a pair").to_owned();
        secrets.known.push(pair.split_once('=').expect("a pair").1.to_owned());
        let page = client.get(format!("{}/tasks/queue", server.api.base)).header("cookie", &pair);
        assert_eq!(page.send().await.expect("the server answers").status(), 200);
        let logout = client.post(format!("{}/logout", server.api.base)).header("cookie", &pair);
        logout.header("origin", &server.api.base).send().await.expect("the server answers");
    }
}

/// Runs jobs, sends requests and logs in on a server with the most verbose log level. Checks that the log contains none
/// of the secrets, and returns the jobs' ids and the log.
async fn logged(format: &str) -> (Vec<String>, String) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let values = data.path().join("values");
    let mut secrets = Secrets::new();
    std::fs::write(&values, secrets.new_one("from-file")).expect("the folder can be written");
    let own = secrets.new_one("own-env");
    let mut server = Process::start_by(data.path(), |mut program| {
        program.env("TAILWATER_LOG", "trace").env("TAILWATER_LOG_FORMAT", format);
        program.env("TAILWATER_REDACT_VALUES_FILE", &values).env("SERVICE_PASSWORD", own);
        program
    });
    let ids = run_jobs(&server.api, &mut secrets).await;
    ask(&server.api, &mut secrets).await;
    log_in(&mut server, &mut secrets).await;
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
