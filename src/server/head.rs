//! Limits the head of a request: the length of its target, and the number and the total size of its headers.
//!
//! hyper refuses a head that does not fit into the connection's buffer, whose size is the sum of all limits. If the
//! headers are small, a head can fit even though its target is too long, and vice versa. Each limit is therefore also
//! checked separately ([`limit`]).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::http::error::ApiError;

/// The maximum total size of the method, the version and the separators in a request line, in bytes. The longest
/// registered method has 17 characters (RFC 9110, 16.1).
const REQUEST_LINE: usize = 64;

/// The smallest buffer that hyper accepts, in bytes.
const MIN_BUFFER: usize = 8 << 10;

/// The number of bytes in a header besides its name and its value: the colon, a space and the line break.
const SEPARATORS: usize = 4;

/// The maximum size of a request's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The maximum length of the target, in bytes: the URL without the scheme and the host.
    pub url_bytes: usize,
    /// The maximum number of headers.
    pub headers: usize,
    /// The maximum total size of the headers, in bytes.
    pub header_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        // RFC 9110, 4.1, recommends at least 8,000 bytes for a URL. 100 headers are the default of hyper and of Apache.
        Self { url_bytes: 8 << 10, headers: 100, header_bytes: 16 << 10 }
    }
}

impl HeadLimits {
    /// Returns the size of the buffer for a request head, in bytes.
    pub(super) fn buffer(self) -> usize {
        (REQUEST_LINE + self.url_bytes + self.header_bytes).max(MIN_BUFFER)
    }

    /// Checks the head of a request that hyper has parsed.
    fn check(self, target: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let size = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + SEPARATORS;
        if target_len(target) > self.url_bytes {
            Err(ApiError::UriTooLong(self.url_bytes))
        } else if headers.iter().map(size).sum::<usize>() > self.header_bytes {
            Err(ApiError::HeadersTooLarge(self.header_bytes))
        } else {
            Ok(())
        }
    }

    /// Returns the error for a head that hyper refuses because of its size. `unread` is the beginning of the head, from
    /// which the exceeded limit is determined.
    pub(super) fn exceeded(self, unread: &[u8]) -> ApiError {
        let mut lines = unread.split(|byte| *byte == b'\n');
        let request_line = lines.next().unwrap_or_default();
        let target = request_line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let headers = lines.take_while(|line| !line.trim_ascii().is_empty()).count();
        if target.len() > self.url_bytes {
            ApiError::UriTooLong(self.url_bytes)
        } else if headers > self.headers {
            ApiError::TooManyHeaders(self.headers)
        } else {
            ApiError::HeadersTooLarge(self.header_bytes)
        }
    }
}

/// Returns the length of a request's target as it was sent.
fn target_len(target: &Uri) -> usize {
    let origin = target.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = target.authority().map_or(0, |authority| authority.as_str().len());
    origin + authority + target.path_and_query().map_or(0, |path| path.as_str().len())
}

/// Passes on a request whose head is within the limits.
pub(super) async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match state.config.head.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { url_bytes: 8_192, headers: 100, header_bytes: 16_384 };

    #[track_caller]
    fn code(error: ApiError) -> &'static str {
        error.status_and_code().1
    }

    #[test]
    fn a_head_that_exceeds_several_limits_is_refused_because_of_the_first_one() {
        let (long, short) = ("x".repeat(8_193), "x".repeat(8_191));
        let many = "A: b\r\n".repeat(101);
        let large = format!("A: {}", "x".repeat(20_000));
        for (head, expected, says) in [
            (format!("GET /{long} HTTP/1.1\r\n{many}"), "uri_too_long", "8192"),
            (format!("GET /{long}"), "uri_too_long", "--url-bytes"),
            (format!("GET /{short} HTTP/1.1\r\n{many}"), "headers_too_large", "--header-count"),
            (format!("GET /{short} HTTP/1.1\r\n{large}"), "headers_too_large", "--header-bytes"),
            (format!("GET / HTTP/1.1\r\n{}\r\n{many}", "A: b\r\n".repeat(100)), "headers_too_large", "16384"),
            (long.clone(), "headers_too_large", ""),
        ] {
            let error = LIMITS.exceeded(head.as_bytes());
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(code(error), expected, "{}", &head[..20]);
        }
    }

    #[test]
    fn a_parsed_head_is_refused_if_its_target_or_its_headers_are_too_large() {
        let target = |length: usize| format!("/{}", "x".repeat(length - 1)).parse::<Uri>().expect("a target");
        let headers = |length: usize| {
            let value = "x".repeat(length - 1 - SEPARATORS).parse().expect("a value");
            HeaderMap::from_iter([(HeaderName::from_static("a"), value)])
        };
        assert!(LIMITS.check(&target(8_192), &headers(16_384)).is_ok());
        assert_eq!(LIMITS.check(&target(8_193), &headers(10)).map_err(code), Err("uri_too_long"));
        assert_eq!(LIMITS.check(&target(10), &headers(16_385)).map_err(code), Err("headers_too_large"));
        let absolute = format!("http://localhost/{}", "x".repeat(8_192 - 17)).parse::<Uri>().expect("a target");
        assert_eq!(target_len(&absolute), 8_192);
    }
}
