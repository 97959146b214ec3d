//! The redactor's state over one stream of output.
//!
//! The stream decides what is sure; [`Masks`] writes it. Between two reads it keeps the automaton's state and the bytes
//! from the beginning of the longest match that is still possible. It has no clock: the caller says when a pause was
//! long enough.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::Redacted;
use crate::masks::Masks;
use crate::matcher::{Matcher, State, View};

/// The redactor's state over one stream of output, across reads.
///
/// Everything [`push`](Self::push) and [`finish`](Self::finish) return, put together, is the same for every cut of the
/// same input. Only [`release`](Self::release) makes time matter.
pub struct RedactStream {
    matcher: Arc<Matcher>,
    /// Where the automaton stands after the last byte.
    state: State,
    /// The last bytes of the input, from where the longest possible match begins, as they came; some may be written already.
    held: Vec<u8>,
    /// The byte before `held`; none at the beginning of the stream.
    before: Option<u8>,
    /// What was found, and how far it is written; counts from the beginning of `held`.
    masks: Masks,
}

impl RedactStream {
    pub(crate) fn new(matcher: Arc<Matcher>) -> Self {
        Self { state: matcher.start(), matcher, held: Vec::new(), before: None, masks: Masks::default() }
    }

    /// Takes the next bytes and returns everything that is sure by now.
    pub fn push(&mut self, input: &[u8]) -> Redacted {
        let joined;
        let text = if self.held.is_empty() {
            input
        } else {
            joined = [&self.held, input].concat();
            &joined
        };
        self.find(text, self.held.len());
        let possible = self.view(text).longest(self.matcher.tail(self.state).begun, text.len());
        let sure = text.len() - possible;
        let written = self.masks.write(text, sure);
        self.keep(text, sure);
        written
    }

    /// Whether bytes are held back.
    pub fn is_holding(&self) -> bool {
        self.masks.cursor() < self.held.len()
    }

    /// Shows of what is held what a pause may show: the caller's deadline has passed.
    ///
    /// The beginning of a value is shown while it is shorter than 8 bytes and than half of the value. The match goes on:
    /// when the rest comes later, the rest is masked. What is longer stays held however often this is called, so that
    /// [`is_holding`](Self::is_holding) may stay true: release once per pause.
    pub fn release(&mut self) -> Redacted {
        let harmless = self.held.len() - self.telling();
        self.masks.write(&self.held, harmless)
    }

    /// Ends the stream and returns the rest; afterwards a new stream may begin.
    ///
    /// A value that is cut off here is masked when 8 bytes or half of it are there, and shown otherwise.
    pub fn finish(&mut self) -> Redacted {
        let end = self.held.len();
        let telling = self.telling();
        self.masks.add(end - telling..end);
        let written = self.masks.write(&self.held, end);
        self.masks.restart();
        self.held.clear();
        self.before = None;
        self.state = self.matcher.start();
        written
    }

    /// How many masks were written.
    pub fn redactions(&self) -> u64 {
        self.masks.written()
    }

    /// Finds every match that ends in `text` after `from`; what is before it has been seen.
    fn find(&mut self, text: &[u8], from: usize) {
        let view = View { before: self.before, text };
        let masks = &mut self.masks;
        // A token at the end of the last read could not be decided without its neighbour, which is here now.
        masks.add(self.matcher.found(self.state, view, from));
        self.state = self.matcher.run(self.state, view, from, |range| masks.add(range));
    }

    /// How many of the last bytes belong to a beginning of a value that is too long to be shown.
    fn telling(&self) -> usize {
        self.view(&self.held).longest(self.matcher.tail(self.state).telling, self.held.len())
    }

    fn view<'t>(&self, text: &'t [u8]) -> View<'t> {
        View { before: self.before, text }
    }

    /// Keeps what follows `from` for the next read.
    fn keep(&mut self, text: &[u8], from: usize) {
        self.before = text[..from].last().copied().or(self.before);
        self.masks.forget(from);
        self.held.clear();
        self.held.extend_from_slice(&text[from..]);
    }
}

/// Says how much is held, never what.
impl Debug for RedactStream {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStream").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
