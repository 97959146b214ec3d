//! Determines which lines belong to a group, and which groups are collapsed.
//!
//! A group is a step, or the lines between two markers ([`model::group`]). The line that begins a group of lines is its
//! title. This module is pure. A group of lines is known only if its title is loaded, and does not extend over several
//! steps.

use std::collections::{HashMap, VecDeque};

use model::group::{GroupKind, GroupMarker, Heading, Initially};
use model::{Level, StepRef};

use super::line::{LineKey, LiveLine};

/// The identifier of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// All lines of a step of an attempt.
    Step(i32, StepRef),
    /// The group whose title is the given line. It consists of the lines after the title, up to the end of the group.
    Lines(LineKey),
}

/// The reader's choices of the groups to collapse.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// The state of all groups of lines that are not in `chosen`, or `None` if each of them is in its initial state.
    all: Option<Collapsed>,
    chosen: HashMap<GroupKey, Collapsed>,
    /// A line that only marks the end of a group, but is shown because the reader went to it. `None` if there is no
    /// such line.
    shown_end: Option<LineKey>,
}

/// Whether the lines of a group are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Collapsed {
    Yes,
    No,
}

impl Collapsed {
    const fn of(is_collapsed: bool) -> Self {
        if is_collapsed { Self::Yes } else { Self::No }
    }

    /// Returns the opposite state.
    #[must_use]
    pub const fn toggled(self) -> Self {
        Self::of(matches!(self, Self::No))
    }
}

impl Groups {
    /// Collapses or expands a group.
    pub fn set(&mut self, key: GroupKey, collapsed: Collapsed) {
        self.chosen.insert(key, collapsed);
    }

    /// Collapses or expands all groups of lines, and expands all steps.
    pub fn set_all(&mut self, collapsed: Collapsed) {
        (self.all, self.chosen) = (Some(collapsed), HashMap::new());
    }

    /// Shows a line even if it only marks the end of a group.
    pub const fn show_end(&mut self, line: LineKey) {
        self.shown_end = Some(line);
    }

    /// Returns whether a step is collapsed.
    #[must_use]
    pub fn of_step(&self, attempt: i32, step: StepRef) -> Collapsed {
        self.chosen.get(&GroupKey::Step(attempt, step)).copied().unwrap_or(Collapsed::No)
    }

    fn of_lines(&self, title: LineKey, initially: Initially) -> Collapsed {
        let chosen = self.chosen.get(&GroupKey::Lines(title)).copied().or(self.all);
        chosen.unwrap_or(Collapsed::of(initially == Initially::Collapsed))
    }
}

/// The appearance of a line in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The line is shown as output.
    Output,
    /// The line is shown as the title of a group.
    Title,
    /// The line is hidden, because it is in a collapsed group.
    Collapsed,
    /// The line is hidden, because it only marks the end of a group.
    GroupEnd,
}

/// The summary of a group, which its title shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupState {
    /// Whether the lines are hidden.
    pub collapsed: Collapsed,
    /// The number of the group's lines that are loaded.
    pub lines: i64,
    /// The time between the title and the end of the group in milliseconds, or `None` if the end is not loaded.
    pub millis: Option<i64>,
    /// The highest level of the lines.
    pub level: Level,
}

/// Finds the groups in a sequence of lines.
#[derive(Debug)]
pub struct Outline<'a> {
    groups: &'a Groups,
    lines: &'a VecDeque<LiveLine>,
    steps: StepTitles,
    /// The attempt and the step of the previous line, or `None` before the first line.
    place: Option<(i32, StepRef)>,
    is_step_collapsed: bool,
    /// The open groups, outermost first.
    open: Vec<OpenGroup<'a>>,
    /// The finished groups, keyed by the index of their titles.
    states: HashMap<usize, GroupState>,
}

/// Whether the list shows where steps begin. If it does not, steps cannot be collapsed, because they could not be
/// expanded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepTitles {
    Shown,
    Hidden,
}

#[derive(Debug)]
struct OpenGroup<'a> {
    title: usize,
    kind: &'a GroupKind,
    collapsed: Collapsed,
    level: Level,
}

/// The end of an open group.
#[derive(Clone, Copy)]
enum GroupEnd {
    /// The line at this index ends the group, or is the first line after the group.
    Before(usize),
    /// The line before this index is the last line of its step, or the last loaded line.
    WithLineBefore(usize),
}

impl<'a> Outline<'a> {
    /// Creates an outline that contains no lines yet.
    #[must_use]
    pub fn new(groups: &'a Groups, lines: &'a VecDeque<LiveLine>, steps: StepTitles) -> Self {
        let (open, states) = (Vec::new(), HashMap::new());
        Self { groups, lines, steps, place: None, is_step_collapsed: false, open, states }
    }

