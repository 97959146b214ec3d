//! The lines of a value that are masked on their own.
//!
//! A program may print a single line of a secret file. However, most lines of such a file are not secret: if
//! `apiVersion: v1` or `kind: Config` were masked wherever they occur, much output would be unreadable. Therefore, only
//! lines that look like secret material are masked on their own:
//!
//! - A line without white space is masked if it has 16 bytes or more with both letters and digits, or 32 bytes or more
//!   with a letter or a digit.
//! - A shorter line is masked if it has 8 bytes or more with both letters and digits, and looks random. A name such as
//!   `us-east-1`, a version, a path, source code or an assignment does not look random.
//! - In every line, the part after the first `:` or `=` is masked if it has 8 bytes or more with both letters and
//!   digits, and no white space.
//! - The base64 lines of a private key or certificate are masked if they have 8 bytes or more, even if the line ends
//!   are escaped as `\n`. Lines of full length are covered by the first rule, but the last line is often short.
//!
//! A line or part is not masked if it is a URL without credentials, or if its name is one whose value is not secret,
//! such as `project_id`. Such values occur in ordinary logs: the file of a service account contains
//! `https://oauth2.googleapis.com/token`.
//!
//! The masked text does not include the quotation marks and commas at the ends of a line or part, nor the `- ` before
//! an item of a YAML list. The whole value is always masked too (`variants`).

use crate::rules::is_random;

/// Lines of at least this many bytes are masked if they contain both letters and digits, which few long words do.
const SHORTEST_MIXED: usize = 16;

/// Lines of at least this many bytes are masked even if they consist of letters only. Most words are shorter.
const SHORTEST_UNIFORM: usize = 32;

/// Lines that look random, assigned values and the lines of a key are masked if they have at least this many bytes. A
/// shorter part of a value may be shown anyway (see [`TELLING`](crate::pattern::TELLING)).
const SHORTEST_PART: usize = 8;

/// The names whose values are not secret, in lower case without `_` and `-`.
const PUBLIC: [&str; 26] = [
    "account",
    "apiversion",
    "clientemail",
    "clientid",
    "cluster",
    "context",
    "currentcontext",
    "database",
    "dbname",
    "email",
    "endpoint",
    "host",
    "hostname",
    "kind",
    "name",
    "namespace",
    "projectid",
    "projectnumber",
    "quotaprojectid",
    "region",
    "server",
    "type",
    "universedomain",
    "user",
    "username",
    "zone",
];

