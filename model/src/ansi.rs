//! Terminal escape sequences: colours become styles, links become spans, cursor movements are applied, and all other
//! sequences are removed.
//!
//! The functions are pure and run in linear time. [`Scanner`] is the only parser, and can stop and continue at any
//! character, even inside a sequence. A colour can therefore extend over several lines, and a chunk of text may end
//! anywhere.
//!
//! Only [`fold()`] and [`Screen`] interpret cursor movements, erasures and carriage returns: [`fold()`] draws a single
//! line, and [`Screen`] draws consecutive lines, which may redraw each other. Both use the `row` module to draw text.
//! [`BlockScreen`] divides the log into blocks, so that the content of a line depends only on the lines of its block.
//!
//! [`spans`] returns the visible content of a line as styled spans, [`plain_text`] returns it as text, and [`cells`]
//! returns its width. Characters that could disguise a line (bidirectional overrides, zero-width characters, control
//! characters) are replaced by visible symbols or by their code points, even in copied text.
//!
//! Sources: ECMA-48, fifth edition, 5.4 (control sequences) and 8.3 (SGR and the cursor movements and erasures of
//! [`Motion`]); xterm's `ctlseqs` for OSC, the 256 colours and the screen; the specification of OSC 8 hyperlinks by the
//! Terminal Working Group.

mod block;
mod fold;
mod link;
mod motion;
mod row;
mod scan;
mod screen;
mod style;
mod visible;
mod width;

use std::borrow::Cow;

pub use block::{BLOCK_LINES, BlockScreen, block_of};
pub use fold::{DROPPED, Folded, LineEnd, fold, fold_unless};
pub use motion::Motion;
pub use scan::{Scanner, Token};
pub use screen::{DEFAULT_HEIGHT, MAX_HEIGHT, Redrawn, Screen, ScreenStart};
pub use style::Style;

/// A part of a line in which all text has the same style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The visible text.
    pub text: String,
    /// The style of the text.
    pub style: Style,
    /// The `http` or `https` URL that the text links to, if any.
    pub link: Option<String>,
    /// Whether this span is a visible replacement for an invisible character.
    pub mark: bool,
}

/// Returns the spans of a line that starts with the given style. Rows within a line are separated by newlines.
#[must_use]
pub fn spans(line: &str, start: Style) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut style, mut target) = (start, None::<String>);
    Scanner::new(start).scan(&fold(line, LineEnd::Complete).text, &mut |token| {
        let text = match token {
            Token::Text(text) => text,
            Token::Motion(Motion::NextRow) => "\n",
            // Folded text contains no other cursor movements.
            Token::Motion(_) => return,
            Token::Restyle { style: next, .. } => return style = next,
            Token::Link(address) => return target = address.map(str::to_owned),
            Token::Hidden(character) => {
                return spans.push(Span { text: mark_of(character), style, link: None, mark: true });
            }
        };
        match spans.last_mut() {
            Some(last) if !last.mark && last.style == style && last.link == target => last.text.push_str(text),
            _ => spans.push(Span { text: text.to_owned(), style, link: target.clone(), mark: false }),
        }
    });
    spans
}

/// Returns the visible text of a line: without escape sequences, and with visible replacements for invisible
/// characters. Rows within a line are separated by newlines.
///
/// The text is used for copying, for searching and for recognising a line's level.
#[must_use]
pub fn plain_text(line: &str) -> Cow<'_, str> {
    plain_text_unless(&|| false, line).expect("nothing stops the computation")
}

/// Returns the text of a line like [`plain_text`]. Returns `None` as soon as `is_stopped` returns true, like
/// [`fold_unless`].
#[must_use]
pub fn plain_text_unless<'a>(is_stopped: &dyn Fn() -> bool, line: &'a str) -> Option<Cow<'a, str>> {
    if is_plain(line) {
        return Some(Cow::Borrowed(line));
    }
    let mut plain = String::with_capacity(line.len());
    let folded = fold_unless(is_stopped, line, LineEnd::Complete)?;
    Scanner::new(Style::default()).scan_unless(is_stopped, &folded.text, &mut |token| match token {
        Token::Text(text) => plain.push_str(text),
        Token::Motion(Motion::NextRow) => plain.push('\n'),
        Token::Hidden(character) => plain.push_str(&mark_of(character)),
        Token::Motion(_) | Token::Restyle { .. } | Token::Link(_) => {}
    })?;
    Some(Cow::Owned(plain))
}

/// Returns the width of a line in a terminal, in columns: wide characters take two, combining characters none, and a
/// tab extends to the next multiple of eight. The width of a line with several rows is the sum of the widths of its
/// rows.
#[must_use]
pub fn cells(line: &str) -> u32 {
    columns(&plain_text(line))
}

/// Returns the width, in columns, of a line for which [`plain_text`] returned `plain`.
#[must_use]
pub fn columns(plain: &str) -> u32 {
    if is_plain(plain) && !plain.contains('\t') {
        return u32::try_from(plain.len()).unwrap_or(u32::MAX);
    }
    let row = |row: &str| {
        row.chars().fold(0, |column, character| match character {
            '\t' => (column / 8 + 1) * 8,
            _ => column + width::width(character),
        })
    };
    plain.split('\n').map(row).sum()
}

/// Returns whether a line contains only printable ASCII and tabs, and is therefore shown unchanged.
fn is_plain(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

/// Returns the visible replacement for an invisible character.
fn mark_of(character: char) -> String {
    match u32::from(character) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).map(String::from).unwrap_or_default(),
        0x7f => "\u{2421}".to_owned(),
        code => format!("<U+{code:04X}>"),
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
