//! Applies the filter to the panel, and counts the rows.

use model::Seq;

use super::{Panel, Seen};
use crate::live_output::filter::{Counts, OutputFilter, RowFilter, count_events};
use crate::live_output::line::LineKey;
use crate::live_output::search::Findings;
use crate::live_output::selected::SelectedLines;

impl Panel {
    /// Changes the filter. While following is paused, the line at the top of the panel stays there. If the filter hides
    /// this line, the next line that the filter shows takes its position.
    pub fn set_filter(&mut self, filter: RowFilter) {
        let anchor = if self.follows() { None } else { self.anchor.or_else(|| self.first_visible()) };
        self.filter = filter;
        self.selected = filter.selects_lines().then(|| SelectedLines::new(filter, self.buffer.limits()));
        let findings = if filter.is_narrowed() { Findings::default() } else { self.warnings.clone() };
        self.set_selected(findings);
        self.anchor = anchor.filter(|key| !self.is_listed(*key));
        self.seen = self.end();
    }

    /// Sets the lines that the server has found for the current filter.
    pub fn set_selected(&mut self, findings: Findings) {
        let (when_full, top) = (self.when_full(), self.scroll_top());
        if let Some(selected) = &mut self.selected {
            selected.set_findings(findings, &self.buffer, when_full);
        }
        self.lay_out();
        self.keep_place(top);
    }

    /// Sets the warnings and errors that the server has found.
    pub fn set_warnings(&mut self, warnings: Findings) {
        self.warnings = warnings;
        if !self.filter.is_narrowed() {
            self.set_selected(self.warnings.clone());
        }
    }

    /// Returns whether the filter shows a line. Returns `false` if it is unknown whether the filter selects the line.
    #[must_use]
    pub fn may_show(&self, key: LineKey) -> bool {
        match &self.selected {
            Some(selected) => selected.holds(key),
            None => self.filter.kind != OutputFilter::Stages,
        }
    }

    /// Returns whether every line that the filter shows is in memory.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let list = self.list();
        self.filter.kind == OutputFilter::Stages || !list.has_earlier() && list.lines_after() == 0
    }

    pub(super) fn end(&self) -> Seen {
        Seen { line: self.buffer.totals().end(), event: self.buffer.end() }
    }

    /// Returns the number of rows that are known to have arrived since `seen` was recorded.
    pub(super) fn unseen(&self) -> i64 {
        let lines = match &self.selected {
            Some(selected) => selected.count_from(self.seen.line),
            None if self.filter.kind == OutputFilter::Stages => 0,
            None => self.buffer.totals().lines() - self.buffer.totals().index(self.seen.line),
        };
        lines + count_events(&self.buffer, self.filter, self.seen.event)
    }

    pub(super) fn counts(&self) -> Counts {
        let counts = Counts::of(&self.buffer, &self.warnings);
        let lines = self.selected.as_ref().map_or(0, SelectedLines::total);
        let narrowed = self.filter.is_narrowed().then(|| lines + count_events(&self.buffer, self.filter, Seq::START));
        Counts { narrowed, ..counts }
    }

    /// Returns whether the list contains a line or, if the filter hides it, the lines around it.
    pub(super) fn is_listed(&self, key: LineKey) -> bool {
        match &self.selected {
            Some(selected) => selected.covers(key, &self.buffer),
            None => self.filter.kind == OutputFilter::Stages || self.buffer.line(key).is_some(),
        }
    }
}