/// Returns the parts of `value` that are masked on their own: lines, and parts of lines, without duplicates. If `value`
/// consists of a single line, it has such parts only if it contains a key with escaped line ends.
pub(crate) fn secret_parts(value: &[u8]) -> Vec<&[u8]> {
    let lines = || value.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    let mut parts: Vec<&[u8]> =
        lines().filter(|line| line.len() < value.len()).flat_map(secret_parts_of_line).collect();
    add_key_lines(lines(), &mut parts);
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// Returns the line, and the value that is assigned in it. Each of them is returned only if it looks like secret
/// material. Both are needed, because a program may print the value of `TOKEN=8f14e45fceea167a` with or without its
/// name.
fn secret_parts_of_line(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let item = line.strip_prefix(b"- ").unwrap_or(line);
    let at = item.iter().position(|byte| matches!(byte, b':' | b'='));
    let (name, assigned) = match at {
        Some(at) => (trim(&item[..at]), trim(&item[at + 1..])),
        None => (&item[..0], &item[..0]),
    };
    let is_public = is_public_name(name) || is_public_url(assigned) || is_public_url(trim(item));
    let whole = Some(trim(item)).filter(|text| is_secret_line(text));
    let assigned = Some(assigned).filter(|text| text.len() >= SHORTEST_PART && is_word(text) && is_mixed(text));
    [whole, assigned].into_iter().flatten().filter(move |_| !is_public)
}

fn is_secret_line(text: &[u8]) -> bool {
    let is_long = text.len() >= SHORTEST_UNIFORM && chars_include(text, char::is_alphanumeric);
    is_word(text) && (is_long || is_mixed(text) && (text.len() >= SHORTEST_MIXED || looks_random(text)))
}

/// Returns whether a line that is shorter than [`SHORTEST_MIXED`] looks random.
fn looks_random(text: &[u8]) -> bool {
    // A base64 text may end with equals signs.
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let unpadded = &text[..text.len() - padding];
    let assigns = unpadded.iter().any(|byte| matches!(byte, b':' | b'='));
    let words: [&[u8]; 5] = [b"", b"v", b"alpha", b"beta", b"rc"];
    let is_version = unpadded.split(u8::is_ascii_digit).all(|word| words.contains(&word));
    text.len() >= SHORTEST_PART && !assigns && !is_version && is_random(unpadded)
}

/// Returns whether the value of this name is not secret.
fn is_public_name(name: &[u8]) -> bool {
    let letters = name.iter().filter(|byte| !matches!(byte, b'_' | b'-')).map(u8::to_ascii_lowercase);
    let letters: Vec<u8> = letters.collect();
    PUBLIC.iter().any(|public| public.as_bytes() == letters)
}

/// Returns whether the text is a URL without user information, parameters or a fragment, and none of whose path
/// segments looks generated.
fn is_public_url(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://"));
    let is_generated = |part: &[u8]| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        part.len() >= SHORTEST_MIXED && is_mixed(part) && part.iter().all(is_plain)
    };
    rest.is_some_and(|rest| {
        let has_credentials = rest.iter().any(|byte| matches!(byte, b'@' | b'?' | b'#'));
        !has_credentials && !rest.split(|byte| *byte == b'/').any(is_generated)
    })
}

/// Adds the base64 lines between the header and the end line of each key or certificate in `lines`.
fn add_key_lines<'v>(lines: impl Iterator<Item = &'v [u8]>, parts: &mut Vec<&'v [u8]>) {
    let mut is_in_key = false;
    for line in lines {
        for (index, piece) in line.split(|byte| *byte == b'\\').enumerate() {
            let piece = match piece {
                [b'n' | b'r', rest @ ..] if index > 0 => trim(rest),
                _ => trim(piece),
            };
            if contains(piece, b"-----BEGIN") {
                is_in_key = true;
            } else if contains(piece, b"-----END") {
                is_in_key = false;
            } else if is_in_key && piece.len() >= SHORTEST_PART && piece.iter().all(|byte| is_base64(*byte)) {
                parts.push(piece);
            }
        }
    }
}

/// Returns the text without the white space, quotation marks and commas at its ends.
fn trim(mut text: &[u8]) -> &[u8] {
    let is_trimmed = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',');
    while let [first, rest @ ..] = text
        && is_trimmed(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_trimmed(last)
    {
        text = rest;
    }
    text
}

fn is_word(text: &[u8]) -> bool {
    !text.iter().any(u8::is_ascii_whitespace)
}

fn is_mixed(text: &[u8]) -> bool {
    chars_include(text, char::is_alphabetic) && chars_include(text, char::is_numeric)
}

