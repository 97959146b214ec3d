//! Each route responds with its documented status and media type, and with exactly the documented members. The cases
//! run in order, because later requests use ids from earlier responses.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use model::Role;
use serde_json::{Value, json};

use super::{CLAIMED, Elsewhere, JOB, difference, documentation};
use crate::harness::people::{PASSWORD, Proof, browser};
use crate::harness::{TOKEN, TestServer};
use cases::{API_TOKEN, cases};

/// Routes that are tested in other modules, because testing them requires files, a complete log or a password.
const ELSEWHERE: [Elsewhere; 3] = [
    Elsewhere {
        what: "GET /jobs/{id}/input",
        file: "tests/it/worker_api/output.rs",
        test: "only_the_holder_adds_output_and_receives_the_files_of_the_job",
        mentions: "input",
    },
    Elsewhere {
        what: "POST /jobs/{id}/output",
        file: "tests/it/worker_api/output.rs",
        test: "only_the_holder_adds_output_and_receives_the_files_of_the_job",
        mentions: "output",
    },
    Elsewhere {
        what: "POST /account/password",
        file: "tests/it/people/users.rs",
        test: "users_change_their_own_password_only_with_the_current_one",
        mentions: "/account/password",
    },
];

/// A request and the expected response.
struct Case {
    /// The row in the table of routes of `docs/api.md`, for example `GET /jobs/{id}`.
    row: &'static str,
    /// The path. `{name}` stands for the value of the variable `name`.
    path: &'static str,
    /// The body, or null for a request without a body.
    body: Value,
    is_worker: bool,
    status: u16,
    /// The media type, or an empty string if the response has no body.
    content: &'static str,
    /// The JSON pointers to objects in the response, each with the members of the object.
    objects: Vec<(&'static str, &'static str)>,
    /// The JSON pointers to the members that must be null.
    nulls: &'static str,
    /// A JSON pointer into the response, and the variable to which its value is assigned.
    keep: Option<(&'static str, &'static str)>,
}

/// Returns a case whose response is JSON with status 200.
fn case(row: &'static str, path: &'static str) -> Case {
    Case {
        row,
        path,
        body: Value::Null,
        is_worker: false,
        status: 200,
        content: "application/json",
        objects: Vec::new(),
        nulls: "",
        keep: None,
    }
}

impl Case {
    /// Expects the response to contain an object with exactly these members.
    fn has(mut self, pointer: &'static str, members: &'static str) -> Self {
        self.objects.push((pointer, members));
        self
    }

    fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// Sends the request as the worker `one`, which holds the job `{held}` under its first lease.
    fn by_worker(mut self, body: Value) -> Self {
        let mut all = json!({"workerId": "one", "leaseEpoch": 1});
        for (name, value) in body.as_object().expect("it is an object") {
            all[name] = value.clone();
        }
        (self.body, self.is_worker) = (all, true);
        self
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn nulls(self, nulls: &'static str) -> Self {
        Self { nulls, ..self }
    }

    fn keep(self, pointer: &'static str, name: &'static str) -> Self {
        Self { keep: Some((pointer, name)), ..self }
    }

    /// Expects this media type instead of JSON.
    fn sends(self, content: &'static str) -> Self {
        Self { content, ..self }
    }

    fn empty(self, status: u16) -> Self {
        Self { status, content: "", ..self }
    }

    /// Returns whether the path matches the template in the row.
    fn is_of_its_row(&self) -> bool {
        let template = self.row.split_once(' ').map_or("", |(_, path)| path);
        let (template, path) = (template.split('/'), self.path.split('?').next().unwrap_or_default().split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, given)| part.starts_with('{') || part == given)
    }
}

