//! Recognises terminal escape sequences (ECMA-48).

use std::ops::Range;

use memchr::memchr;

/// How the content of control strings, such as window titles and the addresses of links, is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    /// The content is text like any other.
    Shown,
    /// The content is part of the escape sequence.
    Hidden,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC and any intermediate bytes.
    Escape,
    /// After `ESC [`.
    Csi,
    /// Within a control string.
    Content,
    /// After an ESC within a control string.
    ContentEscape,
}

/// Recognises escape sequences: control sequences (CSI), control strings (OSC, DCS and others), and short sequences.
///
/// A sequence ends before an invalid byte, or when it has reached the maximum length. The byte after the sequence is
/// then ordinary text.
#[derive(Clone)]
pub(crate) struct Ansi {
    strings: Strings,
    state: State,
    /// The number of bytes in the current sequence.
    len: usize,
}

impl Ansi {
    pub(crate) const ESCAPE: u8 = 0x1b;

    /// The maximum number of bytes in a sequence. Links contain addresses of up to about 2,000 bytes.
    const LONGEST: usize = 4096;

    pub(crate) fn new(strings: Strings) -> Self {
        Self { strings, state: State::Text, len: 0 }
    }

    /// Returns whether the text is outside of escape sequences.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Text
    }

    /// Processes one byte and returns whether it belongs to an escape sequence.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) -> bool {
        if self.state == State::Text && byte != Self::ESCAPE {
            return false;
        }
        self.len = if self.state == State::Text { 0 } else { self.len + 1 };
        let next = if self.len < Self::LONGEST { self.next(byte) } else { None };
        self.state = next.unwrap_or(State::Text);
        next.is_some()
    }

    /// Processes `bytes`, and passes the range of each section outside of escape sequences to `show`.
    pub(crate) fn strip(&mut self, bytes: &[u8], mut show: impl FnMut(Range<usize>)) {
        let mut at = 0;
        while at < bytes.len() {
            if self.is_idle() {
                let end = memchr(Self::ESCAPE, &bytes[at..]).map_or(bytes.len(), |escape| at + escape);
                show(at..end);
                at = end;
            }
            while at < bytes.len() && self.push(bytes[at]) {
                at += 1;
            }
        }
    }

    /// Returns the state after `byte` if it belongs to the sequence.
    fn next(&self, byte: u8) -> Option<State> {
        let hides = self.strings == Strings::Hidden;
        match (self.state, byte) {
            (State::Content, Self::ESCAPE) => Some(State::ContentEscape),
            (_, Self::ESCAPE) | (State::Escape, 0x20..=0x2f) => Some(State::Escape),
            (State::Escape, b'[') | (State::Csi, 0x20..=0x3f) => Some(State::Csi),
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') if hides => Some(State::Content),
            (State::Escape, 0x30..=0x7e)
            | (State::Csi, 0x40..=0x7e)
            | (State::Content, 0x07)
            | (State::ContentEscape, b'\\') => Some(State::Text),
            (State::Content, 0x20..) => Some(State::Content),
            _ => None,
        }
    }
}
