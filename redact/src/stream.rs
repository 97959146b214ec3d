//! The redactor's state for one stream of output.
//!
//! The stream determines which output can no longer be changed by later input, and [`Masks`] writes this output.
//! Between two reads, the stream stores the automaton's state and the bytes from the beginning of the longest match
//! that is still possible. The stream does not measure time. The caller decides how long the output must pause before
//! it calls [`RedactStream::release`].

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::Redacted;
use crate::masks::Masks;
use crate::matcher::{Matcher, State, View};

/// The redactor's state for one stream of output, preserved between reads.
///
/// The concatenated results of [`push`](Self::push) and [`finish`](Self::finish) do not depend on how the input was
/// split. Only [`release`](Self::release) makes the result depend on timing.
pub struct RedactStream {
    matcher: Arc<Matcher>,
    /// The automaton's state after the last byte.
    state: State,
    /// The last bytes of the input, unmasked, from the beginning of the longest match that is still possible. Some of
    /// them may already have been written.
    held: Vec<u8>,
    /// The byte before `held`, or `None` at the beginning of the stream.
    before: Option<u8>,
    /// The matches found so far. Positions are relative to the beginning of `held`.
    masks: Masks,
}

impl RedactStream {
    pub(crate) fn new(matcher: Arc<Matcher>) -> Self {
        Self { state: matcher.start(), matcher, held: Vec::new(), before: None, masks: Masks::default() }
    }

    /// Processes the next bytes and returns all output that later input cannot change.
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

    /// Returns whether bytes are held back.
    pub fn is_holding(&self) -> bool {
        self.masks.cursor() < self.held.len()
    }

    /// Returns the part of the held bytes that may be shown after a pause. The caller decides how long a pause must be.
    ///
    /// The beginning of a value is shown if it is shorter than 8 bytes and shorter than half of the value. Matching
    /// continues: if the rest of the value arrives later, the rest is masked. A longer beginning remains held no matter
    /// how often this method is called, so [`is_holding`](Self::is_holding) may still return `true`. Call this method
    /// once per pause.
    pub fn release(&mut self) -> Redacted {
        let harmless = self.held.len() - self.telling();
        self.masks.write(&self.held, harmless)
    }

    /// Ends the stream and returns the remaining output. Afterwards, `self` can be used for a new stream.
    ///
    /// A value that is cut off here is masked if at least 8 bytes or half of it are present, and shown otherwise.
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

    /// Returns how many masks were written.
    pub fn redactions(&self) -> u64 {
        self.masks.written()
    }

    /// Finds every match that ends in `text` after `from`. The text before `from` was searched earlier.
    fn find(&mut self, text: &[u8], from: usize) {
        let view = View { before: self.before, text };
        let masks = &mut self.masks;
        // Whether a short value at the end of the last read is a match depends on the byte after it, which is now
        // available.
        masks.add(self.matcher.found(self.state, view, from));
        self.state = self.matcher.run(self.state, view, from, |range| masks.add(range));
    }

    /// Returns the length of the longest suffix of the held bytes that is a prefix of a value and is long enough to
    /// reveal the value, or 0 if there is none.
    fn telling(&self) -> usize {
        self.view(&self.held).longest(self.matcher.tail(self.state).telling, self.held.len())
    }

    fn view<'t>(&self, text: &'t [u8]) -> View<'t> {
        View { before: self.before, text }
    }

    /// Stores the text from `from` on for the next read.
    fn keep(&mut self, text: &[u8], from: usize) {
        self.before = text[..from].last().copied().or(self.before);
        self.masks.forget(from);
        self.held.clear();
        self.held.extend_from_slice(&text[from..]);
    }
}

/// Shows the number of held bytes, but never the bytes themselves.
impl Debug for RedactStream {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStream").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
