//! The access table, which states what each route requires of the sender of a request.
//!
//! No other code decides who may use a route. The gate looks up each request in this table before it calls the route.
//! The server functions of the pages look themselves up again, because the server also calls them directly while it
//! renders a page. A route that is missing here is refused for everyone. A test compares the table with the router.

use axum::http::Method;
use model::Role;

/// What a route requires of the sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    /// The route requires no login. Either it is public, or its path contains a signed token, which the route checks.
    Open,
    /// The sender's role must include this role.
    AtLeast(Role),
}

const OPEN: Requirement = Requirement::Open;
const VIEWER: Requirement = Requirement::AtLeast(Role::Viewer);
const OPERATOR: Requirement = Requirement::AtLeast(Role::Operator);
const ADMIN: Requirement = Requirement::AtLeast(Role::Admin);
const WORKER: Requirement = Requirement::AtLeast(Role::Worker);

/// The requirement for requests that match no route: files of the site, and unknown paths.
pub(super) const WITHOUT_ROUTE: Requirement = VIEWER;

/// The template of the route that handles all server functions. The table lists each function under its own path.
pub(super) const FUNCTIONS: &str = "/rpc/{*function}";

/// A method, a path template, and the requirement.
type Rule = (&'static str, &'static str, Requirement);

/// The requirements of all routes, of the server functions, and of the pages. `GET` includes `HEAD`.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    ("GET", "/healthz", OPEN),
    ("GET", "/readyz", VIEWER),
    ("GET", "/metrics", VIEWER),
    // The path contains a signed token, which the route checks.
    ("GET", "/previews/{permission}/{*name}", OPEN),

    // Logging in and out.
    ("GET", "/login", OPEN),
    ("POST", "/login", OPEN),
    ("GET", "/login/oidc", OPEN),
    ("GET", "/login/oidc/callback", OPEN),
    ("POST", "/logout", VIEWER),

    // The pages, and the forms that they post without scripts.
    ("GET", "/", VIEWER),
    ("GET", "/tasks/queue", VIEWER),
    ("GET", "/tasks/queue/new", OPERATOR),
    ("POST", "/tasks/queue/new", OPERATOR),
    // The handler checks that only administrators remove jobs.
    ("GET", "/tasks/queue/bulk", OPERATOR),
    ("POST", "/tasks/queue/bulk", OPERATOR),
    ("GET", "/tasks/queue/view", VIEWER),
    ("GET", "/tasks/queue/{jobId}", VIEWER),
    ("GET", "/secrets", OPERATOR),
    ("POST", "/secrets", ADMIN),
    ("GET", "/redaction", OPERATOR),
    ("GET", "/workers", VIEWER),
    ("POST", "/workers", ADMIN),
    ("GET", "/people", ADMIN),
    ("POST", "/people", ADMIN),
    ("GET", "/audit", ADMIN),
    ("GET", "/account", VIEWER),
    ("POST", "/account", VIEWER),

    // The server functions, which return the data of the pages and carry out their actions.
    ("POST", "/rpc/list_jobs", VIEWER),
    ("POST", "/rpc/job_page", VIEWER),
    ("POST", "/rpc/job", VIEWER),
    ("POST", "/rpc/submit_job", OPERATOR),
    ("POST", "/rpc/cancel_job", OPERATOR),
    ("POST", "/rpc/resubmit_job", OPERATOR),
    ("POST", "/rpc/resubmit_with_changes", OPERATOR),
    ("POST", "/rpc/bulk_preview", OPERATOR),
    ("POST", "/rpc/list_secrets", OPERATOR),
    ("POST", "/rpc/test_redaction", OPERATOR),
    ("POST", "/rpc/redaction_rules", VIEWER),
    ("POST", "/rpc/workers", VIEWER),
    ("POST", "/rpc/pauses", VIEWER),
    ("POST", "/rpc/people", ADMIN),
    ("POST", "/rpc/audit", ADMIN),
    ("POST", "/rpc/account", VIEWER),

    // The description of the API, for programs and for people.
    ("GET", "/api/openapi.json", VIEWER),
    ("GET", "/api/docs", VIEWER),

    // Jobs, their events and their output.
    ("GET", "/api/queue/machine", VIEWER),
    ("GET", "/api/queue/events/stream", VIEWER),
    ("GET", "/api/queue/jobs", VIEWER),
    ("POST", "/api/queue/jobs", OPERATOR),
    ("GET", "/api/queue/jobs/stream", VIEWER),
    ("POST", "/api/queue/jobs/bulk", OPERATOR),
    ("GET", "/api/queue/jobs/{id}", VIEWER),
    ("DELETE", "/api/queue/jobs/{id}", ADMIN),
    ("POST", "/api/queue/jobs/{id}/cancel", OPERATOR),
    ("POST", "/api/queue/jobs/{id}/resubmit", OPERATOR),
    ("GET", "/api/queue/jobs/{id}/events", VIEWER),
    ("GET", "/api/queue/jobs/{id}/events/stream", VIEWER),
    ("GET", "/api/queue/jobs/{id}/log", VIEWER),
    ("GET", "/api/queue/jobs/{id}/log/search", VIEWER),
    ("GET", "/api/queue/jobs/{id}/lines", VIEWER),
    ("GET", "/api/queue/jobs/{id}/usual", VIEWER),
    ("GET", "/api/queue/jobs/{id}/artifacts", VIEWER),
    ("GET", "/api/queue/jobs/{id}/artifacts/{artifact}/download", VIEWER),
    ("GET", "/api/queue/jobs/{id}/artifacts/{artifact}/preview", VIEWER),

    // Workers on other machines. The queue checks that the worker holds the job's lease.
    ("POST", "/api/queue/jobs/claim", WORKER),
    ("POST", "/api/queue/jobs/{id}/heartbeat", WORKER),
    ("POST", "/api/queue/jobs/{id}/events", WORKER),
    ("POST", "/api/queue/jobs/{id}/output", WORKER),
    ("GET", "/api/queue/jobs/{id}/input", WORKER),
    ("POST", "/api/queue/jobs/{id}/artifacts/upload", WORKER),
    ("POST", "/api/queue/jobs/{id}/complete", WORKER),
    ("POST", "/api/queue/jobs/{id}/fail", WORKER),
    ("POST", "/api/queue/jobs/{id}/cancel/ack", WORKER),

    // Everybody who is logged in may see the workers and the pauses. Only administrators may drain workers or pause
    // anything.
    ("GET", "/api/queue/workers", VIEWER),
    ("GET", "/api/queue/workers/tokens", ADMIN),
    ("POST", "/api/queue/workers/tokens", ADMIN),
    ("POST", "/api/queue/workers/tokens/{id}/revoke", ADMIN),
    ("POST", "/api/queue/workers/{id}/drain", ADMIN),
    ("POST", "/api/queue/workers/{id}/resume", ADMIN),
    ("GET", "/api/queue/pauses", VIEWER),
    ("PUT", "/api/queue/pauses/{name}", ADMIN),
    ("DELETE", "/api/queue/pauses/{name}", ADMIN),
    ("GET", "/api/queue/status", VIEWER),

    // Testing text for secrets requires the role that can run jobs, because a job could print the secrets anyway.
    ("POST", "/api/queue/redact", OPERATOR),
    ("GET", "/api/queue/redact/rules", VIEWER),
    ("GET", "/api/queue/secrets", OPERATOR),
    ("GET", "/api/queue/secrets/{name}", OPERATOR),
    ("PUT", "/api/queue/secrets/{name}", ADMIN),
    ("DELETE", "/api/queue/secrets/{name}", ADMIN),

    ("GET", "/api/queue/audit", ADMIN),
    ("GET", "/api/queue/audit/export", ADMIN),
    ("GET", "/api/queue/users", ADMIN),
    ("POST", "/api/queue/users", ADMIN),
    ("PATCH", "/api/queue/users/{name}", ADMIN),
    ("DELETE", "/api/queue/users/{name}", ADMIN),
    ("POST", "/api/queue/users/{name}/login-link", ADMIN),
    ("DELETE", "/api/queue/users/{name}/login-link", ADMIN),
    // Everybody manages their own password, sessions and tokens. The `auth` module checks requests that concern the
    // sessions and tokens of other accounts.
    ("POST", "/api/queue/account/password", VIEWER),
    ("GET", "/api/queue/sessions", VIEWER),
    ("DELETE", "/api/queue/sessions/{id}", VIEWER),
    ("GET", "/api/queue/tokens", VIEWER),
    ("POST", "/api/queue/tokens", VIEWER),
    ("DELETE", "/api/queue/tokens/{id}", VIEWER),
];

