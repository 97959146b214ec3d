//! The redactor's state for one stream of output.
//!
//! The stream determines which output can no longer be changed by later input, and [`Masks`] writes this output.
//! Between two reads, the stream stores the state of its views, and the input from the beginning of the first match
//! that is still possible. The stream does not measure time: the caller decides how long a pause must be before it
//! calls [`RedactStream::release`].

use std::fmt::{self, Debug, Formatter};

use crate::masks::{MaskedRange, Masks};
use crate::matcher::View;
use crate::rules::{Rules, StyledScan};
use crate::search::ValueSearch;
use crate::{MaskCounts, Redacted, Redactor};

/// The redactor's state for one stream of output, preserved between reads.
///
/// The concatenated results of [`push`](Self::push) and [`finish`](Self::finish) do not depend on how the input was
/// split. Only [`release`](Self::release) makes the result depend on timing.
pub struct RedactStream {
    /// The states of the searches after the last byte.
    values: Box<dyn ValueSearch>,
    rules: Box<StyledScan>,
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
    pub(crate) fn new(values: Box<dyn ValueSearch>, rules: Rules) -> Self {
        let rules = Box::new(StyledScan::new(rules));
        Self { values, rules, held: Vec::new(), base: 0, before: None, masks: Masks::default() }
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

    /// Replaces the registered values with those of `redactor`. A new value is masked even if it begins in the bytes
    /// that are held back. The rules do not change. `redactor` should contain all values of the stream's previous
    /// redactor.
    pub fn continue_with(&mut self, redactor: &Redactor) {
        self.values = redactor.compiled().search();
        self.values.begin_again(self.base, self.before);
        let view = View { before: self.before, base: self.base, text: &self.held };
        self.values.run(view, self.base, &mut self.masks);
    }

    /// Returns whether bytes are held back.
    pub fn is_holding(&self) -> bool {
        self.masks.cursor() < self.base + self.held.len()
    }

    /// Returns whether the bytes that are held back contain the end of a line.
    ///
    /// If they do, the beginning of that line may already have been returned. A caller that shows whole lines can then
    /// wait for the rest of the line before it shows the beginning.
    pub fn holds_line_end(&self) -> bool {
        let written = self.masks.cursor().saturating_sub(self.base).min(self.held.len());
        self.held[written..].contains(&b'\n')
    }

    /// Returns the part of the held bytes that may be shown after a pause. The caller decides how long a pause must be.
    ///
    /// The beginning of a value is shown if it is shorter than 8 bytes and shorter than half of the value. The
    /// beginning of a secret that a rule may match is shown if it is shorter than 8 bytes and shorter than half of the
    /// shortest secret that the rule matches. If the rest of the value or secret arrives later, this rest is masked. A
    /// longer beginning remains held no matter how often this method is called. Therefore,
    /// [`is_holding`](Self::is_holding) may still return `true`. Call this method once per pause.
    pub fn release(&mut self) -> Redacted {
        let view = View { before: self.before, base: self.base, text: &self.held };
        let harmless = self.values.telling_at_pause(view).min(self.rules.undecided(view).telling);
        self.masks.write(view, harmless, self.rules.rules())
    }

    /// Ends the stream and returns the remaining output. Afterwards, `self` can be used for a new stream.
    ///
    /// A value that is cut off here is masked if at least 8 bytes or half of the value are present. Otherwise, the
    /// bytes are shown. A secret that a rule recognises is masked if at least 8 bytes of its variable part are present.
    /// If the rule's whole match is variable, half of its minimum length is sufficient too.
    pub fn finish(&mut self) -> Redacted {
        let held = std::mem::take(&mut self.held);
        let view = View { before: self.before, base: self.base, text: &held };
        self.end(view);
        let written = self.masks.write(view, view.end(), self.rules.rules());
        self.masks.restart();
        self.values.begin_again(0, None);
        (self.base, self.before) = (0, None);
        written
    }

    /// Returns how many masks were written.
    pub fn redactions(&self) -> u64 {
        self.masks.counts().total()
    }

    /// Returns how many masks were written for registered values and for each rule.
    pub fn counts(&self) -> &MaskCounts {
        self.masks.counts()
    }

    /// Returns the ranges to mask in `input`, which is the complete input of a new stream.
    pub(crate) fn find(mut self, input: &[u8]) -> Vec<MaskedRange> {
        let view = View { before: None, base: 0, text: input };
        self.search(view, 0);
        self.end(view);
        self.masks.take_ranges()
    }

    /// Processes `text`, which consists of the held bytes and the new ones. The first `searched` bytes were searched
    /// earlier. Returns the output, and the number of bytes at the beginning of `text` that no longer need to be held.
    fn process(&mut self, text: &[u8], searched: usize) -> (Redacted, usize) {
        let view = View { before: self.before, base: self.base, text };
        self.search(view, self.base + searched);
        let undecided = self.rules.undecided(view);
        let sure = self.values.possible(view).min(undecided.possible);
        let written = self.masks.write(view, sure, self.rules.rules());
        // The text from the cursor on has not been written. Even text that will be shown must be kept until the label
        // of the mask before it is known.
        let keep = sure.min(undecided.keep).min(self.masks.cursor());
        self.values.keep(view, keep);
        self.rules.keep(view, keep);
        (self.base, self.before) = (keep, view.byte_before(keep));
        (written, keep - view.base)
    }

    /// Searches the view's text from the position `from` on.
    fn search(&mut self, view: View, from: usize) {
        self.values.run(view, from, &mut self.masks);
        self.rules.run(view, from, &mut self.masks);
    }

    /// Masks the values and secrets that the end of the stream cuts off.
    fn end(&mut self, view: View) {
        self.values.finish(view, &mut self.masks);
        self.rules.finish(view, &mut self.masks);
    }
}

/// Shows the number of held bytes, but never the bytes themselves.
impl Debug for RedactStream {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStream").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
