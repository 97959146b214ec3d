//! Thousands of requests with mutated paths, ids and methods cause no server error and bypass no check. No sender gains
//! access to objects of others, whatever the sender's role.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tailwater::server::all_routes;

use super::job_with_artifact;
use super::objects::{OWNER, Objects};
use crate::harness::people::{PASSWORD, Proof};
use crate::harness::workers::{RemoteWorker, id_of};
use crate::harness::{Random, TOKEN, TestServer, tcp};

/// The number of mutated requests.
const REQUESTS: usize = 5_000;

/// The number of simultaneous requests.
const AT_ONCE: usize = 20;

/// The only paths at which a request without credentials may succeed.
const OPEN: [&str; 2] = ["/healthz", "/login"];

/// Strings that different servers, proxies and frameworks interpret differently.
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

/// The names of objects that no request mentions. No response to a sender may contain the names of objects that the
/// sender must not see.
const HIDDEN_SECRET: &str = "CANARY_SECRET";
const HIDDEN_USER: &str = "canary-user";
const HIDDEN_TOKEN: &str = "canary-token";

/// The sender of a request.
struct Requester {
    role: Option<Role>,
    proof: Proof,
    /// Strings that no response to the sender may contain.
    hidden: Vec<&'static str>,
}

impl Requester {
    fn new(role: Option<Role>, proof: Proof) -> Self {
        let hidden = match role {
            None | Some(Role::Worker) => vec!["secret output", HIDDEN_SECRET, HIDDEN_USER, HIDDEN_TOKEN],
            Some(Role::Viewer) => vec![HIDDEN_SECRET, HIDDEN_USER, HIDDEN_TOKEN],
            Some(Role::Operator) => vec![HIDDEN_USER, HIDDEN_TOKEN],
            Some(Role::Admin) => Vec::new(),
        };
        Self { role, proof, hidden }
    }

    /// Checks the response to a request that concerns objects of others.
    fn check(&self, method: &str, target: &str, reply: &tcp::Reply) {
        let what = || format!("{:?}: {method} {target}: {reply:?}", self.role);
        assert!(reply.status < 500, "{}", what());
        for text in &self.hidden {
            assert!(!reply.body.contains(text), "{}", what());
        }
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let succeeded = reply.status < 300;
        match self.role {
            // A worker that holds none of the jobs has no more rights than a sender without credentials.
            None | Some(Role::Worker) => assert!(!succeeded || OPEN.contains(&path), "{}", what()),
            // A viewer may only read. The pages read some data with POST requests.
            Some(Role::Viewer) => {
                let reads = ["GET", "HEAD", "OPTIONS"].contains(&method) || path.starts_with("/rpc/");
                assert!(!succeeded || reads, "{}", what());
            }
            Some(Role::Operator | Role::Admin) => {}
        }
    }
}

/// Sends a request with exactly this target, and returns the reply. The body of a stream is not read, because it may
/// not end.
async fn send(base: &str, method: &str, target: &str, proof: &Proof) -> tcp::Reply {
    let authorization = match proof {
        Proof::Nothing => String::new(),
        Proof::Bearer(token) => format!("Authorization: Bearer {token}\r\n"),
        Proof::Cookie(cookie) => format!("Cookie: {cookie}\r\nOrigin: {base}\r\n"),
    };
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let host = base.strip_prefix("http://").expect("a base is a URL");
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{authorization}{body}\r\n{{}}");
    let bytes = tcp::exchange_up_to(base, request.as_bytes(), |reply| reply.head.contains("x-accel-buffering")).await;
    tcp::parse(&bytes).unwrap_or_else(|| panic!("{method} {target}: no reply"))
}

/// Creates the objects that no request mentions.
async fn hide(server: &TestServer) {
    server.add_user(OWNER, Role::Admin).await;
    server.add_user(HIDDEN_USER, Role::Operator).await;
    let user = server.log_in(HIDDEN_USER, PASSWORD).await;
    server.create_token(&user, json!({"name": HIDDEN_TOKEN})).await;
    let secret = server.api.request(Method::PUT, &format!("/secrets/{HIDDEN_SECRET}"));
    let secret = secret.json(&json!({"value": "a-hidden-value"})).send().await.expect("the server answers");
    assert_eq!(secret.status(), 201);
}

/// Returns the paths of all routes, with the ids and names of these objects.
fn paths(objects: &Objects) -> Vec<String> {
    let fill = |path: String| objects.fill(&path.replace("{permission}/{*name}", "x/y"));
    all_routes().into_iter().map(|route| fill(route.path)).collect()
}

#[tokio::test]
async fn mutated_paths_and_ids_cause_no_server_error_and_skip_no_check() {
    let server = TestServer::start().await;
    hide(&server).await;
    let worker = RemoteWorker::new(&server, "other").await;
    let (others, admins) =
        (Objects::new(&server, "others", &worker).await, Objects::new(&server, "admins", &worker).await);
    let mut senders = vec![Requester::new(None, Proof::Nothing), Requester::new(None, Proof::Nothing)];
    for role in Role::ALL {
        senders.push(Requester::new(Some(role), server.token(role).await));
    }
    let held = server.api.job(id_of(&others.held)).await;
    let (of_others, of_admins) = (paths(&others), paths(&admins));
    let mut random = Random::new("mutated_paths_and_ids");
    let mut requests = Vec::new();
    for _ in 0..REQUESTS {
        let method = METHODS[random.below(METHODS.len())];
        let mut sender = &senders[random.below(senders.len())];
        // An administrator may remove everything. The requests of this sender therefore concern other objects.
        let paths = if sender.role == Some(Role::Admin) { &of_admins } else { &of_others };
        let path = &paths[random.below(paths.len())];
        let target = mutated(&mut random, path);
        // Do not remove the job, because later requests need it.
        if method == "DELETE" && path.ends_with(&admins.job) {
            sender = &senders[0];
        }
        requests.push((method, target, sender));
    }
    let (mut refused, mut read) = (0, 0);
    for chunk in requests.chunks(AT_ONCE) {
        let sent = chunk.iter().map(|(method, target, sender)| send(&server.api.base, method, target, &sender.proof));
        for (reply, (method, target, sender)) in futures_util::future::join_all(sent).await.into_iter().zip(chunk) {
            sender.check(method, target, &reply);
            refused += usize::from(sender.role.is_none() && reply.status >= 300);
            read += usize::from(sender.role.is_some() && reply.body.contains("secret output"));
        }
    }
    assert!(refused > REQUESTS / 5, "only {refused} requests without credentials were refused");
    assert!(read > 0, "no request has read what the role permits");
    check_unchanged(&server, &others, &held).await;
}

/// Checks that nobody has changed the objects. `held` is the job that a worker holds, as it was before.
async fn check_unchanged(server: &TestServer, objects: &Objects, held: &Value) {
    let api = &server.api;
    assert_eq!(api.job(&objects.job).await["status"], "succeeded");
    assert_eq!(api.job(id_of(held)).await, *held);
    for proof in [&objects.session.0, &objects.token.0] {
        assert_eq!(server.status("/api/queue/users", proof).await, 200);
    }
    let users = api.json("/users").await;
    let user = users["items"].as_array().and_then(|all| all.iter().find(|user| user["name"] == *objects.name));
    assert_eq!(user.expect("the user exists")["disabled"], false);
    let secret = api.json(&format!("/secrets/{}", objects.name)).await;
    assert_eq!(secret["createdAt"], secret["updatedAt"]);
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
        let preview = send(&server.api.base, "GET", &preview, &Proof::Bearer(TOKEN.into())).await;
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
