//! Reads the sender of a request from headers of a reverse proxy that authenticates people.
//!
//! Any client can send such headers. They are therefore read only from connections of a trusted proxy, and only if the
//! settings name them. In all other cases, they are ignored.

use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::client::RequestClient;
use super::config::ConfigError;
use super::http::error::ApiError;
use crate::auth::ExternalPerson;

/// Headers that cannot contain a user, because they already have another meaning in a request.
const TAKEN: [&str; 18] = [
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The prefixes of further headers that cannot contain a user.
const TAKEN_PREFIXES: [&str; 3] = ["sec-", "x-forwarded-for", "x-forwarded-proto"];

/// The headers in which a reverse proxy sends a person's name and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyHeaders {
    user: HeaderName,
    groups: Option<HeaderName>,
}

impl ProxyHeaders {
    /// Parses the names of the headers.
    pub(super) fn parse(user: &str, groups: Option<&str>) -> Result<Self, ConfigError> {
        let name = |setting: &'static str, text: &str| {
            let invalid = || ConfigError::ProxyHeader { setting, name: text.to_owned() };
            let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| invalid())?;
            let is_taken =
                TAKEN.contains(&name.as_str()) || TAKEN_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
            if is_taken { Err(invalid()) } else { Ok(name) }
        };
        let user = name("proxy_user_header", user)?;
        let groups = groups.map(|groups| name("proxy_groups_header", groups)).transpose()?;
        if groups.as_ref() == Some(&user) {
            return Err(ConfigError::ProxyHeader { setting: "proxy_groups_header", name: user.to_string() });
        }
        Ok(Self { user, groups })
    }

    /// Returns the person for whom a trusted proxy vouches. Returns `None` if the request does not come from a trusted
    /// proxy, or if the proxy has not authenticated anybody.
    ///
    /// A request in which one of the two headers occurs twice is refused, because the proxy and the server could choose
    /// different values. A header that is listed in the request's `Connection` header is refused as well, because
    /// another proxy in between would have removed it.
    pub(super) fn person(
        &self,
        client: RequestClient,
        headers: &HeaderMap,
    ) -> Result<Option<ExternalPerson>, ApiError> {
        if !client.from_proxy {
            return Ok(None);
        }
        let Some(user) = single(headers, &self.user)?.filter(|user| !user.is_empty()) else { return Ok(None) };
        let groups = match &self.groups {
            Some(name) => single(headers, name)?.unwrap_or_default(),
            None => "",
        };
        let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned);
        Ok(Some(ExternalPerson::of_proxy(user, groups.collect())))
    }
}

/// Returns the value of a header, or `None` if the request does not contain it. A repeated header is refused.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut lines = headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    let refused = |problem: &str| Err(ApiError::InvalidRequest(format!("the header {name} {problem}")));
    if lines.next().is_some() {
        return refused("occurs more than once; the proxy must replace the client's header instead of adding one");
    }
    if is_of_connection(headers, name) {
        return refused("is listed in the header Connection, so it is not meant for this server");
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text.trim())),
        Err(_) => refused("is not valid UTF-8"),
    }
}

/// Returns whether the request declares a header as valid for its connection only (RFC 9110, 7.6.1).
fn is_of_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    let options = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
    options
        .flat_map(|line| line.split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    /// Returns the person, given the header lines of a request from a trusted proxy, or `None` if they name nobody.
    fn person(lines: &[(&'static str, &'static str)]) -> Result<Option<ExternalPerson>, String> {
        let names = ProxyHeaders::parse("Remote-User", Some("Remote-Groups")).expect("they are names");
        read(&names, lines, true)
    }

    fn read(
        names: &ProxyHeaders,
        lines: &[(&'static str, &'static str)],
        from_proxy: bool,
    ) -> Result<Option<ExternalPerson>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let client = RequestClient { address: IpAddr::from(Ipv4Addr::LOCALHOST), https: false, from_proxy };
        names.person(client, &headers).map_err(|error| error.to_string())
    }

    #[test]
    fn the_name_and_the_groups_are_read_from_the_headers() {
        let ada = |groups: &[&str]| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            Ok(Some(ExternalPerson::of_proxy("ada", groups)))
        };
        assert_eq!(person(&[("remote-user", " ada ")]), ada(&[]));
        assert_eq!(person(&[("remote-user", "ada"), ("remote-groups", "ops, dev ,,x y")]), ada(&["ops", "dev", "x y"]));
        for lines in [&[][..], &[("remote-user", "")], &[("remote-user", " ")], &[("remote-groups", "ops")]] {
            assert_eq!(person(lines), Ok(None), "{lines:?}");
        }
    }

    #[test]
    fn a_header_that_occurs_twice_or_belongs_to_the_connection_is_refused() {
        for lines in [
            &[("remote-user", "ada"), ("remote-user", "ada")][..],
            &[("remote-user", ""), ("remote-user", "ada")],
            &[("remote-user", "ada"), ("remote-groups", "a"), ("remote-groups", "b")],
            &[("remote-user", "ada"), ("connection", "close, Remote-User")],
            &[("remote-user", "ada"), ("remote-groups", "a"), ("connection", "close"), ("connection", "remote-groups")],
        ] {
            let refusal = person(lines).expect_err("it is refused");
            assert!(refusal.starts_with("the header remote-"), "{refusal}");
        }
    }

    #[test]
    fn without_a_trusted_proxy_the_headers_are_not_even_looked_at() {
        let names = ProxyHeaders::parse("remote-user", None).expect("it is a name");
        assert_eq!(read(&names, &[("remote-user", "ada"), ("remote-user", "bob")], false), Ok(None));
    }

    #[test]
    fn headers_with_a_meaning_of_their_own_cannot_contain_a_user() {
        for name in ["", "a b", "Cookie", "HOST", "x-forwarded-for", "sec-fetch-site", "remote-user:"] {
            assert!(ProxyHeaders::parse(name, None).is_err(), "{name}");
        }
        assert!(ProxyHeaders::parse("remote-user", Some("Remote-User")).is_err());
        assert!(ProxyHeaders::parse("x-forwarded-user", Some("x-forwarded-groups")).is_ok());
    }
}
