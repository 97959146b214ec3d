//! Encoders for formats with escapes. They omit the quotation marks around the text.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub fn json(text: &str) -> String {
    unquoted(&serde_json::to_string(text).expect("a string can be encoded"))
}

/// Encodes text as JSON that can be embedded in HTML, as Go and Rails do.
pub fn json_for_html(text: &str) -> String {
    let text = json(text);
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027")
}

/// Returns a character as one or two escaped UTF-16 units.
pub fn json_unit(char: char) -> String {
    char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub fn percent_lower(text: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(byte).collect()
}

pub fn all_percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Encodes as Rust's `Debug` does.
pub fn debug(text: &str) -> String {
    unquoted(&format!("{text:?}"))
}

/// Encodes as Go's `%+q` does.
pub fn go(text: &str) -> String {
    let is_escaped = |char| !(' '..='~').contains(&char) || "\"\\".contains(char);
    escape(text, is_escaped, |char| match char {
        '\n' => "\\n".into(),
        '\t' => "\\t".into(),
        '"' | '\\' => format!("\\{char}"),
        '\u{10000}'.. => format!("\\U{:08x}", u32::from(char)),
        _ => format!("\\u{:04x}", u32::from(char)),
    })
}

/// Encodes as Python's `repr` does within apostrophes.
pub fn python(text: &str) -> String {
    let is_escaped = |char: char| char.is_control() || "'\\\u{a0}\u{ad}".contains(char);
    escape(text, is_escaped, python_char)
}

/// Encodes text as Python's `ascii` does within apostrophes.
pub fn python_ascii(text: &str) -> String {
    let is_escaped = |char: char| char.is_control() || !char.is_ascii() || "'\\".contains(char);
    escape(text, is_escaped, python_char)
}

fn python_char(char: char) -> String {
    match char {
        '\n' => "\\n".into(),
        '\t' => "\\t".into(),
        '\'' | '\\' => format!("\\{char}"),
        '\0'..='\u{ff}' => format!("\\x{:02x}", u32::from(char)),
        '\u{100}'..='\u{ffff}' => format!("\\u{:04x}", u32::from(char)),
        _ => format!("\\U{:08x}", u32::from(char)),
    }
}

/// Encodes text as Python's `repr` does for a bytes object.
pub fn python_bytes(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'\n' => "\\n".into(),
        b'\t' => "\\t".into(),
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    text.bytes().map(byte).collect()
}

pub fn shell_backslashes(text: &str) -> String {
    let is_escaped = |char: char| !char.is_alphanumeric() && !"_-./\n".contains(char);
    escape(text, is_escaped, |char| format!("\\{char}"))
}

/// Quotes text as bash does in the form `$'...'`.
pub fn ansi_c(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\'', "\\'");
    format!("$'{}'", text.replace('\n', "\\n").replace('\t', "\\t"))
}

/// Breaks text into lines.
pub fn lines(text: &str, columns: usize, newline: &str) -> String {
    let lines: Vec<&[u8]> = text.as_bytes().chunks(columns).collect();
    lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(newline)
}

/// Escapes the characters that `is_escaped` selects.
pub fn escape(text: &str, is_escaped: impl Fn(char) -> bool, escape: impl Fn(char) -> String) -> String {
    text.chars().map(|char| if is_escaped(char) { escape(char) } else { char.into() }).collect()
}

fn unquoted(text: &str) -> String {
    text[1..text.len() - 1].into()
}
