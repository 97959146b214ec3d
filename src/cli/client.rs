//! The API client, which selects the server and the token, and converts every failure into an error message.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use model::ErrorBody;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::credentials::Credentials;
use super::error::CliError;

/// The server that is used if none is specified and there is no stored login.
pub(super) const DEFAULT_SERVER: &str = "http://127.0.0.1:3000";

/// The maximum time for connecting.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The maximum time until a response starts. A busy server may need several seconds.
const REPLY_WITHIN: Duration = Duration::from_secs(30);

/// The maximum time without data while a response is being received. After that, the connection is considered broken.
const SILENT_AFTER: Duration = Duration::from_secs(30);

/// The maximum time without progress during an upload. Progress can pause while a large file compresses to almost
/// nothing, or while the server writes to its disk.
const STALLED_AFTER: Duration = Duration::from_mins(2);

/// The maximum size of a JSON response, in bytes. The limit is sufficient for a page of events with 1 MiB of text, even
/// if JSON escapes make the text six times as long.
const MAX_REPLY: usize = 32 << 20;

/// The maximum number of characters that are printed from an unexpected response.
const MAX_SHOWN: usize = 200;

/// The options that choose the server and the token.
#[derive(Clone, Debug, Args)]
pub(super) struct ServerArgs {
    /// The server's address [default: the one stored by `tailwater login`, else `http://127.0.0.1:3000`].
    #[arg(long, env = "TAILWATER_SERVER", value_name = "URL", help_heading = "Server")]
    pub(super) server: Option<String>,
    /// The token; prefer the variable or `tailwater login`, because other users can see a program's arguments.
    #[arg(long, env = "TAILWATER_TOKEN", hide_env_values = true, value_name = "TOKEN", help_heading = "Server")]
    pub(super) token: Option<String>,
}

impl ServerArgs {
    /// Returns a client for the selected server. A stored token is sent only to the server that it was stored for.
    pub(super) fn client(&self) -> Result<ApiClient, CliError> {
        let stored = match (&self.server, &self.token) {
            (Some(_), Some(_)) => None,
            _ => Credentials::load()?,
        };
        let server = match (&self.server, &stored) {
            (Some(server), _) => parse_server(server)?,
            (None, Some(stored)) => parse_server(&stored.server)?,
            (None, None) => parse_server(DEFAULT_SERVER)?,
        };
        let of_server = |stored: Credentials| (stored.server == server).then_some(stored.token);
        let token = self.token.clone().or_else(|| stored.and_then(of_server));
        let token = token.ok_or_else(|| CliError::NotLoggedIn { server: server.clone() })?;
        ApiClient::new(server, token)
    }
}

