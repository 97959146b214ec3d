//! The search for secrets that rules recognise, in text with terminal escape sequences.
//!
//! Programs print `password=` and its value in different colours. A rule does not match these bytes, because escape
//! sequences interrupt the match. Therefore, the rules are also applied to the visible text, which is the raw text
//! without escape sequences.
//!
//! Most text contains no escape sequences, so the visible text is not always searched separately. The separate search
//! begins at the first escape sequence in a line, as a copy of the search in the raw text, because both texts are equal
//! up to there. It ends at the first line end at which no match has begun. The ranges that it finds are mapped to
//! positions in the raw text.
//!
//! Even in coloured output, most lines contain no literal that a rule begins with. Such a line needs neither search: it
//! is only stripped, and the automaton over the literals reads what remains (`line`).

use memchr::{memchr, memrchr};

use super::line::StyledLine;
use super::scan::{RuleScan, Undecided};
use super::{LONGEST_MATCH, Rules};
use crate::decode::{Ansi, Strings};
use crate::masks::Masks;
use crate::matcher::View;

/// The maximum number of raw bytes that a match in the visible text may span. All bytes of an incomplete match are held
/// back. If endless escape sequences make a match longer than this, it is abandoned.
const LONGEST_SPAN: usize = LONGEST_MATCH + (16 << 10);

/// The length of a match in raw bytes is checked only at positions that are multiples of this number. The result
/// therefore does not depend on how the input is split.
const CHECK: usize = 1024;

/// The search for secrets that rules recognise, in the raw and in the visible text of one stream. Its state is
/// preserved between reads.
pub(crate) struct StyledScan {
    raw: RuleScan,
    /// The search in the visible text, or `None` while it is not needed.
    visible: Option<Box<VisibleScan>>,
    /// The last search in the visible text, whose memory the next one reuses.
    ended: Option<Box<VisibleScan>>,
    line: StyledLine,
}

impl StyledScan {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { raw: RuleScan::new(rules), visible: None, ended: None, line: StyledLine::default() }
    }

    /// Returns the rules that are applied.
    pub(crate) fn rules(&self) -> &Rules {
        self.raw.rules()
    }

    /// Processes the view's text from the position `from` on, and adds the secrets that it finds to `masks`.
    pub(crate) fn run(&mut self, view: View, from: usize, masks: &mut Masks) {
        if self.rules().is_empty() {
            return;
        }
        let mut at = from;
        while at < view.end() {
            at = match self.visible.take() {
                Some(visible) => self.run_both(visible, view, at, masks),
                None => self.run_raw(view, at, masks),
            };
        }
    }

    /// Processes the text from the position `at` on, while only the raw text is searched. Returns the position that was
    /// reached: the end of a line, the end of the text, or an escape sequence from which on both texts are searched.
    fn run_raw(&mut self, view: View, at: usize, masks: &mut Masks) -> usize {
        let rest = view.bytes(at..view.end());
        let Some(escape) = memchr(Ansi::ESCAPE, rest) else {
            self.raw.run(view, at, masks);
            return view.end();
        };
        let line = memrchr(b'\n', &rest[..escape]).map_or(0, |end| end + 1);
        if line > 0 {
            self.raw.run(view.until(at + line), at, masks);
        }
        if self.raw.is_idle()
            && let Some(harmless) = self.line.examine(&rest[line..], self.raw.literals())
        {
            let end = at + line + harmless.len;
            if !harmless.is_raw_harmless {
                self.raw.run(view.until(end), at + line, masks);
            }
            return end;
        }
        let section = view.until(at + escape);
        self.raw.run(section, at + line, masks);
        let mut visible = self.ended.take().unwrap_or_else(|| Box::new(VisibleScan::new(self.rules().clone())));
        visible.fork(&self.raw, section);
        self.visible = Some(visible);
        at + escape
    }

    /// Processes a section of the text from the position `at` on in both searches. Returns the end of the section.
    fn run_both(&mut self, mut visible: Box<VisibleScan>, view: View, at: usize, masks: &mut Masks) -> usize {
        let end = at + section(view.bytes(at..view.end()), at);
        self.raw.run(view.until(end), at, masks);
        visible.push(view.bytes(at..end), at, masks);
        if visible.continues(view.byte(end - 1), end) {
            self.visible = Some(visible);
        } else {
            self.ended = Some(visible);
        }
        end
    }

    /// Returns which bytes at the end of the view's text are not decided yet.
    pub(crate) fn undecided(&self, view: View) -> Undecided {
        let raw = self.raw.undecided(view);
        let Some(visible) = &self.visible else { return raw };
        let Undecided { possible, telling, .. } = visible.scan.undecided(visible.view());
        let [possible, telling] = [possible, telling].map(|at| visible.position(at, view.end()));
        // The search in the visible text keeps its own copy of the text, so it does not affect `keep`.
        Undecided { keep: raw.keep, possible: raw.possible.min(possible), telling: raw.telling.min(telling) }
    }

    /// Prepares for the removal of the view's text before the position `from`.
    pub(crate) fn keep(&mut self, view: View, from: usize) {
        self.raw.keep(view, from);
        if let Some(visible) = &mut self.visible {
            visible.trim();
        }
    }

    /// Ends the stream. Afterwards, `self` can be used for a new stream.
    pub(crate) fn finish(&mut self, view: View, masks: &mut Masks) {
        self.raw.finish(view, masks);
        if let Some(mut visible) = self.visible.take() {
            visible.finish(masks);
        }
    }
}

