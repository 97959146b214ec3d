//! Collapses and expands groups of lines.

use model::{Event, Payload, StepPayload, StepStatus};

use super::Panel;
use crate::live_output::filter::OutputFilter;
use crate::live_output::groups::{Collapsed, GroupKey, Outline, StepTitles};
use crate::live_output::layout::{PanelRow, RowKey};
use crate::live_output::line::LineKey;

impl Panel {
    /// Collapses or expands a group. Its title keeps its position on the screen. If the title is not on the screen,
    /// collapsing the group scrolls to the title.
    pub fn toggle_group(&mut self, group: GroupKey) {
        let Some((title, collapsed)) = self.title_of(group).zip(self.collapsed(group)) else { return };
        let top = |panel: &Self| panel.layout.find(title, panel.list()).map(|index| panel.layout.top(index));
        let (before, scroll_top) = (top(self), self.scroll_top());
        self.groups.set(group, collapsed.toggled());
        self.lay_out();
        let Some((before, after)) = before.zip(top(self)) else { return };
        let is_on_screen = (scroll_top..scroll_top + self.height).contains(&before);
        let scroll_top = match collapsed {
            _ if is_on_screen => (scroll_top + after).saturating_sub(before),
            Collapsed::No => after,
            Collapsed::Yes => return,
        };
        // The list keeps following if its end is still in the panel.
        if !self.follows() || scroll_top + self.height < self.layout.height() {
            self.pause(scroll_top);
        }
    }

    /// Collapses all groups of lines or, if all are collapsed, expands them. The row at the top of the panel stays
    /// there. A filtered list has no groups.
    pub fn toggle_all_groups(&mut self) {
        if self.selected.is_some() || self.filter.kind == OutputFilter::Stages {
            return;
        }
        let is_expanded = |index: usize| self.layout.group(index).is_some_and(|group| group.collapsed == Collapsed::No);
        let any = (0..self.list().lines().len()).any(is_expanded);
        self.groups.set_all(if any { Collapsed::Yes } else { Collapsed::No });
        self.lay_out();
    }

    /// Returns the group that contains the marked line or, if that line is not visible, the first visible line. A title
    /// is part of its own group. Returns `None` if the line is in no group.
    #[must_use]
    pub fn current_group(&self) -> Option<GroupKey> {
        let top = self.scroll_top();
        let visible = self.layout.between(top, top + self.height);
        let marked = self.marked.map(|marked| RowKey::Line(marked.first_key()));
        let is_marked = |index: &usize| marked.is_some() && self.layout.key(*index, self.list()) == marked;
        let row = visible.clone().find(is_marked).or_else(|| {
            visible.clone().find(|index| match self.layout.rows()[*index] {
                PanelRow::Line(_) => true,
                PanelRow::LifecycleEvent(at) => self.collapsed_step(&self.buffer.lifecycle_events()[at]).is_some(),
                PanelRow::Earlier | PanelRow::Later => false,
            })
        })?;
        match self.layout.rows()[row] {
            PanelRow::Line(at) => {
                let line = &self.list().lines()[at];
                let title = self.groups_of(at).pop();
                let step = GroupKey::Step(line.key.attempt, line.step);
                title.map(GroupKey::Lines).or_else(|| self.title_of(step).map(|_| step))
            }
            PanelRow::LifecycleEvent(at) => match &self.buffer.lifecycle_events()[at].payload {
                Payload::Step(step) => Some(GroupKey::Step(step.attempt, step.step())),
                _ => None,
            },
            PanelRow::Earlier | PanelRow::Later => None,
        }
    }

    /// Returns whether the step that an event starts is collapsed. Returns `None` if the event starts no step, if the
    /// list does not show all rows, or if the step is expanded and none of its lines are loaded.
    pub(super) fn collapsed_step(&self, event: &Event) -> Option<Collapsed> {
        let Payload::Step(step @ StepPayload { status: StepStatus::Started, .. }) = &event.payload else { return None };
        if self.selected.is_some() || self.filter.kind != OutputFilter::All {
            return None;
        }
        let collapsed = self.groups.of_step(step.attempt, step.step());
        let lines = self.list().lines();
        let first = lines.get(lines.partition_point(|line| line.first_seq < event.seq));
        let has_lines = first.is_some_and(|line| (line.key.attempt, line.step) == (step.attempt, step.step()));
        (has_lines || collapsed == Collapsed::Yes).then_some(collapsed)
    }

    /// Expands the groups that hide a line.
    pub(super) fn reveal(&mut self, key: LineKey) {
        if self.selected.is_some() {
            return;
        }
        let Ok(at) = self.list().lines().binary_search_by(|line| line.key.cmp(&key)) else { return };
        let titles = self.groups_of(at);
        let step = self.list().lines()[at].step;
        let hiding = titles.into_iter().filter(|title| *title != key).map(GroupKey::Lines);
        // Only the list of all rows shows where steps begin, and hides the lines of collapsed steps.
        let step = (self.filter.kind == OutputFilter::All).then_some(GroupKey::Step(key.attempt, step));
        let hiding: Vec<GroupKey> =
            hiding.chain(step).filter(|group| self.collapsed(*group) == Some(Collapsed::Yes)).collect();
        if !hiding.is_empty() {
            for group in hiding {
                self.groups.set(group, Collapsed::No);
            }
            self.lay_out();
        }
    }

    /// Returns the titles of the groups that contain a line, outermost first. A title is part of its own group.
    fn groups_of(&self, at: usize) -> Vec<LineKey> {
        let lines = self.list().lines();
        let mut outline = Outline::new(&self.groups, lines, StepTitles::Hidden);
        // A group does not extend over several steps.
        let place = |at: usize| (lines[at].key.attempt, lines[at].step);
        let first = (0..at).rev().take_while(|before| place(*before) == place(at)).last().unwrap_or(at);
        for at in first..=at {
            outline.enter(at);
        }
        outline.open().collect()
    }

    fn title_of(&self, group: GroupKey) -> Option<RowKey> {
        match group {
            GroupKey::Lines(title) => Some(RowKey::Line(title)),
            GroupKey::Step(attempt, step) => {
                self.buffer.lifecycle_events().iter().find_map(|event| match &event.payload {
                    Payload::Step(begun) if begun.attempt == attempt && begun.step() == step => {
                        self.collapsed_step(event).map(|_| RowKey::LifecycleEvent(event.seq))
                    }
                    _ => None,
                })
            }
        }
    }

    pub(super) fn collapsed(&self, group: GroupKey) -> Option<Collapsed> {
        match group {
            GroupKey::Lines(title) => {
                let at = self.list().lines().binary_search_by(|line| line.key.cmp(&title)).ok()?;
                self.layout.group(at).map(|group| group.collapsed)
            }
            GroupKey::Step(attempt, step) => Some(self.groups.of_step(attempt, step)),
        }
    }
}

#[cfg(test)]
mod tests;
