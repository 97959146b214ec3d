//! Users, sessions and tokens of a test server.

use std::path::Path;

use model::Role;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::TestServer;

/// The password of every user in the tests.
pub const PASSWORD: &str = "correct horse battery";

/// The credential of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// No credential.
    Nothing,
    /// A bearer token.
    Bearer(String),
    /// A session cookie, sent in a request from a page of the server.
    Cookie(String),
}

impl Proof {
    /// Adds the credential to a request. `base` is the address of the server.
    pub fn add_to(&self, request: RequestBuilder, base: &str) -> RequestBuilder {
        match self {
            Self::Nothing => request,
            Self::Bearer(token) => request.bearer_auth(token),
            Self::Cookie(cookie) => request.header("cookie", cookie).header("origin", base),
        }
    }
}

/// Creates a client that does not follow redirects, so that tests see every response.
pub fn browser() -> Client {
    Client::builder().redirect(Policy::none()).build().expect("a client")
}

/// Returns the cookie set by a login reply, as a browser would send it back.
pub fn cookie(reply: &Response) -> String {
    assert_eq!(reply.status(), 303);
    let cookie = reply.headers().get("set-cookie").map(|value| value.to_str().expect("ASCII")).unwrap_or_default();
    cookie.split(';').next().filter(|pair| pair.starts_with("tailwater_session_")).expect("a session starts").to_owned()
}

impl TestServer {
    /// Adds a user with [`PASSWORD`].
    pub async fn add_user(&self, name: &str, role: Role) {
        let reply = self.api.post("/users", &json!({"name": name, "role": role, "password": PASSWORD})).await;
        assert_eq!(reply.status(), 201, "{}", reply.text().await.unwrap_or_default());
    }

    /// Submits a form as a page of the server does.
    pub async fn post_form(&self, path: &str, proof: &Proof, fields: &[(&str, &str)]) -> Response {
        let body = serde_urlencoded::to_string(fields).expect("pairs of strings can be encoded");
        let request = browser().post(format!("{}{path}", self.api.base)).header("origin", &self.api.base);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let request = match proof {
            Proof::Cookie(cookie) => request.header("cookie", cookie),
            proof => proof.add_to(request, &self.api.base),
        };
        request.send().await.expect("the server answers")
    }

    /// Logs a user in and returns the cookie.
    pub async fn log_in(&self, name: &str, password: &str) -> Proof {
        let reply = self.post_form("/login", &Proof::Nothing, &[("name", name), ("password", password)]).await;
        Proof::Cookie(cookie(&reply))
    }

    /// Creates an API token, authenticated with the credential `by`, and returns the response.
    pub async fn create_token(&self, by: &Proof, new: Value) -> Value {
        let request = browser().post(format!("{}/api/queue/tokens", self.api.base)).json(&new);
        let reply = by.add_to(request, &self.api.base).send().await.expect("the server answers");
        let (status, body) = (reply.status(), reply.json::<Value>().await.expect("the body is JSON"));
        assert_eq!(status, 201, "{body}");
        body
    }

    /// Creates an API token with this role, authenticated with the admin token, and returns the new token.
    pub async fn token(&self, role: Role) -> Proof {
        let by = Proof::Bearer(super::TOKEN.to_owned());
        bearer(&self.create_token(&by, json!({"name": role, "role": role})).await)
    }

    /// Requests a page.
    pub async fn page(&self, path: &str, proof: &Proof) -> Response {
        let request = browser().get(format!("{}{path}", self.api.base));
        proof.add_to(request, &self.api.base).send().await.expect("the server answers")
    }

    /// Returns the status of a GET request.
    pub async fn status(&self, path: &str, proof: &Proof) -> u16 {
        let request = browser().get(format!("{}{path}", self.api.base));
        proof.add_to(request, &self.api.base).send().await.expect("the server answers").status().as_u16()
    }

    /// Runs a query whose result is one number, and returns the number.
    pub async fn number(&self, query: &'static str) -> i64 {
        let path = self.data.path().join("tailwater.sqlite");
        let mut connection =
            SqliteConnectOptions::new().filename(path).read_only(true).connect().await.expect("the file opens");
        sqlx::query_scalar(query).fetch_one(&mut connection).await.expect("the query is valid")
    }

    /// Changes the database directly while the server is running, for example to make a session expire.
    pub async fn execute(&self, statement: &str) {
        execute(self.data.path(), statement).await;
    }

    /// Returns the texts in the only column of a query of the database.
    pub async fn column(&self, query: &str) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.data.path().join("tailwater.sqlite"));
        let mut connection = options.connect().await.expect("the file opens");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(query));
        query.fetch_all(&mut connection).await.expect("the query is valid")
    }
}

/// Executes a statement in the database of a data directory.
pub async fn execute(data: &Path, statement: &str) {
    let path = data.join("tailwater.sqlite");
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(std::time::Duration::from_mins(1));
    let mut connection = options.connect().await.expect("the file opens");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.expect("the statement is valid");
}

/// Returns the new token from the response of [`TestServer::create_token`].
pub fn bearer(created: &Value) -> Proof {
    Proof::Bearer(created["token"].as_str().expect("a new token has a text").to_owned())
}