/// Returns the length of the section of `text` to process next. The section ends at the end of the line, or earlier at
/// the next position at which the length of matches is checked. `at` is the position of `text` in the stream.
fn section(text: &[u8], at: usize) -> usize {
    let most = text.len().min(CHECK - at % CHECK);
    memchr(b'\n', &text[..most]).map_or(most, |line| line + 1)
}

/// The search in the visible text. Positions in the visible text equal those in the raw text up to the escape sequence
/// at which this search began.
struct VisibleScan {
    scan: RuleScan,
    ansi: Ansi,
    /// The part of the visible text that the search still needs. `before` is the byte before it.
    text: Vec<u8>,
    before: Option<u8>,
    /// The position of `text` in the visible text.
    base: usize,
    /// The position of each byte of `text` in the raw text.
    positions: Vec<usize>,
    /// The position of the byte before `text` in the raw text.
    position_before: usize,
}

impl VisibleScan {
    fn new(rules: Rules) -> Self {
        Self {
            scan: RuleScan::new(rules),
            ansi: Ansi::new(Strings::Hidden),
            text: Vec::new(),
            before: None,
            base: 0,
            positions: Vec::new(),
            position_before: 0,
        }
    }

    /// Begins as a copy of the search in the raw text, which has already examined the text of `view`.
    fn fork(&mut self, raw: &RuleScan, view: View) {
        self.base = raw.undecided(view).keep;
        self.scan.copy(raw);
        self.scan.keep(view, self.base);
        self.ansi = Ansi::new(Strings::Hidden);
        self.text.clear();
        self.text.extend_from_slice(view.bytes(self.base..view.end()));
        self.before = view.byte_before(self.base);
        self.positions.clear();
        self.positions.extend(self.base..view.end());
        self.position_before = self.base.saturating_sub(1);
    }

    fn view(&self) -> View<'_> {
        View { before: self.before, base: self.base, text: &self.text }
    }

    /// Processes bytes of the raw text, the first of which is at the position `at`.
    fn push(&mut self, bytes: &[u8], at: usize, masks: &mut Masks) {
        let from = self.base + self.text.len();
        self.ansi.strip(bytes, |shown| {
            self.text.extend_from_slice(&bytes[shown.clone()]);
            self.positions.extend(at + shown.start..at + shown.end);
        });
        self.search(masks, |scan, view, found| scan.run(view, from, found));
        self.trim();
    }

    fn finish(&mut self, masks: &mut Masks) {
        self.search(masks, RuleScan::finish);
    }

    fn search(&mut self, masks: &mut Masks, search: impl FnOnce(&mut RuleScan, View, &mut Masks)) {
        let mut found = Masks::default();
        let view = View { before: self.before, base: self.base, text: &self.text };
        search(&mut self.scan, view, &mut found);
        let (base, positions, before) = (self.base, &self.positions, self.position_before);
        masks.add_all(found, |at| at.checked_sub(base).map_or(before, |index| positions[index]));
    }

    /// Returns whether the search is still needed. `last` is the raw byte that was processed last, and `end` is the
    /// position after it.
    fn continues(&self, last: u8, end: usize) -> bool {
        let is_done = last == b'\n' && self.scan.is_idle();
        let is_long = end.is_multiple_of(CHECK) && self.positions.first().is_some_and(|at| end - at > LONGEST_SPAN);
        !is_done && !is_long
    }

    /// Converts a position in the visible text, `at`, to a position in the raw text. Nothing from these positions on is
    /// decided yet. `end` is the end of the raw text.
    fn position(&self, at: usize, end: usize) -> usize {
        let index = at - self.base;
        if self.scan.is_masking() {
            // A match that is already masked may continue after the escape sequences that follow it, so whether these
            // sequences are masked is not decided either.
            let before = index.checked_sub(1).map_or(self.position_before, |index| self.positions[index]);
            return before + 1;
        }
        self.positions.get(index).copied().unwrap_or(end)
    }

    /// Removes the text that the search no longer needs.
    fn trim(&mut self) {
        let view = View { before: self.before, base: self.base, text: &self.text };
        let keep = self.scan.undecided(view).keep;
        self.scan.keep(view, keep);
        let unused = keep - self.base;
        if let Some(last) = unused.checked_sub(1) {
            self.before = Some(self.text[last]);
            self.position_before = self.positions[last];
            self.text.drain(..unused);
            self.positions.drain(..unused);
            self.base = keep;
        }
    }
}
