//! Determines the host of a request (RFC 9112, 3.2), and checks that it is one of this server's names.
//!
//! With DNS rebinding, another site's name can resolve to this server's address. A page of that site can then make a
//! browser send requests to this server under the site's name. Requests under any name but this server's own are
//! therefore refused.

use std::net::Ipv6Addr;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version};

use crate::server::AppState;
use crate::server::http::error::ApiError;

/// The names of the loopback interface.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The paths of health checks. The host is not checked for these paths, because monitoring tools often use an IP
/// address as the host, or no host. The responses contain no private data.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The host and port that a request is addressed to, exactly as written in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct RequestHost(String);

impl RequestHost {
    /// Returns the host of a request: the authority of an absolute URI or, if the URI is not absolute, the `Host`
    /// header.
    ///
    /// HTTP/1.1 requires exactly one valid `Host` header, even in addition to an absolute URI. HTTP/1.0 does not
    /// require one. If a request has neither an absolute URI nor a `Host` header, the result is empty, which is not one
    /// of the server's names.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<Self, ApiError> {
        let invalid = |what: &str| ApiError::InvalidRequest(what.to_owned());
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (_, Some(_)) => return Err(invalid("the request has more than one Host header")),
            (None, None) if version == Version::HTTP_11 => return Err(invalid("the request has no Host header")),
            (None, None) => "",
            (Some(host), None) => {
                let host = host.to_str().ok().filter(|host| is_host(host));
                host.ok_or_else(|| invalid("the Host header is not a host name with an optional port"))?
            }
        };
        match uri.authority().map(Authority::as_str) {
            Some(authority) if is_host(authority) => Ok(Self(authority.to_owned())),
            Some(_) => Err(invalid("the request's target is not a host name with an optional port")),
            None => Ok(Self(host.to_owned())),
        }
    }

    /// Refuses a host that is not one of this server's names, unless `path` is the path of a health check.
    pub(super) fn check(&self, state: &AppState, path: &str) -> Result<(), ApiError> {
        let name = plain_name(&self.0);
        let address = state.leptos.site_addr.to_string();
        let further = state.config.allowed_hosts.iter().map(String::as_str);
        let mut ours = LOOPBACK.into_iter().chain([address.as_str()]).chain(further);
        if PROBES.contains(&path) || ours.any(|ours| plain_name(ours) == name) {
            return Ok(());
        }
        Err(ApiError::HostNotAllowed(name.chars().take(100).collect()))
    }

    /// Returns the origin to which the browser has sent the request: scheme, host and port.
    pub(in crate::server) fn origin(&self, https: bool) -> String {
        format!("{}://{}", if https { "https" } else { "http" }, self.0)
    }

    /// Returns whether the value of an `Origin` header has this host and port, and a scheme under which browsers can
    /// have loaded this server's pages.
    ///
    /// If the client uses HTTPS, the scheme must be `https`. Otherwise, both schemes are possible, because a proxy that
    /// is not trusted may accept HTTPS and pass requests on over HTTP.
    pub(super) fn is_origin(&self, origin: &str, https: bool) -> bool {
        origin.split_once("://").is_some_and(|(scheme, host)| {
            let is_loaded_over = scheme == "https" || (scheme == "http" && !https);
            is_loaded_over && host.eq_ignore_ascii_case(&self.0)
        })
    }
}

/// Returns whether `text` is a host with an optional port. An empty string is also valid (RFC 9110, 7.2).
fn is_host(text: &str) -> bool {
    // `@` is refused, because `Authority` also accepts user information, which a `Host` header must not contain.
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}

/// Normalises a name for comparisons: lower case, without the port and the trailing dot. IPv6 addresses have several
/// notations, so they are parsed and formatted again.
fn plain_name(host: &str) -> String {
    let name = without_port(host);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address.and_then(|address| address.parse::<Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => name,
    }
}

/// Removes the port from `name:1` and `[::1]:1`, and leaves `[::1]` unchanged.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str, hosts: &[&str], version: Version) -> Result<String, ApiError> {
        let headers = hosts.iter().map(|host| (HOST, host.parse().expect("it is a header value")));
        let uri = uri.parse().expect("it is a URI");
        RequestHost::of(&uri, &headers.collect(), version).map(|target| target.0)
    }

    #[test]
    fn the_authority_of_an_absolute_target_overrides_the_host_header() {
        let table = [
            ("/", &["a:1"][..], "a:1"),
            ("http://b:2/x", &["a:1"], "b:2"),
            ("http://b", &[""], "b"),
            ("/", &[""], ""),
            ("/", &["[::1]:80"], "[::1]:80"),
        ];
        for (uri, hosts, expected) in table {
            assert_eq!(target(uri, hosts, Version::HTTP_11).expect("it is valid"), expected, "{uri} {hosts:?}");
        }
        assert_eq!(target("/", &[], Version::HTTP_10).expect("HTTP/1.0 requires no Host"), "");
    }

    #[test]
    fn a_request_without_exactly_one_valid_host_is_invalid() {
        let table = [
            ("/", &[][..]),
            ("http://a/", &[]),
            ("/", &["a", "a"]),
            ("/", &["a", "b"]),
            ("/", &["a, b"]),
            ("/", &["user@a"]),
            ("/", &["a/b"]),
            ("/", &["[::1"]),
            ("http://user@a/", &["a"]),
        ];
        for (uri, hosts) in table {
            let refused = target(uri, hosts, Version::HTTP_11);
            assert!(matches!(refused, Err(ApiError::InvalidRequest(_))), "{uri} {hosts:?} {refused:?}");
        }
        assert!(target("/", &["a", "b"], Version::HTTP_10).is_err(), "also of HTTP/1.0");
    }

    #[test]
    fn names_are_compared_without_port_case_and_trailing_dot() {
        let table = [
            ("a:1", "a"),
            ("A", "a"),
            ("LocalHost.:3000", "localhost"),
            ("[::1]:80", "[::1]"),
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("a..", "a."),
            ("", ""),
            (":80", ":80"),
        ];
        for (host, name) in table {
            assert_eq!(plain_name(host), name, "{host}");
        }
    }

    #[test]
    fn an_origin_matches_if_its_host_and_port_are_those_of_the_target() {
        let ours = RequestHost("LOCALHOST:3000".to_owned());
        for (origin, https) in
            [("http://localhost:3000", false), ("https://localhost:3000", false), ("https://localhost:3000", true)]
        {
            assert!(ours.is_origin(origin, https), "{origin}");
        }
        for other in ["http://localhost:3000", "evil://localhost:3000"] {
            assert!(!ours.is_origin(other, true), "{other}");
        }
        for other in ["http://localhost", "http://localhost:3001", "null", "localhost:3000", "http://evil", ""] {
            assert!(!ours.is_origin(other, false), "{other}");
        }
    }
}