    /// Advances to the next line, which has the given index, and returns how it is shown.
    pub fn enter(&mut self, at: usize) -> Shown {
        let line = &self.lines[at];
        let place = (line.key.attempt, line.step);
        if self.place != Some(place) {
            self.close(0, GroupEnd::WithLineBefore(at));
            self.place = Some(place);
            self.is_step_collapsed =
                self.steps == StepTitles::Shown && self.groups.of_step(place.0, place.1) == Collapsed::Yes;
        }
        let (mut title, mut has_ended) = (None, false);
        for marker in &line.markers {
            match marker {
                GroupMarker::Begin(kind, initially) if !self.is_in_diff(at, kind) => {
                    let shown = self.begin(at, kind, *initially);
                    title.get_or_insert(shown);
                }
                GroupMarker::End(kind) => has_ended |= self.end_last(at, kind),
                GroupMarker::Begin(..) => {}
            }
        }
        if let Some(title) = title {
            return title;
        }
        if has_ended {
            return match (self.is_hidden(), self.groups.shown_end == Some(line.key)) {
                (true, _) => Shown::Collapsed,
                (false, true) => Shown::Output,
                (false, false) => Shown::GroupEnd,
            };
        }
        for open in &mut self.open {
            open.level = open.level.max(line.shown_level);
        }
        if self.is_hidden() { Shown::Collapsed } else { Shown::Output }
    }

    /// Begins a group whose title is the line at an index, and returns how the title is shown.
    fn begin(&mut self, at: usize, kind: &'a GroupKind, initially: Initially) -> Shown {
        let is_heading = |kind: &GroupKind| matches!(kind, GroupKind::Heading(_));
        // A new heading ends the innermost open group if that group also begins with a heading. The groups around it
        // stay open.
        if is_heading(kind) && self.open.last().is_some_and(|open| is_heading(open.kind)) {
            self.close(self.open.len() - 1, GroupEnd::Before(at));
        }
        let is_hidden = self.is_hidden();
        let collapsed = self.groups.of_lines(self.lines[at].key, initially);
        self.open.push(OpenGroup { title: at, kind, collapsed, level: Level::Info });
        if is_hidden { Shown::Collapsed } else { Shown::Title }
    }

    /// Ends the innermost open group of kind `kind`, just before line `at`. Returns `false` if no such group is open.
    fn end_last(&mut self, at: usize, kind: &GroupKind) -> bool {
        let ended = self.open.iter().rposition(|open| open.kind == kind);
        if let Some(ended) = ended {
            self.close(ended, GroupEnd::Before(at));
        }
        ended.is_some()
    }

    /// Ends all open groups after the last line. Returns all groups, keyed by the index of their titles.
    #[must_use]
    pub fn end(mut self) -> HashMap<usize, GroupState> {
        self.close(0, GroupEnd::WithLineBefore(self.lines.len()));
        self.states
    }

    /// Returns the titles of the open groups.
    pub fn open(&self) -> impl Iterator<Item = LineKey> {
        self.open.iter().map(|open| self.lines[open.title].key)
    }

    fn is_hidden(&self) -> bool {
        self.is_step_collapsed || self.open.iter().any(|open| open.collapsed == Collapsed::Yes)
    }

    /// Closes an open group and all groups in it.
    fn close(&mut self, outermost: usize, end: GroupEnd) {
        for group in self.open.drain(outermost..) {
            let title = &self.lines[group.title];
            let (after, millis) = match end {
                GroupEnd::Before(at) => (at, Some(self.lines[at].time.millis_since(title.time))),
                GroupEnd::WithLineBefore(at) => (at, None),
            };
            // A group may begin and end in the same line.
            let lines = i64::try_from(after.saturating_sub(group.title + 1)).unwrap_or(i64::MAX);
            let state = GroupState { collapsed: group.collapsed, lines, millis, level: group.level };
            // If a line begins several groups, the line is the title of the outermost of these groups.
            self.states.entry(group.title).or_insert(state);
        }
    }

    /// Returns whether a line that looks like a heading is the old or the new name of a file in a diff. The two names
    /// are on adjacent lines of the same stream.
    fn is_in_diff(&self, at: usize, kind: &GroupKind) -> bool {
        // The number of lines that are searched for the other name. Lines of the other stream can be between the two
        // names.
        const NEAR: usize = 8;
        let is_of_stream = |line: &&LiveLine| line.stream == self.lines[at].stream;
        match kind {
            GroupKind::Heading(Heading::Minus) => {
                let next = self.lines.range(at + 1..).take(NEAR).find(is_of_stream);
                next.and_then(heading) == Some(Heading::Plus)
            }
            GroupKind::Heading(Heading::Plus) => {
                let previous = self.lines.range(..at).rev().take(NEAR).find(is_of_stream);
                previous.and_then(heading) == Some(Heading::Minus)
            }
            _ => false,
        }
    }
}

/// Returns the kind of heading that a line looks like, or `None` if the line does not look like a heading.
fn heading(line: &LiveLine) -> Option<Heading> {
    line.markers.iter().find_map(|marker| match marker {
        GroupMarker::Begin(GroupKind::Heading(heading), _) => Some(*heading),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
