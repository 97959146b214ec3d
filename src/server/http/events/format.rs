//! Formats a page of events as one JSON object, as NDJSON with one event per line, or as the plain text of the output.
//! The client chooses the format with the parameter `format` or with `Accept` (RFC 9110, 12.5.1).

use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use engine::event_log::Page;
use model::Payload;

use crate::server::accept::accepted;
use crate::server::http::error::ApiError;
use crate::server::http::query::Query;

/// The media type of one JSON object per line.
pub(in crate::server::http) const NDJSON: &str = "application/x-ndjson";

/// The format of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Format {
    /// The page as one JSON object.
    Json,
    /// Each event on its own line, with the same bytes as in the JSON format. The cursors are in headers.
    Lines,
    /// Only the messages of log events, concatenated.
    Text,
}

impl Format {
    /// Returns the requested format. A link can request it with the parameter `format`. Without this parameter, it is
    /// the format that the client prefers according to `Accept`, or JSON.
    pub(in crate::server) fn requested(query: &mut Query, request: &HeaderMap) -> Result<Self, ApiError> {
        let named = query.word("format", &[("json", Self::Json), ("ndjson", Self::Lines), ("text", Self::Text)])?;
        Ok(named.unwrap_or_else(|| Self::accepted(request)))
    }

    fn accepted(request: &HeaderMap) -> Self {
        let mut best = (0.0, Self::Json);
        for (range, quality) in accepted(request, ACCEPT) {
            let format = match range.as_str() {
                NDJSON => Self::Lines,
                "text/plain" => Self::Text,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// Returns a response with the page in this format.
    pub(super) fn reply(self, page: &Page) -> Response {
        let (content_type, body) = match self {
            Self::Json => ("application/json", page.to_json()),
            Self::Lines => (NDJSON, lines(page)),
            Self::Text => ("text/plain; charset=utf-8", messages(page)),
        };
        let reply = ([(CONTENT_TYPE, content_type), (VARY, "accept")], body);
        match self {
            Self::Json => reply.into_response(),
            Self::Lines | Self::Text => (where_to_go_on(page), reply).into_response(),
        }
    }
}

fn lines(page: &Page) -> Vec<u8> {
    page.events.iter().flat_map(|event| [event.item(), b"\n"]).collect::<Vec<_>>().concat()
}

fn messages(page: &Page) -> Vec<u8> {
    let output = page.to_model().items.into_iter().filter(|event| matches!(event.payload, Payload::Log(_)));
    output.map(|event| event.message).collect::<String>().into_bytes()
}

/// Returns the other members of the page's JSON object as headers, because only the items are in the body.
fn where_to_go_on(page: &Page) -> [(HeaderName, String); 5] {
    [
        (HeaderName::from_static("x-next-after"), page.next_after.to_string()),
        (HeaderName::from_static("x-next-before"), page.next_before.to_string()),
        (HeaderName::from_static("x-has-more"), page.has_more.to_string()),
        (HeaderName::from_static("x-last-seq"), page.last_seq.to_string()),
        (HeaderName::from_static("x-terminal"), page.terminal.is_some().to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_format_is_used_and_json_if_none_is_supported() {
        for (accept, expected) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/x-ndjson", Format::Lines),
            ("APPLICATION/X-NDJSON", Format::Lines),
            ("Text/Plain;Q=0.1, Application/JSON;q=0.2", Format::Json),
            ("text/plain", Format::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Json),
            ("application/json;q=0.5, application/x-ndjson", Format::Lines),
            ("text/plain;q=0.1, application/json", Format::Json),
            ("text/plain;q=0", Format::Json),
            ("image/png", Format::Json),
            ("application/json, text/plain", Format::Json),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().expect("it is a header value"))]);
            assert_eq!(Format::accepted(&headers), expected, "{accept}");
        }
    }
}
