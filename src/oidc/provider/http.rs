//! Sends requests to the provider. Their number, duration and response size are limited, and redirects are not
//! followed.
//!
//! The requests are sent with `reqwest`, the HTTP client that the command line uses as well. The system's certificates
//! are trusted.

use std::time::Duration;

use futures_util::future::BoxFuture;
use openidconnect::http::{Method, Request, Response};
use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use crate::limits::PROVIDER_CONNECT;
use crate::oidc::OidcError;

/// The maximum size of a response, in bytes. Descriptions and sets of keys have a few kilobytes.
const MAX_BYTES: usize = 1 << 20;

/// The maximum number of simultaneous requests. It bounds the requests that wait for a provider that does not respond.
const AT_ONCE: usize = 16;

/// The reasons why a request fails. They contain no address, because the address of a provider's endpoint may contain
/// secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HttpFailure {
    #[error("too many requests to it are in progress")]
    Busy,
    #[error("the connection failed")]
    Connect,
    #[error("it did not respond in time")]
    Silent,
    #[error("it responded with status {0}")]
    Status(u16),
    #[error("its response is larger than 1 MiB")]
    TooLarge,
    #[error("the request failed")]
    Other,
}

impl From<reqwest::Error> for HttpFailure {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Silent
        } else if error.is_connect() {
            Self::Connect
        } else {
            Self::Other
        }
    }
}

impl From<HttpFailure> for OidcError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Busy => Self::Busy,
            failure => Self::Unreachable(failure.to_string()),
        }
    }
}

/// Sends requests to the provider.
pub(super) struct ProviderHttp {
    client: reqwest::Client,
    running: Semaphore,
}

impl ProviderHttp {
    /// Creates a client. `reply` is the maximum duration of a request and its response. If the provider's address is a
    /// loopback address (`is_local`), requests never pass through a proxy.
    pub(super) fn new(is_local: bool, reply: Duration) -> Result<Self, reqwest::Error> {
        // If a cryptography provider is already installed, this call returns an error and has no effect.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut client = reqwest::Client::builder()
            .connect_timeout(PROVIDER_CONNECT)
            .timeout(reply)
            // With redirects, a provider could make the server send requests to any host in the server's network.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tailwater/", env!("CARGO_PKG_VERSION")));
        if is_local {
            client = client.no_proxy();
        }
        client.build().map(|client| Self { client, running: Semaphore::new(AT_ONCE) })
    }

    /// Returns the body of the provider's user info.
    pub(super) async fn user_info(&self, endpoint: &Url, access_token: &str) -> Result<Vec<u8>, HttpFailure> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(endpoint.as_str())
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {access_token}"));
        let reply = self.send(request.body(Vec::new()).map_err(|_| HttpFailure::Other)?).await?;
        if reply.status().is_success() {
            Ok(reply.into_body())
        } else {
            Err(HttpFailure::Status(reply.status().as_u16()))
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let _running = self.running.try_acquire().map_err(|_| HttpFailure::Busy)?;
        let mut reply = self.client.execute(request.try_into()?).await?;
        let mut parts = Response::builder().status(reply.status());
        for (name, value) in reply.headers() {
            parts = parts.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(HttpFailure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        parts.body(body).map_err(|_| HttpFailure::Other)
    }
}

impl<'c> AsyncHttpClient<'c> for ProviderHttp {
    type Error = HttpFailure;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpFailure>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::limits::PROVIDER_REPLY;

    /// Requests the user info from a provider that responds with these bytes, or that never responds if `response` is
    /// empty.
    async fn ask(response: Vec<u8>, patience: Duration) -> Result<usize, HttpFailure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}/", listener.local_addr().expect("the listener is bound"));
        let url = url.parse().expect("it is an address");
        let provider = async {
            let (mut stream, _) = listener.accept().await.expect("the client connects");
            stream.read_u8().await.expect("the client sends a request");
            // The client may stop reading before the end.
            stream.write_all(&response).await.ok();
            if response.is_empty() {
                std::future::pending::<()>().await;
            }
            stream.shutdown().await.ok();
            std::future::pending::<()>().await;
        };
        let http = ProviderHttp::new(true, patience).expect("a client can be created");
        tokio::select! {
            reply = http.user_info(&url, "token") => reply.map(|body| body.len()),
            () = provider => unreachable!("it waits forever"),
        }
    }

    fn response(head: &str, body: usize) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + body, b' ');
        bytes
    }

    #[tokio::test]
    async fn a_response_has_a_maximum_size_whatever_its_head_says() {
        assert_eq!(ask(response("200 OK", MAX_BYTES), PROVIDER_REPLY).await, Ok(MAX_BYTES));
        let too_large = ask(response("200 OK", MAX_BYTES + 1), PROVIDER_REPLY).await;
        assert_eq!(too_large, Err(HttpFailure::TooLarge));
    }

    #[tokio::test]
    async fn a_provider_that_does_not_respond_is_given_up() {
        assert_eq!(ask(Vec::new(), Duration::from_millis(50)).await, Err(HttpFailure::Silent));
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let redirect = response("302 Found\r\nlocation: http://127.0.0.1:1/", 0);
        assert_eq!(ask(redirect, PROVIDER_REPLY).await, Err(HttpFailure::Status(302)));
    }

    #[tokio::test]
    async fn further_requests_are_refused_while_too_many_wait_for_the_provider() {
        let http = ProviderHttp::new(true, PROVIDER_REPLY).expect("a client can be created");
        let permits = http.running.acquire_many(u32::try_from(AT_ONCE).expect("it is small")).await;
        let url = "http://127.0.0.1:1/".parse().expect("it is an address");
        assert_eq!(http.user_info(&url, "token").await, Err(HttpFailure::Busy));
        drop(permits);
        assert_eq!(http.user_info(&url, "token").await, Err(HttpFailure::Connect));
    }
}
