//! The redactor's state for one stream of output.
//!
//! The stream determines which output can no longer be changed by later input, and [`Masks`] writes this output.
//! Between two reads, the stream stores the state of its views and the bytes from the beginning of the first match that
//! is still possible. The stream does not measure time. The caller decides how long the output must pause before
//! it calls [`RedactStream::release`].

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::Redacted;
use crate::masks::Masks;
use crate::matcher::{Matcher, View};
use crate::view::{SearchedViews, Views};

/// The redactor's state for one stream of output, preserved between reads.
///
/// The concatenated results of [`push`](Self::push) and [`finish`](Self::finish) do not depend on how the input was
/// split. Only [`release`](Self::release) makes the result depend on timing.
pub struct RedactStream {
    matcher: Arc<Matcher>,
    /// The state after the last byte.
    views: Box<Views>,
    /// The last bytes of the input, unmasked, from the beginning of the first match that is still possible. Some of
    /// them may already have been written.
    held: Vec<u8>,
    /// The position of `held` in the stream.
    base: usize,
    /// The byte before `held`, or `None` at the beginning of the stream.
    before: Option<u8>,
    /// The matches found so far.
    masks: Masks,
}

impl RedactStream {
    pub(crate) fn new(matcher: Arc<Matcher>, searched: SearchedViews) -> Self {
        let views = Box::new(Views::new(searched, matcher.start()));
        Self { matcher, views, held: Vec::new(), base: 0, before: None, masks: Masks::default() }
    }

    /// Processes the next bytes and returns all output that later input cannot change.
    pub fn push(&mut self, input: &[u8]) -> Redacted {
        if self.held.is_empty() {
            let (written, sure) = self.process(input, 0);
            self.held.extend_from_slice(&input[sure..]);
            return written;
        }
        let mut text = std::mem::take(&mut self.held);
        let searched = text.len();
        text.extend_from_slice(input);
        let (written, sure) = self.process(&text, searched);
        text.drain(..sure);
        self.held = text;
        written
    }

    /// Returns whether bytes are held back.
    pub fn is_holding(&self) -> bool {
        self.masks.cursor() < self.base + self.held.len()
    }

    /// Returns the part of the held bytes that may be shown after a pause. The caller decides how long a pause must be.
    ///
    /// The beginning of a value is shown if it is shorter than 8 bytes and shorter than half of the value. Matching
    /// continues: if the rest of the value arrives later, the rest is masked. A longer beginning remains held no matter
    /// how often this method is called, so [`is_holding`](Self::is_holding) may still return `true`. Call this method
    /// once per pause.
    pub fn release(&mut self) -> Redacted {
        let view = View { before: self.before, base: self.base, text: &self.held };
        let harmless = self.views.telling(&self.matcher, view);
        self.masks.write(view, harmless)
    }

    /// Ends the stream and returns the remaining output. Afterwards, `self` can be used for a new stream.
    ///
    /// A value that is cut off here is masked if at least 8 bytes or half of it are present, and shown otherwise.
    pub fn finish(&mut self) -> Redacted {
        let held = std::mem::take(&mut self.held);
        let view = View { before: self.before, base: self.base, text: &held };
        // An escape that is cut off may be the end of a match, or it may continue a match that is cut off.
        self.masks.add(self.views.telling(&self.matcher, view)..view.end());
        self.views.finish(&self.matcher, &mut self.masks);
        self.masks.add(self.views.telling(&self.matcher, view)..view.end());
        let written = self.masks.write(view, view.end());
        self.masks.restart();
        *self.views = Views::new(self.views.searched(), self.matcher.start());
        (self.base, self.before) = (0, None);
        written
    }

    /// Returns how many masks were written.
    pub fn redactions(&self) -> u64 {
        self.masks.written()
    }

    /// Processes the held bytes together with new ones, and returns the output and how many bytes are not held any
    /// more. The first `searched` bytes were searched earlier.
    fn process(&mut self, text: &[u8], searched: usize) -> (Redacted, usize) {
        let view = View { before: self.before, base: self.base, text };
        let from = self.base + searched;
        // Whether a short value at the end of the last read is a match depends on the byte after it, which is now
        // available.
        self.masks.add(self.matcher.found(self.views.raw(), view, from));
        self.views.run(&self.matcher, view, from, &mut self.masks);
        let sure = self.views.possible(&self.matcher, view);
        let written = self.masks.write(view, sure);
        self.views.keep(view, sure);
        (self.base, self.before) = (sure, view.byte_before(sure));
        (written, sure - view.base)
    }
}

/// Shows the number of held bytes, but never the bytes themselves.
impl Debug for RedactStream {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStream").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
