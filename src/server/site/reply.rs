//! Sends a file of the site in the smallest encoding that the browser accepts, or responds with 304 if the browser
//! already has it.

use std::borrow::Cow;
use std::io::Read;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;

use super::{SiteFile, SiteSource};
use crate::server::accept::accepted;

/// The encodings in which a file may be stored, smallest first: the name in HTTP, and the suffix of the file name.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Media types by file extension.
const TYPES: [(&str, &str); 6] = [
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("woff2", "font/woff2"),
];

/// A file of the site in the chosen encoding.
pub(super) struct EncodedFile {
    file: SiteFile,
    encoding: Option<&'static str>,
    media_type: &'static str,
}

/// Reads a file in the smallest encoding that the request accepts. Returns `None` if there is no such file.
pub(super) fn choose(source: &SiteSource, name: &str, headers: &HeaderMap) -> Option<EncodedFile> {
    // If the client sends no `Accept-Encoding` header, the file is sent without encoding.
    let accepted = accepted(headers, header::ACCEPT_ENCODING);
    let takes = |encoding: &str| accepted.iter().any(|(name, weight)| name == encoding && *weight > 0.0);
    let encoded = ENCODINGS.iter().filter(|(encoding, _)| takes(encoding));
    let encoded = encoded.map(|&(encoding, suffix)| (Some(encoding), format!("{name}{suffix}")));
    let stored =
        encoded.chain([(None, name.to_owned())]).find_map(|(encoding, name)| Some((encoding, source.read(&name)?)));
    let (encoding, file) = stored.or_else(|| Some((None, unpacked(source, name)?)))?;
    Some(EncodedFile { file, encoding, media_type: type_of(name) })
}

/// Decompresses a file that a release contains only in compressed forms. This is for clients that accept neither form.
/// All browsers accept at least one.
fn unpacked(source: &SiteSource, name: &str) -> Option<SiteFile> {
    let packed = source.read(&format!("{name}.gz"))?;
    let mut bytes = Vec::new();
    GzDecoder::new(&*packed.bytes).read_to_end(&mut bytes).ok()?;
    Some(SiteFile { bytes: bytes.into(), ..packed })
}

impl EncodedFile {
    /// Returns the response to a GET or HEAD request.
    pub(super) fn into_response(self, method: &Method, asked: &HeaderMap) -> Response {
        // 64 bits of the digest are sufficient to distinguish the versions of a file.
        let checksum = hex::encode(&self.file.checksum[..8]);
        let tag = format!("\"{checksum}-{}\"", self.encoding.unwrap_or("identity"));
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("it is ASCII"));
        if is_known(asked, &tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if let Some(encoding) = self.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if method == Method::HEAD {
            headers.insert(header::CONTENT_LENGTH, self.file.bytes.len().into());
            return (headers, Body::empty()).into_response();
        }
        let bytes = match self.file.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        (headers, bytes).into_response()
    }
}

/// Returns whether the browser already has the file.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

fn type_of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    TYPES.iter().find(|(known, _)| *known == extension).map_or("application/octet-stream", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_file_that_is_stored_only_compressed_is_unpacked_for_clients_that_accept_no_encoding() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let packed = std::fs::File::create(folder.path().join("a.wasm.gz")).expect("the folder can be written");
        let mut encoder = GzEncoder::new(packed, Compression::fast());
        encoder.write_all(b"\0asm").and_then(|()| encoder.finish()).expect("the folder can be written");
        let source = SiteSource::Folder(folder.path().to_owned());
        let plain = choose(&source, "a.wasm", &HeaderMap::new()).expect("it is stored");
        assert_eq!((plain.encoding, &*plain.file.bytes), (None, &b"\0asm"[..]));
        let gzip = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let packed = choose(&source, "a.wasm", &gzip).expect("it is stored");
        assert_eq!((packed.encoding, &packed.file.bytes[..2]), (Some("gzip"), &[0x1f, 0x8b][..]));
        assert!(choose(&source, "b.wasm", &gzip).is_none());
    }

    #[test]
    fn the_media_type_follows_from_the_extension() {
        assert_eq!(type_of("pkg/tailwater_bg.0a1b.wasm"), "application/wasm");
        assert_eq!(type_of("LICENSE"), "application/octet-stream");
    }
}
