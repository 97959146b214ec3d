//! Terminal escape sequences: colours become styles, links become spans, cursor movements within the line are applied,
//! and everything else is removed.
//!
//! The functions are pure and run in linear time. [`Scanner`] is the only parser, and only [`fold`] knows the effect of
//! cursor movements, erasures and carriage returns on a line; the page, `/lines` and the command line all use both. The
//! scanner can stop and continue at any byte, even inside a sequence, so a colour can extend over several lines and a
//! chunk may end anywhere. [`spans`], [`plain_text`] and [`cells`] return the visible content of a line: as styled
//! spans, as text, and as a width. Characters that could disguise a line (bidirectional overrides, zero-width
//! characters, control characters) are shown by their code points, also in copied text.
//!
//! Sources: ECMA-48, fifth edition, 5.4 (control sequences) and 8.3 (CHA, CUB, CUF, ECH, EL, SGR and the others of [`Motion`]); xterm's `ctlseqs` for OSC and the 256
//! colours; the OSC 8 hyperlink note of the terminals' working group.

mod motion;
mod row;
mod scan;
mod style;
mod width;

use std::borrow::Cow;

pub use motion::Motion;
pub use row::{DROPPED, Folded, LineEnd, fold};
pub use scan::{Scanner, Token};
pub use style::Style;

/// A part of a line with one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The visible text.
    pub text: String,
    /// Its style.
    pub style: Style,
    /// The target of a link: an `http` or `https` URL.
    pub link: Option<String>,
    /// Whether the text was generated here: the code point of a character that would be invisible.
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

/// Returns the visible text of a line, without escape sequences and invisible characters. Rows within a line are
/// separated by newlines.
///
/// It is used for all text that leaves the page, and for all searches in a line's words.
#[must_use]
pub fn plain_text(line: &str) -> Cow<'_, str> {
    if is_plain(line) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(spans(line, Style::default()).into_iter().map(|span| span.text).collect())
}

/// Returns the width of a line in a terminal, in columns: wide characters take two, combining characters none, and a
/// tab extends to the next multiple of eight. For a line with several rows it is the sum of their widths.
#[must_use]
pub fn cells(line: &str) -> u32 {
    columns(&plain_text(line))
}

/// Returns the width of a line for which [`plain_text`] returned this text.
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

/// Returns whether a line contains only printable ASCII and tabs, so that it is shown unchanged.
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
mod tests;
