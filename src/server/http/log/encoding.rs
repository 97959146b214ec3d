//! The content encodings of log responses.

use std::io::{self, Write};

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::server::accept::accepted;

/// A supported encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// Returns the encoding to use for a client with these request headers (RFC 9110, 12.5.3).
    pub(super) fn accepted(request: &HeaderMap) -> Self {
        let mut accepted = accepted(request, ACCEPT_ENCODING).into_iter();
        let gzip = accepted.any(|(name, weight)| matches!(name.as_str(), "gzip" | "x-gzip") && weight > 0.0);
        if gzip { Self::Gzip } else { Self::Identity }
    }

    /// Returns the entity tag of a body in this encoding. `etag` is the entity tag of the unencoded body.
    pub(super) fn name(self, etag: &str) -> String {
        match self {
            Self::Identity => etag.to_owned(),
            Self::Gzip => format!("{}-gzip\"", etag.trim_end_matches('"')),
        }
    }
}

/// Encodes a body in pieces.
#[derive(Debug)]
pub(super) enum Encoder {
    Identity,
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    /// Adds a piece of the body. Returns the encoded bytes that can already be sent, if any.
    pub(super) fn push(&mut self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(bytes),
            Self::Gzip(encoder) => {
                encoder.write_all(&bytes)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// Completes the body and returns its last bytes.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(Vec::new()),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_if_the_client_accepts_it() {
        for (accepted, expected) in [
            ("", Encoding::Identity),
            ("br, deflate", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("X-Gzip;Q=0.5", Encoding::Gzip),
            ("GZip;Q=0", Encoding::Identity),
            ("deflate, gzip;q=0.5, br", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("gzip; q=0.000", Encoding::Identity),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accepted.parse().expect("it is a header value"))]);
            assert_eq!(Encoding::accepted(&headers), expected, "{accepted}");
        }
    }

    #[test]
    fn each_encoding_has_its_own_entity_tag() {
        assert_eq!(Encoding::Gzip.name("\"abc\""), "\"abc-gzip\"");
    }
}
