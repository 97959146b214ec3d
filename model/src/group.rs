//! Recognises the lines that programs print to group their output: the markers of GitHub Actions and Azure Pipelines
//! (`::group::TITLE`, `##[group]TITLE`), of GitLab (`section_start:TIME:NAME`) and of Buildkite (`--- TITLE`).
//!
//! The formats are taken from the documentation of these systems: "Workflow commands" of GitHub Actions, "Logging
//! commands" of Azure Pipelines, "Custom collapsible sections" of GitLab CI/CD, and "Managing log output" of Buildkite.

use serde::{Deserialize, Serialize};

/// The marker in a line that begins or ends a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupMarker {
    /// The line begins a group and contains the group's title.
    Begin(GroupKind, Initially),
    /// The line ends the last open group of this kind.
    End(GroupKind),
}

/// The kind of a group, which determines the line that ends the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// The group ends with `::endgroup::` or `##[endgroup]`.
    Command,
    /// The group ends with `section_end` and this name.
    Section(Box<str>),
    /// The group ends where the next heading begins.
    Heading(Heading),
}

/// The first character of a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// `--- TITLE`. The old name of a file in a diff looks the same.
    Minus,
    /// `+++ TITLE`. The new name of a file in a diff looks the same.
    Plus,
    /// `~~~ TITLE`.
    Tilde,
}

/// The state of a group until the reader expands or collapses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initially {
    /// The lines are shown.
    Expanded,
    /// The lines are hidden, as the program requested.
    Collapsed,
}

const COMMANDS: [&str; 2] = ["::group::", "##[group]"];
const END_COMMANDS: [&str; 2] = ["::endgroup::", "##[endgroup]"];
const GO_RESULTS: [&str; 4] = ["--- PASS: ", "--- FAIL: ", "--- SKIP: ", "--- BENCH: "];
const HEADINGS: [(&str, Heading); 3] = [("--- ", Heading::Minus), ("+++ ", Heading::Plus), ("~~~ ", Heading::Tilde)];

impl GroupMarker {
    /// Returns the marker in the visible text of a line, or `None` if the line neither begins nor ends a group.
    #[must_use]
    pub fn of_text(plain: &str) -> Option<Self> {
        let is_command = |commands: [&str; 2]| commands.iter().any(|command| plain.trim_start().starts_with(command));
        // The results of Go tests look like headings, but do not begin a group.
        let is_result = GO_RESULTS.iter().any(|result| plain.starts_with(result));
        let heading =
            HEADINGS.iter().find(|(mark, _)| plain.strip_prefix(mark).is_some_and(|title| !title.trim().is_empty()));
        if let Some((_, heading)) = heading.filter(|_| !is_result) {
            Some(Self::Begin(GroupKind::Heading(*heading), Initially::Expanded))
        } else if is_command(COMMANDS) {
            Some(Self::Begin(GroupKind::Command, Initially::Expanded))
        } else if is_command(END_COMMANDS) {
            Some(Self::End(GroupKind::Command))
        } else {
            None
        }
    }

    /// Returns the title of the group that a line begins, or the whole text if this marker ends a group. `plain` is the
    /// visible text of the line.
    #[must_use]
    pub fn title<'a>(&self, plain: &'a str) -> &'a str {
        let Self::Begin(kind, _) = self else { return plain };
        let marks: &[&str] = match kind {
            GroupKind::Command => &COMMANDS,
            GroupKind::Section(_) => &[],
            GroupKind::Heading(_) => &HEADINGS.map(|(mark, _)| mark),
        };
        let text = plain.trim_start();
        marks.iter().find_map(|mark| text.strip_prefix(mark)).unwrap_or(text).trim()
    }

    /// Returns whether this is the marker of a [`Section`].
    #[must_use]
    pub const fn is_section(&self) -> bool {
        matches!(self, Self::Begin(GroupKind::Section(_), _) | Self::End(GroupKind::Section(_)))
    }
}

/// The marker of a section in GitLab's format. A terminal does not show the marker, because the rest of the line
/// overwrites it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Section {
    /// The name of the section, which its start and end markers share.
    pub name: Box<str>,
    /// Whether the line begins or ends the section.
    pub edge: SectionEdge,
    /// Whether the section is collapsed at first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub collapsed: bool,
}

/// Whether a line begins or ends a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SectionEdge {
    /// The line is the section's title.
    Start,
    /// The line follows the section.
    End,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The first characters of the marker of a section.
const SECTION: &str = "section_";
/// The maximum number of markers that are recognised in a line. GitLab prints the end of a section and the start of the
/// next one in the same line.
const MAX_SECTIONS: usize = 8;

impl Section {
    /// Returns the markers at the beginning of a line, in order.
    #[must_use]
    pub fn of_line(mut line: &str) -> Vec<Self> {
        let mut sections = Vec::new();
        while let Some((section, rest)) = Self::split_from(line).filter(|_| sections.len() < MAX_SECTIONS) {
            sections.push(section);
            line = rest;
        }
        sections
    }

    /// Returns whether a line that starts with this text may begin with a marker.
    #[must_use]
    pub fn may_begin(line: &str) -> bool {
        let text = without_sequences(line);
        text.starts_with(SECTION) || SECTION.starts_with(text) || text.starts_with('\x1b')
    }

