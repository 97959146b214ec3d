//! Tests of logging in and out with a browser.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::{job_with_artifact, routes};
use crate::harness::people::{browser, cookie};
use crate::harness::{TOKEN, TestServer, tcp};

/// Submits the login form.
async fn post_login(server: &TestServer, form: &str) -> Response {
    let request = browser().post(format!("{}/login", server.api.base));
    let request =
        request.header("content-type", "application/x-www-form-urlencoded").header("origin", &server.api.base);
    request.body(form.to_owned()).send().await.expect("the server answers")
}

fn header<'a>(reply: &'a Response, name: &str) -> &'a str {
    reply.headers().get(name).map(|value| value.to_str().expect("ASCII")).unwrap_or_default()
}

/// Logs in with the admin token and returns the cookie.
pub(super) async fn login(server: &TestServer) -> String {
    cookie(&post_login(server, &format!("token={TOKEN}")).await)
}

/// Requests the job list with a cookie and returns the status code. Without a valid session, it is 401.
async fn status(server: &TestServer, cookie: &str) -> u16 {
    tcp::get(&server.api.base, "/api/queue/jobs", &format!("Cookie: {cookie}\r\n")).await.status
}

#[tokio::test]
async fn a_login_sets_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let server = TestServer::start().await;
    let reply = post_login(&server, &format!("token=+{TOKEN}+&next=%2Ftasks%2Fqueue%2Fnew")).await;
    assert_eq!(header(&reply, "location"), "/tasks/queue/new");
    let set = header(&reply, "set-cookie").to_owned();
    let flags: Vec<&str> = set.split("; ").skip(1).collect();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(flags.contains(&flag), "{set}");
    }
    let (job, artifact) = job_with_artifact(&server).await;
    let cookie = cookie(&reply);
    for (method, path) in routes(&job, &artifact) {
        let request = browser().request(method.clone(), format!("{}{path}", server.api.base));
        let reply = request.header("cookie", &cookie).header("origin", &server.api.base).send().await;
        let reply = reply.expect("the server answers");
        let status = reply.status().as_u16();
        if status == 403 {
            let text = reply.text().await.expect("the body arrives");
            assert!(text.contains("worker_not_authorized"), "{method} {path}: {text}");
        }
        assert_ne!(status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_wrong_token_does_not_start_a_session() {
    let server = TestServer::start().await;
    for form in
        ["token=wrong", "token=", "", "ticket=wrong", &format!("ticket={TOKEN}"), &format!("token={}", &TOKEN[1..])]
    {
        let reply = post_login(&server, &format!("{form}&next=%2Ftasks%2Fqueue%2Fnew")).await;
        assert_eq!((reply.status().as_u16(), header(&reply, "set-cookie")), (303, ""), "{form}");
        let location = header(&reply, "location").to_owned();
        assert!(location.starts_with("/login?error="), "{location}");
        assert!(location.contains("next=%2Ftasks%2Fqueue%2Fnew"), "the requested page is preserved: {location}");
    }
    let good = login(&server).await;
    let (name, value) = good.split_once('=').expect("a cookie is a pair");
    for cookie in [
        format!("{name}="),
        format!("{name}=wrong"),
        format!("{name}={TOKEN}"),
        format!("tailwater_session={value}"),
        "session=1".to_owned(),
    ] {
        assert_eq!(status(&server, &cookie).await, 401, "{cookie}");
    }
}

#[tokio::test]
async fn a_login_link_works_once_and_a_get_request_does_not_use_it_up() {
    let server = TestServer::start().await;
    let (base, query) = server.login_link.split_once("/login?").expect("the link leads to the login page");
    assert_eq!(base, server.api.base);
    for _ in 0..3 {
        let reply = browser().get(&server.login_link).send().await.expect("the server answers");
        assert_eq!((reply.status().as_u16(), header(&reply, "set-cookie")), (200, ""), "a link preview");
    }
    let cookie = cookie(&post_login(&server, query).await);
    assert_eq!(status(&server, &cookie).await, 200);
    let again = post_login(&server, query).await;
    assert_eq!(header(&again, "set-cookie"), "");
    assert!(header(&again, "location").starts_with("/login?error=expired"));
    assert_eq!(status(&server, &cookie).await, 200, "the session continues");
}

#[tokio::test]
async fn a_logout_ends_only_its_own_session() {
    let server = TestServer::start().await;
    let (mine, other) = (login(&server).await, login(&server).await);
    let request = browser().post(format!("{}/logout", server.api.base));
    let reply =
        request.header("cookie", &mine).header("origin", &server.api.base).send().await.expect("the server answers");
    assert_eq!((reply.status().as_u16(), header(&reply, "location")), (303, "/login"));
    assert!(header(&reply, "set-cookie").contains("Max-Age=0"), "the browser deletes the cookie");
    assert_eq!(status(&server, &mine).await, 401, "the server deletes the session");
    assert_eq!(status(&server, &other).await, 200);
}

#[tokio::test]
async fn a_session_survives_a_restart_of_the_server() {
    let server = TestServer::start().await;
    let cookie = login(&server).await;
    let server = TestServer::start_over(server.stop().await, |_| {}).await;
    assert_eq!(status(&server, &cookie).await, 200);
}

#[tokio::test]
async fn a_wrong_token_is_refused_even_with_a_valid_cookie() {
    let server = TestServer::start().await;
    let cookie = login(&server).await;
    let headers = format!("Cookie: {cookie}\r\nAuthorization: Bearer wrong\r\n");
    let reply = tcp::get(&server.api.base, "/api/queue/jobs", &headers).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "auth_required"));
}