/// Replaces the variables in a string with their values.
fn filled(text: &str, variables: &BTreeMap<&str, String>) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Sends the request of a case, and returns what is wrong with the response.
async fn check(case: &Case, server: &TestServer, worker: &str, variables: &mut BTreeMap<&str, String>) -> Vec<String> {
    let (method, _) = case.row.split_once(' ').expect("a row has a method");
    let path = filled(case.path, variables);
    let is_outside = ["/api/", "/healthz", "/readyz", "/metrics"].iter().any(|start| path.starts_with(start));
    let url = format!("{}{}{path}", server.api.base, if is_outside { "" } else { "/api/queue" });
    let request = browser().request(method.parse().expect("it is a method"), url);
    let request = request.bearer_auth(if case.is_worker { worker } else { TOKEN });
    let request = match &case.body {
        Value::Null => request,
        body if path.ends_with("/upload") => {
            let part = reqwest::multipart::Part::bytes(b"content".to_vec()).file_name("a");
            let form = reqwest::multipart::Form::new().part("file", part);
            let text = |name: &str| body[name].as_str().map_or_else(|| body[name].to_string(), str::to_owned);
            request.multipart(
                ["workerId", "leaseEpoch", "name"]
                    .into_iter()
                    .fold(form, |form, name| form.text(name.to_owned(), text(name))),
            )
        }
        body => request.json(body),
    };
    let reply = request.send().await.expect("the server answers");
    let (status, mut problems) = (reply.status().as_u16(), Vec::new());
    let content = reply.headers().get("content-type").map(|value| value.to_str().expect("ASCII").to_owned());
    let content = content.unwrap_or_default();
    if status != case.status {
        return vec![format!(
            "the status is {status}, not {}: {}",
            case.status,
            reply.text().await.unwrap_or_default()
        )];
    }
    if !content.starts_with(case.content) || (case.content.is_empty() && !content.is_empty()) {
        problems.push(format!("the media type is {content:?}, not {:?}", case.content));
    }
    if case.content != "application/json" {
        return problems;
    }
    let body: Value = reply.json().await.expect("the body is JSON");
    for (pointer, members) in &case.objects {
        let found = body.pointer(pointer).unwrap_or(&Value::Null);
        // In this response, the text of the new token is an additional member.
        let members = if case.row == "POST /tokens" { format!("{members} {API_TOKEN}") } else { (*members).to_owned() };
        problems.extend(difference(found, &members).map(|what| format!("{pointer}: {what}")));
    }
    if case.row == "POST /jobs/claim" {
        problems.extend(difference(&body["job"], &format!("{JOB} {CLAIMED}")));
    }
    for pointer in case.nulls.split_whitespace().filter(|pointer| body.pointer(pointer) != Some(&Value::Null)) {
        problems.push(format!("{pointer} is {:?}, and not null", body.pointer(pointer)));
    }
    if let Some((pointer, name)) = case.keep {
        match body.pointer(pointer).and_then(Value::as_str) {
            Some(value) => drop(variables.insert(name, value.to_owned())),
            None => problems.push(format!("{pointer} is not a text: {body}")),
        }
    }
    problems
}

#[tokio::test]
async fn each_route_has_its_status_its_media_type_and_exactly_the_documented_members() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Admin).await;
    server.log_in("ada", PASSWORD).await;
    let Proof::Bearer(worker) = server.token(Role::Worker).await else { panic!("a token is a bearer token") };
    let (done, _) = server.api.run("echo one; echo two >&2").await;
    let mut variables = BTreeMap::from([("done", done)]);
    let mut problems = Vec::new();
    for case in cases() {
        let found = check(&case, &server, &worker, &mut variables).await;
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", case.row)));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_route_of_the_documentation_has_a_case() {
    let page = documentation();
    let is_route = |row: &&str| row.split_once(' ').is_some_and(|(_, path)| path.starts_with('/'));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(row, _)| row);
    let documented: BTreeSet<&str> = rows.filter(is_route).collect();
    let cases = cases();
    for case in &cases {
        assert!(case.is_of_its_row(), "{} does not belong to {}", case.path, case.row);
    }
    ELSEWHERE.iter().for_each(Elsewhere::check);
    let covered: BTreeSet<&str> =
        cases.iter().map(|case| case.row).chain(ELSEWHERE.iter().map(|row| row.what)).collect();
    assert!(documented.len() > 50, "the page was not parsed: {documented:?}");
    assert_eq!(documented, covered);
}