    /// Splits the marker from the beginning of a line, and returns it with the rest of the line.
    fn split_from(line: &str) -> Option<(Self, &str)> {
        let (marker, rest) = without_sequences(line).strip_prefix(SECTION)?.split_once('\r')?;
        let mut parts = marker.splitn(3, ':');
        let (edge, time, name) = (parts.next()?, parts.next()?, parts.next()?);
        let edge = match edge {
            "start" => SectionEdge::Start,
            "end" => SectionEdge::End,
            _ => return None,
        };
        let (name, options) = name.split_once('[').unwrap_or((name, ""));
        let is_name = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
        let is_valid = time.parse::<u64>().is_ok() && !name.is_empty() && name.chars().all(is_name);
        let collapsed = options.trim_end_matches(']').split(',').any(|option| option == "collapsed=true");
        is_valid.then(|| (Self { name: name.into(), edge, collapsed }, rest))
    }
}

impl From<Section> for GroupMarker {
    fn from(section: Section) -> Self {
        let kind = GroupKind::Section(section.name);
        match section.edge {
            SectionEdge::Start if section.collapsed => Self::Begin(kind, Initially::Collapsed),
            SectionEdge::Start => Self::Begin(kind, Initially::Expanded),
            SectionEdge::End => Self::End(kind),
        }
    }
}

/// Returns a line without the control sequences at its beginning, such as `ESC [0K`.
fn without_sequences(mut line: &str) -> &str {
    while let Some(rest) = line.strip_prefix("\x1b[") {
        let Some(end) = rest.find(|character: char| ('@'..='~').contains(&character)) else { break };
        line = &rest[end + 1..];
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn begin(kind: GroupKind) -> GroupMarker {
        GroupMarker::Begin(kind, Initially::Expanded)
    }

    #[test]
    fn commands_begin_and_end_groups() {
        for (line, expected) in [
            ("::group::Install", Some(begin(GroupKind::Command))),
            ("::group::", Some(begin(GroupKind::Command))),
            ("  ::group::indented", Some(begin(GroupKind::Command))),
            ("##[group]Run make", Some(begin(GroupKind::Command))),
            ("::endgroup::", Some(GroupMarker::End(GroupKind::Command))),
            ("##[endgroup]", Some(GroupMarker::End(GroupKind::Command))),
            ("::Group::x", None),
            ("echo ::group::x", None),
            (":group:x", None),
            ("##[section]x", None),
            ("", None),
        ] {
            assert_eq!(GroupMarker::of_text(line), expected, "{line:?}");
        }
    }

    #[test]
    fn headings_need_a_title() {
        for (line, expected) in [
            ("--- Build", Some(begin(GroupKind::Heading(Heading::Minus)))),
            ("+++ :rocket: Deploy", Some(begin(GroupKind::Heading(Heading::Plus)))),
            ("~~~ Clean up", Some(begin(GroupKind::Heading(Heading::Tilde)))),
            ("---", None),
            ("--- ", None),
            ("---  ", None),
            ("---- Build", None),
            ("---Build", None),
            (" --- Build", None),
            ("--- FAIL: TestParse (0.01s)", None),
            ("--- PASS: TestParse (0.01s)", None),
            ("-------- Captured stdout --------", None),
        ] {
            assert_eq!(GroupMarker::of_text(line), expected, "{line:?}");
        }
    }

    #[test]
    fn sections_are_recognised_before_they_are_overwritten() {
        let section = |name: &str, edge, collapsed| vec![Section { name: name.into(), edge, collapsed }];
        let none = Vec::new;
        let start = |name| section(name, SectionEdge::Start, false);
        for (line, expected) in [
            ("\x1b[0Ksection_start:1560896352:my_first.section-1\r\x1b[0KTitle", start("my_first.section-1")),
            ("section_start:1560896352:name\rTitle", start("name")),
            ("\x1b[0Ksection_start:1:s[collapsed=true]\r\x1b[0KTitle", section("s", SectionEdge::Start, true)),
            ("section_start:1:s[hide_duration=true,collapsed=true]\r", section("s", SectionEdge::Start, true)),
            ("section_start:1:s[collapsed=false]\r", start("s")),
            ("\x1b[0Ksection_end:1560896353:s\r\x1b[0K", section("s", SectionEdge::End, false)),
            // The name may be incomplete, because no carriage return follows it.
            ("section_start:1560896352:na", none()),
            ("section_start:now:name\r", none()),
            ("section_start::name\r", none()),
            ("section_start:1:\r", none()),
            ("section_start:1:a b\r", none()),
            ("section_middle:1:a\r", none()),
            ("a section_start:1:a\r", none()),
            ("\x1b[", none()),
            (
                "\x1b[0Ksection_end:1:a\r\x1b[0Ksection_start:1:b\r\x1b[0KTitle",
                [section("a", SectionEdge::End, false), start("b")].concat(),
            ),
            ("section_end:1:a\r\x1b[0KTitle section_start:1:b\r", section("a", SectionEdge::End, false)),
        ] {
            assert_eq!(Section::of_line(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_line_whose_marker_is_incomplete_may_begin_with_one() {
        let marker = "\x1b[0Ksection_end:1:a\r\x1b[0K";
        for end in 0..=marker.len() - 4 {
            assert!(Section::may_begin(&marker[..end]), "{:?}", &marker[..end]);
        }
        for line in ["text", "\x1b[0Ktext", "sections", " section_"] {
            assert!(!Section::may_begin(line), "{line:?}");
        }
    }

    #[test]
    fn the_title_is_the_text_without_the_marker() {
        for (line, title) in [
            ("::group::Install packages ", "Install packages"),
            ("##[group]Run make", "Run make"),
            ("--- Build", "Build"),
            ("::group::--- twice", "--- twice"),
            ("::group::", ""),
        ] {
            assert_eq!(GroupMarker::of_text(line).expect("a marker").title(line), title);
        }
        let section = Section::of_line("section_start:1:name\r\x1b[0K--- Title").remove(0);
        assert_eq!(GroupMarker::from(section).title("--- Title"), "--- Title");
    }
}
