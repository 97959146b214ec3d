//! Tests of the people page and of the account page, without scripts.

use model::Role;

use crate::harness::people::{PASSWORD, Proof, browser};
use crate::harness::{TOKEN, TestServer};

/// Loads a page.
async fn page(server: &TestServer, path: &str, proof: &Proof) -> String {
    let request = proof.add_to(browser().get(format!("{}{path}", server.api.base)), &server.api.base);
    let reply = request.send().await.expect("the server answers");
    assert_eq!(reply.status(), 200, "{path}");
    reply.text().await.expect("the body arrives")
}

/// Submits a form and returns the address to which the response redirects.
async fn post(server: &TestServer, path: &str, proof: &Proof, fields: &[(&str, &str)]) -> String {
    let reply = server.post_form(path, proof, fields).await;
    assert_eq!(reply.status(), 303, "{path} {fields:?}");
    reply.headers()["location"].to_str().expect("ASCII").to_owned()
}

/// Returns the value of the hidden field `id` of the first form with the given action.
fn id_of(html: &str, action: &str) -> String {
    let (_, rest) = html.split_once(&format!("value=\"{action}\"")).expect("the page has such a form");
    let (_, rest) = rest.split_once("name=\"id\" value=\"").expect("the form has an id");
    rest.split('"').next().expect("split gives one").to_owned()
}

#[tokio::test]
async fn an_administrator_manages_users_with_plain_forms() {
    let server = TestServer::start().await;
    let admin = Proof::Bearer(TOKEN.into());
    assert!(page(&server, "/people", &admin).await.contains("data-testid=\"no-users\""));
    let act = async |fields: &[(&str, &str)]| post(&server, "/people", &admin, fields).await;
    let add = [("action", "add-user"), ("name", " ada "), ("role", "viewer"), ("password", PASSWORD)];
    assert_eq!(act(&add).await, "/people?done=added");
    assert_eq!(act(&add).await, "/people?error=name");
    assert!(page(&server, "/people?done=added", &admin).await.contains("The user was added."));
    assert_eq!(act(&[("action", "set-role"), ("name", "ada"), ("role", "operator")]).await, "/people?done=changed");
    assert_eq!(act(&[("action", "set-role"), ("name", "ada"), ("role", "worker")]).await, "/people?error=role");
    assert_eq!(
        act(&[("action", "set-password"), ("name", "ada"), ("password", "short")]).await,
        "/people?error=password"
    );
    let ada = server.log_in("ada", PASSWORD).await;
    let html = page(&server, "/people", &admin).await;
    assert_eq!(act(&[("action", "end-session"), ("id", &id_of(&html, "end-session"))]).await, "/people?done=ended");
    assert_eq!(server.status("/api/queue/jobs", &ada).await, 401);
    assert_eq!(act(&[("action", "disable-user"), ("name", "ada")]).await, "/people?done=disabled");
    assert!(page(&server, "/people", &admin).await.contains("operator, disabled"));
    assert_eq!(act(&[("action", "enable-user"), ("name", "ada")]).await, "/people?done=enabled");
    assert_eq!(act(&[("action", "remove-user"), ("name", "ada")]).await, "/people?done=removed");
    assert_eq!(act(&[("action", "remove-user"), ("name", "ada")]).await, "/people?error=user");
    let unknown = server.post_form("/people", &admin, &[("action", "nothing")]).await;
    assert_eq!(unknown.status(), 422);
}

#[tokio::test]
async fn a_new_token_is_shown_in_the_response_and_never_again() {
    let server = TestServer::start().await;
    server.add_user("ada", Role::Operator).await;
    let ada = server.log_in("ada", PASSWORD).await;
    let fields = [("action", "create-token"), ("name", "CI"), ("role", "viewer"), ("expiresInDays", "7")];
    let reply = server.post_form("/account", &ada, &fields).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let html = reply.text().await.expect("the body arrives");
    let (_, rest) = html.split_once("data-testid=\"new-token\">").expect("the token is shown");
    let token = rest.split('<').next().expect("split gives one").to_owned();
    assert!(token.starts_with("twt_") && token.len() == 40, "{token}");
    assert_eq!(server.status("/api/queue/jobs", &Proof::Bearer(token.clone())).await, 200);
    let html = page(&server, "/account", &ada).await;
    assert!(!html.contains(&token) && html.contains(&token[..8]), "the list shows only the beginning");
    let revoke = [("action", "revoke-token"), ("id", &*id_of(&html, "revoke-token"))];
    assert_eq!(post(&server, "/account", &ada, &revoke).await, "/account?done=revoked");
    assert_eq!(server.status("/api/queue/jobs", &Proof::Bearer(token)).await, 401);
    for (role, days, error) in
        [("admin", "7", "role"), ("viewer", "0", "expiresInDays"), ("viewer", "soon", "expiresInDays")]
    {
        let fields = [("action", "create-token"), ("name", "CI"), ("role", role), ("expiresInDays", days)];
        assert_eq!(post(&server, "/account", &ada, &fields).await, format!("/account?error={error}"));
    }
}

#[tokio::test]
async fn a_page_offers_only_what_the_role_permits() {
    let server = TestServer::start().await;
    let (job, _) = server.api.run("true").await;
    let [viewer, operator, admin] =
        [server.token(Role::Viewer).await, server.token(Role::Operator).await, server.token(Role::Admin).await];
    let of_job = format!("/tasks/queue/{job}");
    for (path, part, [for_viewer, for_operator, for_admin]) in [
        ("/tasks/queue", "href=\"/tasks/queue/new\"", [false, true, true]),
        ("/tasks/queue", "href=\"/secrets\"", [false, true, true]),
        ("/tasks/queue", "href=\"/people\"", [false, false, true]),
        ("/tasks/queue", "href=\"/account\"", [true, true, true]),
        (&of_job, "data-testid=\"run-again\"", [false, true, true]),
        (&of_job, "data-testid=\"edit-and-run-again\"", [false, true, true]),
    ] {
        for (proof, expected) in [(&viewer, for_viewer), (&operator, for_operator), (&admin, for_admin)] {
            assert_eq!(page(&server, path, proof).await.contains(part), expected, "{path} {part} {proof:?}");
        }
    }
    for (proof, expected) in [(&operator, false), (&admin, true)] {
        assert_eq!(page(&server, "/secrets", proof).await.contains("data-testid=\"add-secret\""), expected);
    }
}

#[tokio::test]
async fn an_address_cannot_make_the_pages_say_something_else() {
    let server = TestServer::start().await;
    let admin = Proof::Bearer(TOKEN.into());
    for path in ["/people", "/account"] {
        let html = page(&server, &format!("{path}?done=Call+this+number&error=Call+this+number"), &admin).await;
        let (_, main) = html.split_once("<main").expect("the page has a main part");
        let main = main.split("</main>").next().expect("split gives one");
        assert!(
            !main.contains("Call this number")
                && main.contains("The change was not accepted. Reload the page and try again."),
            "{main}"
        );
    }
}

#[tokio::test]
async fn the_menu_of_every_person_leads_to_the_page_of_the_api() {
    let server = TestServer::start().await;
    let viewer = server.token(Role::Viewer).await;
    for path in ["/tasks/queue", "/account", "/workers"] {
        let html = page(&server, path, &viewer).await;
        assert!(html.contains("<a href=\"/api/docs\" rel=\"external\">API"), "{path}: {html}");
    }
    assert!(page(&server, "/api/docs", &viewer).await.contains("<h1>API</h1>"));
}