/// Parses a server's address, and returns it in the form in which addresses are stored and compared: without a path or
/// a trailing slash.
pub(super) fn parse_server(text: &str) -> Result<String, CliError> {
    let wrong = || CliError::Usage(format!("{text:?} is not a server address; expected one such as {DEFAULT_SERVER}"));
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || !is_plain {
        return Err(wrong());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A client for one server. It is cheap to clone.
#[derive(Clone)]
pub(super) struct ApiClient {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl ApiClient {
    pub(super) fn new(server: String, token: String) -> Result<Self, CliError> {
        // If a cryptography provider is already installed, this call returns an error and has no effect.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            // The API never redirects. If a proxy does, the token must not be sent to the new address.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tailwater/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&server) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| unreachable(&server, &error))?;
        Ok(Self { http, server, token })
    }

    /// Returns the server's address.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Returns the token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Creates a request; `path` is relative to `/api/queue`.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/queue{path}", self.server)).bearer_auth(&self.token)
    }

    /// Sends a request. Returns the response if its status reports success, and otherwise an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        self.send_within(REPLY_WITHIN, request).await
    }

    /// Sends a request, and waits up to `limit` for the start of the response. [`Self::send`] uses the usual limit.
    pub(super) async fn send_within(&self, limit: Duration, request: RequestBuilder) -> Result<Response, CliError> {
        let reply = tokio::time::timeout(limit, request.send()).await;
        self.check(reply.map_err(|_| self.silent(limit))?).await
    }

    /// Sends a request with a large body. The upload may take any amount of time as long as `sent`, the number of bytes
    /// sent so far, keeps increasing.
    pub(super) async fn upload(&self, request: RequestBuilder, sent: &AtomicU64) -> Result<Response, CliError> {
        let sending = request.send();
        tokio::pin!(sending);
        loop {
            let before = sent.load(Ordering::Relaxed);
            match tokio::time::timeout(STALLED_AFTER, &mut sending).await {
                Ok(reply) => return self.check(reply).await,
                Err(_) if sent.load(Ordering::Relaxed) == before => return Err(self.silent(STALLED_AFTER)),
                Err(_) => {}
            }
        }
    }

    async fn check(&self, reply: reqwest::Result<Response>) -> Result<Response, CliError> {
        let reply = reply.map_err(|error| unreachable(&self.server, &error))?;
        match reply.status() {
            status if status.is_success() => Ok(reply),
            StatusCode::UNAUTHORIZED => Err(CliError::TokenRefused { server: self.server.clone() }),
            status if status.is_client_error() || status.is_server_error() => Err(self.refusal(reply).await),
            status => Err(self.not_tailwater(format!("it responded with {status}"))),
        }
    }

    /// Requests a resource, and returns the response's body exactly as the server sent it. `query` may be empty.
    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<String, CliError> {
        let request = self.request(Method::GET, &with_query(path, query));
        let reply = self.send(request).await?;
        self.text(reply).await
    }

    /// Requests a resource, and parses it.
    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, CliError> {
        self.parse(&self.get(path, query).await?)
    }

    /// Posts JSON and returns the response's body.
    pub(super) async fn post(&self, path: &str, body: &impl Serialize) -> Result<String, CliError> {
        let reply = self.send(self.request(Method::POST, path).json(body)).await?;
        self.text(reply).await
    }

    /// Returns the next bytes of a response, or `None` at its end.
    pub(super) async fn chunk(&self, reply: &mut Response) -> Result<Option<impl AsRef<[u8]> + use<>>, CliError> {
        let chunk = tokio::time::timeout(SILENT_AFTER, reply.chunk()).await.map_err(|_| self.silent(SILENT_AFTER))?;
        chunk.map_err(|error| unreachable(&self.server, &error))
    }

    /// Parses a response from the server.
    pub(super) fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, CliError> {
        serde_json::from_str(text).map_err(|error| self.not_tailwater(error.to_string()))
    }

    /// Returns the error for a response that a Tailwater server would not send.
    pub(super) fn not_tailwater(&self, what: String) -> CliError {
        CliError::NotTailwater { server: self.server.clone(), what }
    }

    /// Returns the body of a response.
    pub(super) async fn text(&self, mut reply: Response) -> Result<String, CliError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(&mut reply).await? {
            body.extend_from_slice(chunk.as_ref());
            if body.len() > MAX_REPLY {
                return Err(self.not_tailwater(format!("the reply is longer than {MAX_REPLY} bytes")));
            }
        }
        String::from_utf8(body).map_err(|_| self.not_tailwater("the reply is not UTF-8".into()))
    }

    async fn refusal(&self, reply: Response) -> CliError {
        let status = reply.status();
        let text = self.text(reply).await.unwrap_or_default();
        match serde_json::from_str::<ErrorBody>(&text) {
            Ok(ErrorBody { detail }) => {
                CliError::Refused { status: status.as_u16(), code: detail.code, message: detail.message }
            }
            // A proxy sends an error without JSON if it cannot reach the server.
            Err(_) if status.is_server_error() => CliError::Refused {
                status: status.as_u16(),
                code: status.to_string(),
                message: format!("{} is temporarily unavailable", self.server),
            },
            Err(_) => {
                let shown: String = text.chars().take(MAX_SHOWN).collect();
                self.not_tailwater(format!("it responded with {status}: {shown}"))
            }
        }
    }

    fn silent(&self, limit: Duration) -> CliError {
        let cause = format!("no data received for {} s", limit.as_secs());
        CliError::Unreachable { server: self.server.clone(), cause }
    }
}

/// Returns a path with the encoded query, or the path alone if the query is empty.
pub(super) fn with_query(path: &str, query: &[(&str, String)]) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", serde_urlencoded::to_string(query).expect("pairs of strings can be encoded"))
}

fn is_loopback(server: &str) -> bool {
    let url = Url::parse(server).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Returns the error for a request that did not receive a complete response. The message contains only the innermost
/// cause, because the errors around that cause add no information.
fn unreachable(server: &str, error: &reqwest::Error) -> CliError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let action = if error.is_connect() {
        "; start a server with `tailwater serve`, or specify another one with --server or TAILWATER_SERVER"
    } else {
        ""
    };
    CliError::Unreachable { server: server.to_owned(), cause: format!("{cause}{action}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_addresses_are_normalised() {
        for text in ["http://127.0.0.1:3000", "http://127.0.0.1:3000/"] {
            assert_eq!(parse_server(text).expect("it is an address"), "http://127.0.0.1:3000");
        }
        assert_eq!(parse_server("https://Tail.example:443").expect("it is an address"), "https://tail.example");
        for text in ["", "localhost:3000", "ftp://a", "http://a/tasks", "http://user@a", "http://a?b"] {
            assert!(parse_server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_addresses_bypass_the_proxy() {
        for (server, is) in [("http://[::1]:3", true), ("http://localhost", true), ("http://10.0.0.1", false)] {
            assert_eq!(is_loopback(server), is, "{server}");
        }
    }
}
