//! Terminal escape sequences: colours become styles, links become spans, moves within the line are carried out, everything
//! else disappears.
//!
//! Pure and linear. [`Scanner`] is the one parser, and [`fold`] the one place that knows what cursor moves, erasures and carriage
//! returns do to a line; the page, `/lines` and the command line all use both. The scanner can stop and go on anywhere, also
//! inside a sequence, so that a colour outlives its line and a chunk may end wherever it likes. [`spans`], [`plain_text`] and
//! [`cells`] return what a line shows, as pieces with styles, as text, and as a width. What could make a line look like another one (bidi
//! overrides, zero-width characters, control characters) is shown by its number, also in what is copied.
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

/// A piece of a line with one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What is shown.
    pub text: String,
    /// How it looks.
    pub style: Style,
    /// Where it leads: an `http` or `https` address.
    pub link: Option<String>,
    /// Whether the text is ours: the number of a character that would not be seen.
    pub mark: bool,
}

/// Returns the pieces of a line that begins in the given style. Rows within a line are separated by newlines.
#[must_use]
pub fn spans(line: &str, start: Style) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let (mut style, mut target) = (start, None::<String>);
    Scanner::new(start).scan(&fold(line, LineEnd::Complete).text, &mut |token| {
        let text = match token {
            Token::Text(text) => text,
            Token::Motion(Motion::NextRow) => "\n",
            // Folded text has no other motion.
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

/// Returns what a line shows, as text: no escape sequences, nothing invisible. Rows within a line are separated by newlines.
///
/// Everything that leaves the page, and everything that looks at a line's words, goes through here.
#[must_use]
pub fn plain_text(line: &str) -> Cow<'_, str> {
    if is_plain(line) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(spans(line, Style::default()).into_iter().map(|span| span.text).collect())
}

/// Returns how many columns a line takes in a terminal: wide characters two, combining ones none, tabs up to the next eighth;
/// of a line with several rows, all of them together.
#[must_use]
pub fn cells(line: &str) -> u32 {
    columns(&plain_text(line))
}

/// Returns how many columns a line takes of which [`plain_text`] returned this.
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

/// Returns whether a line is printable ASCII and tabs only, so that it shows as it is.
fn is_plain(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

/// Returns the visible stand-in of a character that would not be seen.
fn mark_of(character: char) -> String {
    match u32::from(character) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).map(String::from).unwrap_or_default(),
        0x7f => "\u{2421}".to_owned(),
        code => format!("<U+{code:04X}>"),
    }
}

#[cfg(test)]
mod tests;
