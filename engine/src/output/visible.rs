//! The visible content of a line's bytes.

use std::borrow::Cow;

use model::ansi;

/// Returns a line as a reader sees it.
pub(super) fn visible(line: &[u8]) -> Cow<'_, [u8]> {
    visible_unless(&|| false, line).expect("nothing stops the computation")
}

/// Returns a line as a reader sees it, or `None` if `is_stopped` returned true before the result was known.
pub(super) fn visible_unless<'a>(is_stopped: &dyn Fn() -> bool, line: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    // A carriage return at the end of a line has no effect.
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    let line = &line[..end];
    if is_plain(line) {
        return Some(Cow::Borrowed(line));
    }
    Some(match ansi::plain_text_unless(is_stopped, &String::from_utf8_lossy(line))? {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Returns whether `text` is shown unchanged, because it contains only printable ASCII, tabs and newlines.
pub(super) fn is_plain(text: &[u8]) -> bool {
    // Examine whole blocks, so that the compiler uses vector instructions.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n');
    text.chunks(1024).all(|block| block.iter().fold(true, |plain, byte| plain & is_plain(*byte)))
}
