//! Every response has a Content-Security-Policy. If a browser displays the response, it runs no scripts except the
//! server's own.

use reqwest::{Method, Response};

use super::{Access, RULES, filled, job_with_artifact};
use crate::harness::people::{Proof, browser};
use crate::harness::{TOKEN, TestServer};

/// The policy of responses for programs.
const FOR_PROGRAMS: &str = "default-src 'none'; frame-ancestors 'none'";

/// The policy of error responses that a browser displays in the frame of a preview.
const FRAMED_ERROR: &str = "default-src 'none'; frame-ancestors 'self'";

fn policy(reply: &Response) -> String {
    let policies: Vec<_> = reply.headers().get_all("content-security-policy").iter().collect();
    assert_eq!(policies.len(), 1, "{}", reply.url());
    policies[0].to_str().expect("a policy is ASCII").to_owned()
}

/// Checks the policy of a page.
#[track_caller]
fn check_page(what: &str, policy: &str) {
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' 'nonce-"), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"), "{what}: {policy}");
}

#[tokio::test]
async fn every_route_has_the_policy_of_its_kind_with_and_without_credentials() {
    let server = TestServer::start().await;
    let (job, artifact) = job_with_artifact(&server).await;
    let client = browser();
    for proof in [Proof::Nothing, Proof::Bearer("wrong".to_owned()), Proof::Bearer(TOKEN.to_owned())] {
        for (method, path, access) in RULES {
            let path = filled(path, &job, &artifact);
            let what = format!("{method} {path} {proof:?}");
            let method: Method = method.parse().expect("it is a method");
            let request = client.request(method.clone(), format!("{}{path}", server.api.base));
            let request = if method == Method::GET { request } else { request.json(&serde_json::json!({})) };
            let reply = proof.add_to(request, &server.api.base).send().await.expect("the server answers");
            let policy = policy(&reply);
            let is_answered = matches!(&proof, Proof::Bearer(token) if token == TOKEN);
            match access {
                _ if reply.status().is_redirection() => assert_eq!(policy, FOR_PROGRAMS, "{what}"),
                Access::Page(_) if is_answered => check_page(&what, &policy),
                Access::Open if path == "/login" && reply.status() == 200 => check_page(&what, &policy),
                _ if path.ends_with("/download") && is_answered => assert_eq!(policy, "sandbox", "{what}"),
                _ if path.starts_with("/previews/") => {
                    assert!([FOR_PROGRAMS, FRAMED_ERROR].contains(&policy.as_str()), "{what}: {policy}");
                }
                // The response to a submitted form may also be a page.
                Access::Program(_) if policy != FOR_PROGRAMS => {
                    assert!(reply.headers()["content-type"].to_str().is_ok_and(|kind| kind.starts_with("text/html")));
                    check_page(&what, &policy);
                }
                _ => assert_eq!(policy, FOR_PROGRAMS, "{what}"),
            }
        }
    }
}

#[tokio::test]
async fn files_and_errors_have_a_policy_too() {
    let site = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(site.path().join("pkg")).expect("the folder can be written");
    std::fs::write(site.path().join("pkg/app.js"), "").expect("the folder can be written");
    let server = TestServer::start_with(|config| config.site_root = Some(site.path().to_owned())).await;
    let long = format!("/healthz?{}", "x".repeat(10_000));
    for (path, status, expected) in [
        ("/pkg/app.js", 200, "default-src 'self'; frame-ancestors 'none'"),
        ("/api/nothing", 404, FOR_PROGRAMS),
        ("/api/queue/jobs?limit=x", 422, FOR_PROGRAMS),
        ("/api/queue/jobs/1/artifacts/2/preview", 404, FRAMED_ERROR),
        ("/previews/x/index.html", 404, FRAMED_ERROR),
        (&long, 414, FOR_PROGRAMS),
    ] {
        let reply = browser().get(format!("{}{path}", server.api.base)).bearer_auth(TOKEN).send().await;
        let reply = reply.expect("the server answers");
        assert_eq!((reply.status().as_u16(), policy(&reply).as_str()), (status, expected), "{path}");
    }
    let reply = browser().get(format!("{}/nothing", server.api.base)).bearer_auth(TOKEN).send().await;
    let reply = reply.expect("the server answers");
    assert_eq!(reply.status(), 404);
    check_page("/nothing", &policy(&reply));
}
