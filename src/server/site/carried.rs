//! Files that the program carries, sent in the smallest form that the browser takes.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bundle::Bundle;

/// The forms in which a file may be carried, the smallest first: what HTTP calls them, and the ending of the file's name.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// What browsers need to be told of a file, by the ending of its name.
const TYPES: [(&str, &str); 6] = [
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("woff2", "font/woff2"),
];

/// What this program carries. A file is found by its whole name; no path is ever resolved.
#[derive(Debug)]
pub(super) struct Carried {
    bundle: Arc<Bundle>,
}

impl Carried {
    pub(super) fn new(bundle: Bundle) -> Self {
        Self { bundle: Arc::new(bundle) }
    }

    /// Answers a request; nothing if there is no such file.
    pub(super) async fn get(&self, method: &Method, path: &str, asked: &HeaderMap) -> Option<Response> {
        let name = path.strip_prefix('/')?;
        let checksum = self.bundle.checksum(name)?;
        let (encoding, name_there) = self.form(name, asked);
        let tag = format!("\"{checksum:x}-{}\"", encoding.unwrap_or("identity"));
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).ok()?);
        if is_known(asked, &tag) {
            return Some((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(type_of(name)));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if method == Method::HEAD {
            headers.insert(header::CONTENT_LENGTH, self.bundle.length(&name_there)?.into());
            return Some((headers, Body::empty()).into_response());
        }
        let bundle = Arc::clone(&self.bundle);
        let read = tokio::task::spawn_blocking(move || bundle.read(&name_there)).await;
        match read {
            Ok(Ok(bytes)) => Some((headers, bytes?).into_response()),
            Ok(Err(error)) => {
                tracing::error!(%error, "a file that the program carries could not be read");
                Some(StatusCode::INTERNAL_SERVER_ERROR.into_response())
            }
            Err(_) => None,
        }
    }

    /// Returns the encoding in which a file is sent, and what that form is called in the bundle.
    fn form(&self, name: &str, headers: &HeaderMap) -> (Option<&'static str>, String) {
        let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let accepted: Vec<&str> = accepted.flat_map(|value| value.split(',')).collect();
        let form = ENCODINGS.iter().find_map(|&(encoding, ending)| {
            let there = format!("{name}{ending}");
            (takes(&accepted, encoding) && self.bundle.length(&there).is_some()).then_some((Some(encoding), there))
        });
        form.unwrap_or_else(|| (None, name.to_owned()))
    }
}

/// Returns whether a client takes an encoding: it is named, and not with weight 0 (RFC 9110, 12.5.3).
///
/// Among those it takes ours is the choice, and a client that names none gets the file as it is.
fn takes(accepted: &[&str], encoding: &str) -> bool {
    let refuses = |weight: &str| weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
    accepted.iter().any(|item| {
        let mut parts = item.split(';');
        parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case(encoding)) && !parts.any(refuses)
    })
}

/// Returns whether the browser has the file already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

fn type_of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    TYPES.iter().find(|(known, _)| *known == ending).map_or("application/octet-stream", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_used_by_who_takes_it() {
        let table = [
            ("gzip, deflate, br, zstd", "br", true),
            ("GZIP;q=0.5", "gzip", true),
            ("br;q=0, gzip", "br", false),
            ("br; q=0.000", "br", false),
            ("identity", "gzip", false),
            ("brotli", "br", false),
            ("", "br", false),
        ];
        for (header, encoding, expected) in table {
            let accepted: Vec<&str> = header.split(',').collect();
            assert_eq!(takes(&accepted, encoding), expected, "{header}");
        }
    }

    #[test]
    fn a_file_has_the_type_of_its_ending() {
        assert_eq!(type_of("pkg/tailwater_bg.0a1b.wasm"), "application/wasm");
        assert_eq!(type_of("LICENSE"), "application/octet-stream");
    }
}
