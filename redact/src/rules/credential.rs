//! Decides whether a value that is assigned to a secret-like name looks like a credential.
//!
//! Whether a value is likely to be a credential depends on the syntax of the assignment. Text directly after
//! `password=` is almost always a password. Text after `token:` is usually prose or source code.

use crate::name::{Secrecy, secrecy};

/// Returns whether the value of a header is a credential. The text before the value, which includes the header's name
/// and the scheme, does not matter.
pub(super) fn in_header(_: &[u8], value: &[u8]) -> bool {
    is_token(value) && !value.starts_with(b"AWS4-HMAC-")
}

/// Returns whether a password in a URL is a credential.
pub(super) fn in_address(_: &[u8], value: &[u8]) -> bool {
    !is_placeholder(value)
}

/// Returns whether a value in quotation marks is a credential.
pub(super) fn in_quotes(before: &[u8], value: &[u8]) -> bool {
    match secrecy_of(before) {
        Secrecy::Password => is_password(value),
        Secrecy::Token => is_token(value),
        Secrecy::Short => is_random(value),
        Secrecy::None => false,
    }
}

/// Returns whether a value after an equals sign is a credential. If there are spaces around the sign, the text may be
/// source code, so fewer values are credentials.
pub(super) fn in_assignment(before: &[u8], value: &[u8]) -> bool {
    let is_spaced = before.iter().any(|byte| matches!(byte, b' ' | b'\t'));
    match secrecy_of(before) {
        Secrecy::Password if is_spaced => is_token(value),
        Secrecy::Password => is_password(value),
        Secrecy::Token if is_spaced => is_token(value) && !is_identifier(value),
        Secrecy::Token => is_token(value),
        // If the word is in capitals, the name is that of a variable, such as `DB_PASS`.
        Secrecy::Short if !is_spaced && (before.starts_with(b"PASS") || before.starts_with(b"PWD")) => {
            is_password(value)
        }
        Secrecy::Short => is_random(value),
        Secrecy::None => false,
    }
}

/// Returns whether a value after a colon, or the value of an option, is a credential.
pub(super) fn in_field(before: &[u8], value: &[u8]) -> bool {
    match secrecy_of(before) {
        Secrecy::Password => is_token(value),
        Secrecy::Token => is_token(value) && !is_identifier(value),
        // Test runners print the names of tests after `PASS:`.
        Secrecy::Short => {
            is_random(value)
                && value.iter().filter(|byte| byte.is_ascii_digit()).count() > 1
                && !before.starts_with(b"PASS")
        }
        Secrecy::None => false,
    }
}

/// Returns whether a value after the name of a user and a colon is a password. The name of a group often equals that of
/// the user.
pub(super) fn in_user_option(before: &[u8], value: &[u8]) -> bool {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"=\"',".contains(byte);
    let user = before.strip_suffix(b":").and_then(|before| before.rsplit(is_end).next());
    is_password(value) && user != Some(value)
}

/// Returns whether a value after the name of a user and a colon is a password that does not consist of letters only.
pub(super) fn in_short_user_option(before: &[u8], value: &[u8]) -> bool {
    let is_mixed = value.iter().any(u8::is_ascii_alphabetic) && value.iter().any(|byte| is_digit_or_symbol(*byte));
    is_mixed && in_user_option(before, value)
}

/// Returns how secret a value is, based on its name. `before` is the text before the value, and begins with the name.
fn secrecy_of(before: &[u8]) -> Secrecy {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let len = before.iter().position(|byte| !is_name(byte)).unwrap_or(before.len());
    secrecy(&before[..len])
}

/// Returns whether the value may be a password that a person has chosen: a single word that is not a placeholder, a
/// path, a URL or source code.
pub(super) fn is_password(value: &[u8]) -> bool {
    let is_word = !value.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
    value.len() >= 6 && is_word && !is_placeholder(value) && !is_place(value) && !is_code(value)
}

/// Returns whether the value looks generated: letters together with digits or symbols, but not a number, a version, a
/// path or source code.
pub(super) fn is_token(value: &[u8]) -> bool {
    let unescaped = without_percent_escapes(value);
    // An exclamation mark at the end belongs to the end of a sentence or to the call of a macro.
    let unescaped = unescaped.strip_suffix(b"!").unwrap_or(&unescaped);
    let has = |is: fn(&u8) -> bool| unescaped.iter().any(is);
    let is_mixed = has(u8::is_ascii_alphabetic) && has(|byte| is_digit_or_symbol(*byte));
    value.len() >= 8 && is_mixed && is_password(value) && !is_number(value)
}

/// Returns whether a byte is a digit, or a symbol that passwords contain more often than other text does.
fn is_digit_or_symbol(byte: u8) -> bool {
    byte.is_ascii_digit() || b"!#$^*@?~".contains(&byte)
}

/// Returns the value without percent escapes. Their digits do not indicate that the value is random.
fn without_percent_escapes(value: &[u8]) -> Vec<u8> {
    let mut rest = value;
    let mut unescaped = Vec::with_capacity(value.len());
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            _ => {
                unescaped.push(*first);
                after
            }
        };
    }
    unescaped
}

