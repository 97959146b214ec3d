//! The tokens into which this module divides the text around a stop.

use crate::decode::{Ansi, Decoder};

use super::LONGEST;

/// If this many equal bytes were read, further equal bytes make no difference, because a gram has at most this many
/// bytes.
pub(super) const SAME: usize = 4;

/// The maximum number of parameter bytes in a sequence that sets a colour.
const LONGEST_COLOUR: usize = 32;

/// The maximum number of bytes in the name of a character reference.
const LONGEST_NAME: usize = 8;

/// A piece of the text, which each view reads in its own way.
#[derive(Clone, Copy)]
pub(super) enum Token {
    /// A byte that stands for itself.
    Byte,
    /// A byte that might begin an escape, but does not.
    NoEscape,
    /// This many spaces, at least [`SAME`].
    Spaces(usize),
    /// This many invisible bytes: a carriage return with or without a line feed, or a sequence that sets colours.
    Hidden(usize),
    /// This many backslashes before a byte that stands for itself.
    Backslashes(usize),
    /// An escape of this many bytes that stands for this byte.
    Escape(usize, u8),
}

impl Token {
    /// Returns the number of bytes of the text that the token consists of.
    #[inline]
    pub(super) fn len(self) -> usize {
        match self {
            Self::Byte | Self::NoEscape => 1,
            Self::Spaces(len) | Self::Hidden(len) | Self::Backslashes(len) | Self::Escape(len, _) => len,
        }
    }

    /// Reads the token at the index `at`. Returns `None` if it cannot be passed.
    #[inline]
    pub(super) fn read(text: &[u8], at: usize) -> Option<Self> {
        let rest = &text[at..];
        match *rest.first()? {
            Ansi::ESCAPE => colour(rest).map(Self::Hidden),
            b'\\' => backslashes(rest),
            b'%' => percent(rest),
            b'&' => reference(rest),
            b'\r' => line_end(rest),
            b' ' => spaces(rest),
            0x08 => None,
            b'_' if *rest.get(1)? == 0x08 => None,
            _ => Some(Self::Byte),
        }
    }
}

fn spaces(text: &[u8]) -> Option<Token> {
    let len = text.iter().take(LONGEST).position(|byte| *byte != b' ')?;
    Some(if len < SAME { Token::Byte } else { Token::Spaces(len) })
}

/// Reads an escape sequence that sets colours or a similar style, and returns its length.
fn colour(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().take(LONGEST_COLOUR).position(|byte| !matches!(byte, b'0'..=b'9' | b';'))?;
    parameters[end].is_ascii_alphabetic().then_some(2 + end + 1)
}

/// Reads a carriage return. If a line feed follows it, the line feed is part of the token, because it is not visible
/// either.
fn line_end(text: &[u8]) -> Option<Token> {
    text.get(1).map(|next| Token::Hidden(1 + usize::from(*next == b'\n')))
}

fn backslashes(text: &[u8]) -> Option<Token> {
    let len = text.iter().take(LONGEST_COLOUR).position(|byte| *byte != b'\\')?;
    match text[len] {
        b'n' => Some(Token::Escape(len + 1, b'\n')),
        b't' => Some(Token::Escape(len + 1, b'\t')),
        b'0'..=b'7' | b'a' | b'b' | b'e' | b'E' | b'f' | b'r' | b'u' | b'U' | b'v' | b'x' => None,
        next if next.is_ascii_control() || !Decoder::is_plain(next) => None,
        _ => Some(Token::Backslashes(len)),
    }
}

/// Reads a percent sign and the two bytes after it, which decide whether it begins an escape. Colours may be set
/// between these bytes.
fn percent(text: &[u8]) -> Option<Token> {
    let (mut at, mut value) = (1, 0);
    for _ in 0..2 {
        while *text.get(at)? == Ansi::ESCAPE {
            at += colour(&text[at..])?;
        }
        let Some(digit) = char::from(text[at]).to_digit(16) else { return Some(Token::NoEscape) };
        value = 16 * value + digit;
        at += 1;
    }
    let byte = u8::try_from(value).expect("two hexadecimal digits are a byte");
    // If colours are set within an escape, the escape has more than 3 bytes. This is rare, so such an escape is not
    // passed.
    (at == 3 && Decoder::is_plain(byte) && !byte.is_ascii_control()).then_some(Token::Escape(3, byte))
}

fn reference(text: &[u8]) -> Option<Token> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
    let len = text[1..].iter().take(LONGEST_NAME).position(|byte| !is_name(byte))?;
    let byte = match (&text[1..=len], text[1 + len]) {
        (b"lt", b';') => b'<',
        (b"gt", b';') => b'>',
        (b"quot" | b"#34" | b"#x22", b';') => b'"',
        (b"apos" | b"#39" | b"#x27", b';') => b'\'',
        (_, b';') => return None,
        // The next byte may begin another escape, which may stand for a byte that continues the name.
        (_, next) => return Decoder::is_plain(next).then_some(Token::NoEscape),
    };
    Some(Token::Escape(2 + len, byte))
}
