//! Determines the address of a request's client, and whether the client uses HTTPS.
//!
//! Behind a reverse proxy, only headers state the client's address and whether the client uses HTTPS. Any client can
//! send these headers, so they are trusted only if the connection comes from one of the configured proxies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The header with the addresses through which a request came: first the client, then each proxy except the last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header with the scheme of the client's request, `http` or `https`.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client of a request. It is stored in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestClient {
    /// The client's address.
    pub(super) address: IpAddr,
    /// Whether the client uses HTTPS.
    pub(super) https: bool,
    /// Whether the connection comes from a trusted proxy.
    pub(super) from_proxy: bool,
}

/// The reverse proxies whose headers are trusted.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses addresses (`10.0.0.7`) and networks (`10.0.0.0/8`). Returns the first invalid string as an error.
    pub(super) fn parse(texts: &[String]) -> Result<Self, String> {
        let network = |text: &String| {
            let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            text.parse::<IpNet>().or_else(|_| address()).map_err(|_| text.clone())
        };
        texts.iter().map(network).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the client of a request that was received from the address `peer`. `over_tls` is true if that connection
    /// uses TLS.
    ///
    /// The client is the last address in `X-Forwarded-For` that does not belong to a trusted proxy. Earlier addresses
    /// are ignored, because the client itself may have sent them.
    pub(super) fn client(&self, peer: IpAddr, over_tls: bool, headers: &HeaderMap) -> RequestClient {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return RequestClient { address: peer, https: over_tls, from_proxy: false };
        }
        let mut address = peer;
        for forwarded in values(headers, &FORWARDED_FOR).into_iter().rev() {
            let Some(before) = plain_address(forwarded) else { break };
            address = before;
            if !self.contains(address) {
                break;
            }
        }
        let https = match values(headers, &FORWARDED_PROTO).first() {
            Some(scheme) => scheme.eq_ignore_ascii_case("https"),
            None => over_tls,
        };
        RequestClient { address, https, from_proxy: true }
    }

    /// Returns whether processes on this machine are trusted as proxies.
    pub(super) fn include_this_machine(&self) -> bool {
        self.contains(Ipv4Addr::LOCALHOST.into())
            || self.contains(Ipv6Addr::LOCALHOST.into())
            || self.0.iter().any(|network| network.network().is_loopback())
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Returns the items of a header that contains a comma-separated list. The list may be distributed over several header
/// lines.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// Parses an address, or returns `None` if it is invalid. Some proxies add a port or brackets: `10.0.0.7:1`, `[::1]:1`,
/// `[::1]`.
fn plain_address(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.split_once(']').map(|(address, _)| address);
    let before_port = || text.split_once(':').map(|(address, _)| address);
    let parsed = text.parse().ok();
    let parsed = parsed.or_else(|| in_brackets()?.parse().ok()).or_else(|| before_port()?.parse().ok());
    parsed.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, headers: &[(HeaderName, &'static str)], address: &str, https: bool, from_proxy: bool) {
        let proxies = TrustedProxies::parse(&["10.0.0.0/8".to_owned(), "::1".to_owned(), "192.0.2.1".to_owned()]);
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().expect("it is a header value")));
        let peer = peer.parse().expect("it is an address");
        let client = proxies.expect("they are valid").client(peer, false, &headers.collect());
        assert_eq!(client, RequestClient { address: address.parse().expect("it is an address"), https, from_proxy });
    }

    #[test]
    fn headers_are_ignored_unless_the_connection_comes_from_a_trusted_proxy() {
        let spoofed = [(FORWARDED_FOR, "203.0.113.9"), (FORWARDED_PROTO, "https")];
        check("198.51.100.1", &spoofed, "198.51.100.1", false, false);
        check("127.0.0.1", &spoofed, "127.0.0.1", false, false);
        check("10.1.2.3", &spoofed, "203.0.113.9", true, true);
        check("::ffff:10.1.2.3", &spoofed, "203.0.113.9", true, true);
        check("::1", &spoofed, "203.0.113.9", true, true);
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_trusted_proxy() {
        for (forwarded, client) in [
            ("203.0.113.9", "203.0.113.9"),
            ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
            ("127.0.0.1, 203.0.113.9, 10.9.9.9 ,192.0.2.1", "203.0.113.9"),
            ("10.9.9.9", "10.9.9.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, unknown", "10.0.0.1"),
            ("203.0.113.9, unknown, 10.2.2.2", "10.2.2.2"),
            ("", "10.0.0.1"),
        ] {
            check("10.0.0.1", &[(FORWARDED_FOR, forwarded)], client, false, true);
        }
        check("10.0.0.1", &[(FORWARDED_FOR, "127.0.0.1"), (FORWARDED_FOR, "203.0.113.9")], "203.0.113.9", false, true);
    }

    #[test]
    fn the_scheme_is_that_of_the_first_proxy() {
        for (scheme, https) in [("https", true), ("HTTPS", true), ("https, http", true), ("http", false), ("x", false)]
        {
            check("10.0.0.1", &[(FORWARDED_PROTO, scheme)], "10.0.0.1", https, true);
        }
    }

    #[test]
    fn an_invalid_network_is_reported() {
        for invalid in ["", "10.0.0.0/33", "proxy.example", "10.0.0.1:80", "10.0.0.0/8,"] {
            let error = TrustedProxies::parse(&["10.0.0.1".to_owned(), invalid.to_owned()]);
            assert_eq!(error.expect_err("it is invalid"), invalid);
        }
    }
}
