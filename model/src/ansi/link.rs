//! Parses the control strings that start and end links (OSC 8).

use super::scan::{Action, Token};

/// The maximum length of a link's URL in bytes (the limit of the OSC 8 specification). Longer URLs do not become links.
const MAX_LINK_BYTES: usize = 2083;
/// The maximum length of a control string in bytes, which leaves space for a link's URL and its parameters. Longer
/// strings do not become links.
const MAX_STRING_BYTES: usize = 2 * MAX_LINK_BYTES;

/// Appends `content` to `string`, which contains the part of an unfinished control string that was read earlier. If the
/// result is too long, it is truncated to a length that is still recognised as too long.
pub(super) fn append_to_string(string: &mut String, content: &str) {
    let free = (MAX_STRING_BYTES + 1).saturating_sub(string.len());
    string.push_str(&content[..content.ceil_char_boundary(free)]);
}

/// Handles the end of a control string. `beginning` is the part of the string that was read earlier, and may be empty.
pub(super) fn end_string(beginning: &mut String, content: &str, sink: &mut dyn FnMut(Action<'_>)) {
    if beginning.is_empty() {
        return take_link(content, sink);
    }
    append_to_string(beginning, content);
    take_link(beginning, sink);
}

/// Handles an OSC string, which may start or end a link. A URL that is too long, contains invalid characters, or has a
/// scheme other than http and https ends the current link without starting a new one.
fn take_link(string: &str, sink: &mut dyn FnMut(Action<'_>)) {
    // The string is followed by BEL or by ESC and a backslash, and may still contain the ESC.
    let string = string.strip_suffix('\u{1b}').unwrap_or(string);
    let Some(link) = string.strip_prefix("8;") else { return };
    if string.len() > MAX_STRING_BYTES {
        return sink(Action::Token(Token::Link(None)));
    }
    let Some((_, address)) = link.split_once(';') else { return };
    let lower = |prefix: &str| address.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let honest = address.len() <= MAX_LINK_BYTES
        && (lower("http://") || lower("https://"))
        && address.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    sink(Action::Token(Token::Link(honest.then_some(address))));
}