#[tokio::test]
async fn a_session_is_accepted_alongside_proxy_credentials() {
    let server = TestServer::start().await;
    let cookie = login(&server).await;
    for credentials in
        ["Basic YWRtaW46YWRtaW4=", "basic \u{e9}", "Digest username=\"a\"", "Negotiate abc", "Bearers x", ""]
    {
        let headers = format!("Cookie: {cookie}\r\nAuthorization: {credentials}\r\n");
        for path in ["/api/queue/jobs", "/tasks/queue"] {
            assert_eq!(tcp::get(&server.api.base, path, &headers).await.status, 200, "{credentials} {path}");
        }
        let alone = format!("Authorization: {credentials}\r\n");
        assert_eq!(tcp::get(&server.api.base, "/api/queue/jobs", &alone).await.status, 401, "{credentials}");
    }
    let both = format!("Authorization: Basic YQ==\r\nAuthorization: Bearer {TOKEN}\r\n");
    assert_eq!(tcp::get(&server.api.base, "/api/queue/jobs", &both).await.status, 200);
    for bearer in ["Bearer", "bearer ", "BEARER \u{e9}"] {
        let headers = format!("Cookie: {cookie}\r\nAuthorization: {bearer}\r\n");
        assert_eq!(tcp::get(&server.api.base, "/api/queue/jobs", &headers).await.status, 401, "{bearer:?}");
    }
}

#[tokio::test]
async fn two_servers_on_one_host_do_not_log_each_other_out() {
    let (one, two) = (TestServer::start().await, TestServer::start().await);
    let (first, second) = (login(&one).await, login(&two).await);
    let name = |cookie: &str| cookie.split('=').next().map(str::to_owned);
    assert_ne!(name(&first), name(&second), "a browser stores both, because it identifies cookies by host and name");
    for both in [format!("{first}; {second}"), format!("{second}; {first}")] {
        assert_eq!((status(&one, &both).await, status(&two, &both).await), (200, 200));
    }
    let request = browser().post(format!("{}/logout", two.api.base)).header("origin", &two.api.base);
    let reply = request.header("cookie", format!("{first}; {second}")).send().await.expect("the server answers");
    assert!(header(&reply, "set-cookie").starts_with(&name(&second).expect("the cookie has a name")));
    let both = format!("{first}; {second}");
    assert_eq!((status(&one, &both).await, status(&two, &both).await), (200, 401));
}

