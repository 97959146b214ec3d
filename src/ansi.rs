//! Terminal escape sequences: colours become styles, links become spans, everything else disappears.
//!
//! Pure and linear. [`Scanner`] is the one parser; it can stop and go on anywhere, also inside a sequence, so that a
//! colour outlives its line and a chunk may end wherever it likes. [`spans`], [`plain_text`] and [`cells`] say what a
//! line shows, as pieces with styles, as text, and as a width. What could make a line look like another one (bidi
//! overrides, zero-width characters, control characters) is shown by its number, also in what is copied.
//!
//! Sources: ECMA-48, fifth edition, 5.4 (control sequences) and 8.3.117 (SGR); xterm's `ctlseqs` for OSC and the 256
//! colours; the OSC 8 hyperlink note of the terminals' working group.

mod scan;
mod style;
mod width;

use std::borrow::Cow;

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

/// Returns the pieces of a line that begins in the given style.
#[must_use]
pub fn spans(line: &str, start: Style) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut erase = Erase::Nothing;
    Scanner::new(start).scan(line, &mut |token| match token {
        Token::Text { text, style, link } => {
            erase.apply(&mut spans);
            match spans.last_mut() {
                Some(last) if !last.mark && last.style == style && last.link.as_deref() == link => {
                    last.text.push_str(text);
                }
                _ => spans.push(Span { text: text.to_owned(), style, link: link.map(str::to_owned), mark: false }),
            }
        }
        Token::Hidden { character, style } => {
            erase.apply(&mut spans);
            spans.push(Span { text: mark_of(character), style, link: None, mark: true });
        }
        Token::Backspace => erase = erase.one_more(),
        Token::LineStart => erase = Erase::Everything,
        Token::EraseLine => {
            spans.clear();
            erase = Erase::Nothing;
        }
    });
    spans
}

/// Returns what a line shows, as text: no escape sequences, nothing invisible.
///
/// Everything that leaves the page, and everything that looks at a line's words, goes through here.
#[must_use]
pub fn plain_text(line: &str) -> Cow<'_, str> {
    if is_plain(line) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(spans(line, Style::default()).into_iter().map(|span| span.text).collect())
}

/// Returns how many columns a line takes in a terminal: wide characters two, combining ones none, tabs up to the next eighth.
#[must_use]
pub fn cells(line: &str) -> u32 {
    let plain = plain_text(line);
    if is_plain(&plain) && !plain.contains('\t') {
        return u32::try_from(plain.len()).unwrap_or(u32::MAX);
    }
    plain.chars().fold(0, |column, character| match character {
        '\t' => (column / 8 + 1) * 8,
        _ => column + width::width(character),
    })
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

/// What the next visible character replaces: terminals move the cursor back and overwrite.
#[derive(Clone, Copy)]
enum Erase {
    Nothing,
    Last(u32),
    Everything,
}

impl Erase {
    const fn one_more(self) -> Self {
        match self {
            Self::Nothing => Self::Last(1),
            Self::Last(count) => Self::Last(count + 1),
            Self::Everything => Self::Everything,
        }
    }

    fn apply(&mut self, spans: &mut Vec<Span>) {
        match *self {
            Self::Nothing => {}
            Self::Everything => spans.clear(),
            Self::Last(count) => {
                for _ in 0..count {
                    while let Some(last) = spans.last_mut() {
                        let erased = if last.mark { None } else { last.text.pop() };
                        if last.mark || last.text.is_empty() {
                            spans.pop();
                        }
                        if erased.is_some() {
                            break;
                        }
                    }
                }
            }
        }
        *self = Self::Nothing;
    }
}

#[cfg(test)]
mod tests;
