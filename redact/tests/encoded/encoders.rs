//! The encoders that a value may pass through before it is printed.

use super::formats::{
    all_percent, ansi_c, debug, escape, go, html, json, json_for_html, json_unit, lines, percent, percent_lower,
    python, python_ascii, python_bytes, shell_backslashes,
};

/// An encoder and its name. The encoding of two concatenated texts must be the concatenation of their encodings.
pub type Encoder = (&'static str, fn(&str) -> String);

/// Encoders that encode each character or byte independently.
pub const BY_CHARACTER: &[Encoder] = &[
    ("as it is", ToOwned::to_owned),
    ("JSON", json),
    ("JSON with escaped slashes", |text| json(text).replace('/', "\\/")),
    ("JSON for HTML", json_for_html),
    ("JSON in ASCII", |text| escape(text, |char| !(' '..='~').contains(&char) || "\"\\".contains(char), json_unit)),
    ("JSON, everything escaped", |text| escape(text, |_| true, json_unit)),
    ("JSON in JSON", |text| json(&json(text))),
    ("JSON in JSON in JSON", |text| json(&json(&json(text)))),
    ("JSON for HTML in JSON", |text| json(&json_for_html(text))),
    ("JSON in percent", |text| percent(&json(text))),
    ("JSON in HTML", |text| html(&json(text))),
    ("percent", percent),
    ("percent, lower case", percent_lower),
    ("percent, everything escaped", all_percent),
    ("percent, twice", |text| percent(&percent(text))),
    ("percent in JSON", |text| json(&percent(text))),
    ("percent in HTML", |text| html(&percent(text))),
    ("form", |text| percent(text).replace("%20", "+")),
    ("HTML", html),
    ("HTML, twice", |text| html(&html(text))),
    ("HTML in JSON", |text| json(&html(text))),
    ("HTML in JSON for HTML", |text| json_for_html(&html(text))),
    ("XML, decimal", |text| {
        escape(text, |char| !char.is_ascii() || "<>&\"'\n\t".contains(char), |char| format!("&#{};", u32::from(char)))
    }),
    ("XML, hexadecimal", |text| {
        escape(text, |char| !char.is_ascii_alphanumeric(), |char| format!("&#x{:X};", u32::from(char)))
    }),
    ("Rust Debug", debug),
    ("Rust Debug in JSON", |text| json(&debug(text))),
    ("Rust escape_default", |text| text.escape_default().to_string()),
    ("Rust escape_ascii", |text| text.as_bytes().escape_ascii().to_string()),
    ("Go %q", go),
    ("Python repr", python),
    ("Python ascii", python_ascii),
    ("Python repr of bytes", python_bytes),
    ("octal", |text| text.bytes().map(|byte| format!("\\{byte:03o}")).collect()),
    ("\\x", |text| text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()),
    ("\\x, upper case", |text| text.bytes().map(|byte| format!("\\x{byte:02X}")).collect()),
    ("single quotes", |text| format!("'{}'", text.replace('\'', r"'\''"))),
    ("single and double quotes", |text| format!("'{}'", text.replace('\'', "'\"'\"'"))),
    ("shell backslashes", shell_backslashes),
    ("ANSI-C quoting", ansi_c),
    ("CRLF", |text| text.replace('\n', "\r\n")),
    ("indented lines", |text| text.replace('\n', "\n      ")),
    ("one line", |text| text.replace('\n', " ")),
    ("hex", |text| hex::encode(text)),
    ("hex, upper case", |text| hex::encode_upper(text)),
    ("hex with spaces", |text| lines(&format!("{} ", hex::encode(text)), 2, " ")),
    ("hex with spaces, upper case", |text| lines(&format!("{} ", hex::encode_upper(text)), 2, " ")),
];
