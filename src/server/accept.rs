//! Parses the headers that state the client's preferences: `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2).

use axum::http::{HeaderMap, HeaderName};

/// Returns the names listed in a header, in lower case, each with its weight from 0 (not acceptable) to 1.
///
/// Names and the parameter `q`, which states the weight, are case-insensitive. A list may be distributed over several
/// header lines.
pub(super) fn accepted(headers: &HeaderMap, name: HeaderName) -> Vec<(String, f32)> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(weighted).collect()
}

fn weighted(item: &str) -> (String, f32) {
    let item = item.to_ascii_lowercase();
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_owned();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    (name, weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn items_of_a_list_have_weights_regardless_of_case_and_header_lines() {
        let lines = ["text/Plain;charset=UTF-8; Q=0.5 ,GZIP; q= 0", "*/*, br;q=x"];
        let headers: HeaderMap =
            lines.iter().map(|line| (ACCEPT, line.parse().expect("it is a header value"))).collect();
        let expected = [("text/plain", 0.5), ("gzip", 0.0), ("*/*", 1.0), ("br", 0.0)];
        assert_eq!(accepted(&headers, ACCEPT), expected.map(|(name, weight)| (name.to_owned(), weight)));
    }
}