/// Returns the requirement of a route, given its method, its template, and the path of the request. Returns `None` if
/// the table does not contain the route.
pub(super) fn requirement(method: &Method, template: &str, path: &str) -> Option<Requirement> {
    let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
    let template = if template == FUNCTIONS { path } else { template };
    RULES.iter().find(|rule| rule.0 == method.as_str() && rule.1 == template).map(|rule| rule.2)
}

/// Returns the requirement of the server function with this name, or `None` if the table does not contain it.
pub(super) fn function_requirement(name: &str) -> Option<Requirement> {
    requirement(&Method::POST, FUNCTIONS, &format!("/rpc/{name}"))
}

/// Returns the methods that the table contains for a template, separated by commas. The string is empty if there are
/// none.
pub(super) fn methods(template: &str) -> String {
    let methods = RULES.iter().filter(|rule| rule.1 == template).map(|rule| rule.0);
    methods
        .flat_map(|method| if method == "GET" { vec!["GET", "HEAD"] } else { vec![method] })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::all_routes;

    #[test]
    fn the_table_contains_every_route_once_and_no_other() {
        let routes: BTreeSet<String> =
            all_routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        let rules: BTreeSet<String> = RULES.iter().map(|rule| format!("{} {}", rule.0, rule.1)).collect();
        assert_eq!(routes, rules);
        assert_eq!(rules.len(), RULES.len(), "a rule occurs twice");
    }

    #[test]
    fn only_listed_methods_of_a_route_have_a_requirement() {
        assert_eq!(requirement(&Method::HEAD, "/api/queue/jobs", ""), Some(VIEWER));
        assert_eq!(requirement(&Method::DELETE, "/api/queue/jobs", ""), None);
        assert_eq!(requirement(&Method::GET, "/api/queue/nothing", ""), None);
        assert_eq!(methods("/api/queue/jobs"), "GET,HEAD,POST");
        assert_eq!(methods("/api/queue/nothing"), "");
    }

    #[test]
    fn a_server_function_is_looked_up_by_its_exact_path() {
        assert_eq!(requirement(&Method::POST, FUNCTIONS, "/rpc/cancel_job"), Some(OPERATOR));
        for path in ["/rpc/cancel_job/", "/rpc//cancel_job", "/rpc/Cancel_job", "/rpc/{*function}", "/rpc/nothing"] {
            assert_eq!(requirement(&Method::POST, FUNCTIONS, path), None, "{path}");
        }
        assert_eq!(function_requirement("list_jobs"), Some(VIEWER));
        assert_eq!(function_requirement("nothing"), None);
    }
}