fn chars_include(text: &[u8], is_included: fn(char) -> bool) -> bool {
    String::from_utf8_lossy(text).chars().any(is_included)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[&str]) {
        let parts: Vec<_> = secret_parts(value.as_bytes()).into_iter().map(String::from_utf8_lossy).collect();
        assert_eq!(parts, expected, "{value:?}");
    }

    #[test]
    fn public_names_are_sorted() {
        assert!(PUBLIC.is_sorted());
    }

    /// Checks which part of `line` is masked on its own if it is one of several lines of a value.
    fn check_line(line: &str, expected: Option<&str>) {
        check(&format!("{{\n  {line}\r\n}}"), expected.as_slice());
    }

    #[test]
    fn a_line_without_white_space_is_secret_if_it_is_mixed_or_long() {
        check_line("europe-west1234", None);
        check_line("abcdefgh12345678", Some("abcdefgh12345678"));
        check_line("'europe-west1234',", None);
        check_line("- \"abcdefgh12345678\",", Some("abcdefgh12345678"));
        check_line("abcdefgh 12345678", None);
        check_line(&"a".repeat(31), None);
        check_line(&"1".repeat(31), None);
        check_line(&"a".repeat(32), Some(&"a".repeat(32)));
        check_line(&"1".repeat(32), Some(&"1".repeat(32)));
        check_line(&"ä".repeat(16), Some(&"ä".repeat(16)));
    }

    #[test]
    fn a_short_line_is_secret_if_it_looks_random() {
        for line in ["abcd1234efgh", "8f14e45f", "hunter2hunter2", "Zp6^nBq1Jw5", "abc1def2ghi=="] {
            check_line(line, Some(line));
        }
        for line in [
            "abc1def",
            "swordfish",
            "12345678",
            "us-east-1",
            "python3.11",
            "v1alpha1",
            "v2beta2rc1",
            "x86_64-linux",
            "src/a1b.rs",
            "PORT=8080",
            "a1b:c2d=e3f",
            "call(a1b2)",
            "*.example.com",
            "sha256",
        ] {
            check_line(line, None);
        }
    }

    #[test]
    fn urls_without_credentials_and_values_of_public_names_are_not_secret() {
        for line in [
            "\"token_uri\": \"https://oauth2.googleapis.com/token\",",
            "\"token_uri\":\"https://oauth2.googleapis.com/token\",",
            "\"client_x509_cert_url\": \"https://www.googleapis.com/robot/v1/metadata/x509/a%40b-123.example.com\"",
            "https://oauth2.example.com/token",
            "\"project_id\": \"example-123456\",",
            "projectId: example-123456",
            "current-context: gke_example-123456_europe-west1",
        ] {
            check_line(line, None);
        }
        check_line("url: https://a:b1c2@example.com", Some("https://a:b1c2@example.com"));
        check_line("url: https://example.com/?key=b1c2", Some("https://example.com/?key=b1c2"));
        check_line("url: https://example.com/abcdefgh12345678", Some("https://example.com/abcdefgh12345678"));
        check_line("private_key_id: abcdefgh12345678", Some("abcdefgh12345678"));
    }

    #[test]
    fn separators_are_not_secret() {
        check_line(&"-".repeat(80), None);
        check_line(&"─".repeat(80), None);
        check_line("-----BEGIN EC PRIVATE KEY-----", None);
    }

    #[test]
    fn an_assigned_value_is_secret_if_it_is_mixed() {
        check_line("password: hunter2hunter2", Some("hunter2hunter2"));
        check_line("- password : 'hunter2hunter2'", Some("hunter2hunter2"));
        check_line("\"a\": \"b:c=1234\",", Some("b:c=1234"));
        check_line("export KEY=\"abcd1234\"", Some("abcd1234"));
        check_line("a = abc1234", None);
        check_line("apiVersion: v1", None);
        check_line("\"type\": \"service_account\",", None);
        check_line("a: abcd 12345678", None);
        check_line("a: 1234567890", None);
        check_line("clusters:", None);
    }

    #[test]
    fn a_single_line_has_no_parts() {
        check("password: hunter2hunter2", &[]);
        check("abcdefgh12345678", &[]);
    }

    #[test]
    fn the_lines_of_a_key_are_secret_even_if_they_are_short() {
        let key = "-----BEGIN A KEY-----\nnAbcdefg\nabcdefg\n/abcde==\n-----END A KEY-----\nqwertyui";
        check(key, &["/abcde==", "nAbcdefg"]);
        check(&key.replace('\n', "\r\n  "), &["/abcde==", "nAbcdefg"]);
        check(&format!("{{\"key\": \"{}\"}}", key.replace('\n', "\\n")), &["/abcde==", "nAbcdefg"]);
        check(&key.replace('\n', "\\\\r\\\\n"), &["/abcde==", "nAbcdefg"]);
    }
}