/// Returns whether the value is random text of letters and digits.
pub(crate) fn is_random(value: &[u8]) -> bool {
    is_token(value) && !is_identifier(value)
}

/// Returns whether the value is a placeholder, such as a variable, a row of asterisks or `null`.
fn is_placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| lower.starts_with(prefix.as_bytes()));
    let is_variable = match *value {
        [b'$', next, ..] => next.is_ascii_alphabetic() || matches!(next, b'_' | b'{' | b'(' | b'$' | b'@' | b'*'),
        [b'%', .., b'%'] | [b'{' | b'<' | b'[', ..] | [b'@' | b'#', b'{', ..] => true,
        _ => false,
    };
    is_variable
        || is_repetitive(value)
        || begins(&["***", "xxx", "...", "your-", "your_", "<", "&lt;", "%s", "%v", "\u{2022}"])
        || WORDS.iter().any(|word| lower == word.as_bytes())
}

/// Lower-case words that are never credentials: placeholders, and words of messages such as `password: incorrect`.
const WORDS: &[&str] = &[
    "accepted",
    "authentication",
    "boolean",
    "changed",
    "correct",
    "default",
    "disabled",
    "enabled",
    "expired",
    "failed",
    "false",
    "foo",
    "hidden",
    "incorrect",
    "invalid",
    "masked",
    "missing",
    "not-set",
    "not_set",
    "null",
    "number",
    "object",
    "optional",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "password1",
    "prompt",
    "protected",
    "publickey",
    "pw",
    "pwd",
    "redacted",
    "rejected",
    "removed",
    "required",
    "secret",
    "string",
    "token",
    "undefined",
    "unknown",
    "unset",
    "username",
];

/// Returns whether the value consists of at most two different bytes, such as `xxxx-xxxx`.
fn is_repetitive(value: &[u8]) -> bool {
    let first = value.first();
    let mut others = value.iter().filter(|byte| Some(*byte) != first);
    let second = others.next();
    others.all(|byte| Some(byte) == second)
}

/// Returns whether the value is the path of a file, or a URL.
fn is_place(value: &[u8]) -> bool {
    let contains = |part: &[u8]| value.windows(part.len()).any(|window| window == part);
    let begins = [&b"/"[..], b"./", b"../", b"~/", b"file:", b"http:", b"https:"];
    let has = |byte: u8| value.contains(&byte);
    let is_file = || has(b'.') && !has(b'=') && !has(b'+');
    begins.iter().any(|prefix| value.starts_with(prefix)) || (has(b'/') && (contains(b"://") || is_file()))
}

/// Returns whether the value looks like source code.
fn is_code(value: &[u8]) -> bool {
    let is_operator = |pair: &[u8]| matches!(pair, b"::" | b"()" | b"->" | b"${" | b"{{" | b"}}" | b"$(" | b"![");
    value.windows(2).any(is_operator)
        || value.iter().any(|byte| matches!(byte, b'(' | b')' | b'`'))
        || value.starts_with(b"=")
}

/// Returns whether the value is a number, a date, a version or an address.
fn is_number(value: &[u8]) -> bool {
    let is_numeric = |byte: &u8| byte.is_ascii_digit() || b".:-_+/,TZ".contains(byte);
    let digits = value.strip_prefix(b"v").unwrap_or(value);
    let is_version = digits.first().is_some_and(u8::is_ascii_digit)
        && digits.contains(&b'.')
        && value.len() < 24
        && value.iter().all(|byte| !byte.is_ascii_uppercase());
    value.iter().all(is_numeric) || value.starts_with(b"0x") || is_version
}

/// Returns whether the value consists of words, each of which may end with a few digits, such as `sha256-of-file1`.
fn is_identifier(value: &[u8]) -> bool {
    value.split(|byte| b"_-./:@".contains(byte)).all(|word| {
        let letters = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let digits = &word[letters..];
        digits.iter().all(u8::is_ascii_digit) && digits.len() <= 4
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_not_credentials() {
        for value in [
            "********",
            "xxxxxxxx",
            "xxxx-xxxx",
            "$PASSWORD",
            "${PASSWORD}",
            "$(cat x)",
            "{{ x }}",
            "%PASS%",
            "<token>",
            "null",
            "undefined",
            "String",
            "your-token-here1",
            "[REDACTED]",
            "$$",
            "........",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["swordfish", "$2b$10$N9qo8uLOickgx2", "hunter2", "p%40ss"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn tokens_are_distinguished_from_words_numbers_versions_and_paths() {
        for value in ["a1b2c3d4e5f6", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "correct!horse"] {
            assert!(is_token(value.as_bytes()), "{value}");
        }
        for value in [
            "expected",
            "12345678",
            "1.2.3-beta4",
            "2024-05-01T12:00:00Z",
            "src/token2.rs:12",
            "next_1()",
            "0x7ffe1234",
        ] {
            assert!(!is_token(value.as_bytes()), "{value}");
        }
    }
}