#[tokio::test]
async fn failed_logins_block_only_their_own_address() {
    let server = TestServer::start().await;
    let from = |address: [u8; 4]| {
        let client = Client::builder().redirect(Policy::none()).local_address(std::net::IpAddr::from(address));
        client.build().expect("a client")
    };
    let post = async |client: &Client, form: &str| {
        let request = client.post(format!("{}/login", server.api.base)).header("origin", &server.api.base);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        request.send().await.expect("the server answers")
    };
    let (guesser, other) = (from([127, 0, 0, 2]), from([127, 0, 0, 3]));
    let (right, ticket) = (format!("token={TOKEN}"), server.login_link.split_once('?').expect("it has a query").1);
    for _ in 0..20 {
        assert!(header(&post(&guesser, "token=wrong").await, "location").starts_with("/login?error=invalid"));
    }
    for form in ["token=wrong", &right, ticket] {
        assert!(header(&post(&guesser, form).await, "location").starts_with("/login?error=limited"), "{form}");
    }
    cookie(&post(&other, &right).await);
    cookie(&post(&other, ticket).await);
}

#[tokio::test]
async fn invalid_tokens_are_limited_by_address_and_valid_ones_are_always_accepted() {
    let server = TestServer::start_with(|config| config.failed_logins.per_address = 3).await;
    let [guesser, other] = [2, 3].map(|host| {
        let client = Client::builder().redirect(Policy::none());
        client.local_address(std::net::IpAddr::from([127, 0, 0, host])).build().expect("a client")
    });
    let get = async |client: &Client, header: (&str, &str)| {
        let request = client.get(format!("{}/api/queue/jobs", server.api.base)).header(header.0, header.1);
        request.send().await.expect("the server answers")
    };
    let invalid =
        [("authorization", "Bearer wrong"), ("authorization", "Bearer"), ("x-moonmind-worker-token", "wrong")];
    for header in invalid {
        assert_eq!(get(&guesser, header).await.status(), 401, "{header:?}");
    }
    for sent in invalid {
        let reply = get(&guesser, sent).await;
        assert_eq!((reply.status().as_u16(), header(&reply, "retry-after")), (429, "60"), "{sent:?}");
        let text = reply.text().await.expect("the body arrives");
        assert!(text.contains("too_many_requests"), "{text}");
    }
    let valid = format!("Bearer {TOKEN}");
    assert_eq!(get(&guesser, ("authorization", &valid)).await.status(), 200);
    assert_eq!(get(&guesser, ("authorization", "Bearer wrong")).await.status(), 429, "a valid token resets nothing");
    assert_eq!(get(&other, ("authorization", "Bearer wrong")).await.status(), 401);
    let request = guesser.post(format!("{}/login", server.api.base)).header("origin", &server.api.base);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(format!("token={TOKEN}"));
    // A login still succeeds, because invalid tokens and failed logins are counted separately.
    cookie(&request.send().await.expect("the server answers"));
}

#[tokio::test]
async fn a_login_never_redirects_to_another_site() {
    let server = TestServer::start().await;
    for next in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%5C%5Cevil.example",
        "evil.example",
        "%2F%09%2Fevil.example",
        "%2F%0D%0ALocation%3A%20https%3A%2F%2Fevil.example",
        "javascript%3Aalert(1)",
        "%20%2F%2Fevil.example",
    ] {
        let reply = post_login(&server, &format!("token={TOKEN}&next={next}")).await;
        assert_eq!((reply.status().as_u16(), header(&reply, "location")), (303, "/tasks/queue"), "{next}");
        let refused = post_login(&server, &format!("token=wrong&next={next}")).await;
        assert!(!header(&refused, "location").contains("evil"), "{next}: {}", header(&refused, "location"));
    }
}
