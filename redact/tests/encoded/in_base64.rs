//! The encoders of base64, whose output depends on the bytes before and after a value.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::encoders::Encoder;
use super::formats::{json, lines, percent};

/// Encoders that use base64 with both alphabets, in lines and within other formats.
pub const BASE64: &[Encoder] = &[
    ("base64", |text| STANDARD.encode(text)),
    ("base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    ("base64url", |text| URL_SAFE.encode(text)),
    ("base64url without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    ("base64 in 64 columns", |text| lines(&STANDARD.encode(text), 64, "\n")),
    ("base64 in 76 columns", |text| lines(&STANDARD.encode(text), 76, "\n")),
    ("base64 in 76 columns with CRLF", |text| lines(&STANDARD.encode(text), 76, "\r\n")),
    ("base64 in 64 columns, indented", |text| lines(&STANDARD.encode(text), 64, "\n    ")),
    ("base64 in 64 columns, coloured", |text| lines(&STANDARD.encode(text), 64, "\x1b[0m\n\x1b[32m")),
    ("base64 in 64 columns in JSON", |text| json(&lines(&STANDARD.encode(text), 64, "\n"))),
    ("base64 in percent", |text| percent(&STANDARD.encode(text))),
    ("base64 in JSON with escaped slashes", |text| STANDARD.encode(text).replace('/', "\\/")),
];
