//! The conditions by which a search selects lines.

use std::sync::{Arc, OnceLock};

use model::ansi;
use model::level::{LineLevel, MessagePart};
use model::{Level, OutputLine};
use regex::bytes::{Regex, RegexBuilder};

use super::KnownLines;
use super::stepped::{PIECE, SteppedRegex};
use crate::output::text::Selection;

/// The maximum size of a compiled regular expression, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// The maximum number of matches that are reported for a line.
const MAX_RANGES: usize = 500;

/// The conditions on the lines of an output. A line is selected if it satisfies all conditions.
#[derive(Clone, Debug, Default)]
pub struct LineQuery {
    /// The pattern in the line's visible text, or `None` for any text.
    pub pattern: Option<SearchPattern>,
    /// Whether to select the lines that contain the pattern or the lines that do not.
    pub select: Select,
    /// The stage, the step and the stream to which the selected lines belong.
    pub source: Selection,
    /// The levels that a line may have. If empty, lines of any level are selected.
    pub levels: Vec<Level>,
    /// Whether to select all lines of a multi-line message or only the first.
    pub messages: MessageLines,
    /// If set, only new lines are selected: those that do not occur among these lines of an earlier attempt.
    pub unlike: Option<Arc<KnownLines>>,
}

impl LineQuery {
    /// Returns whether lines are selected only by their step or their stream, regardless of their text.
    pub(super) const fn is_by_source(&self) -> bool {
        self.pattern.is_none()
            && self.unlike.is_none()
            && self.levels.is_empty()
            && matches!(self.messages, MessageLines::All)
    }
}

/// The lines of a multi-line message that a search selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageLines {
    /// All lines.
    #[default]
    All,
    /// Only the first line.
    First,
}

/// Whether a search selects the lines that contain its pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The lines that contain the pattern.
    #[default]
    Matching,
    /// The lines that do not contain the pattern.
    Others,
}

/// The syntax of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Literal text.
    Text,
    /// A regular expression in the syntax of the `regex` crate, which matches in linear time.
    Regex,
}

/// Whether matching is case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternCase {
    /// Only letters of the same case match.
    Sensitive,
    /// Letters match regardless of their case.
    Ignored,
}

/// Literal text or a regular expression to search for.
#[derive(Clone, Debug)]
pub struct SearchPattern {
    regex: Regex,
    syntax: Syntax,
    /// The source of the regular expression, from which `stepped` is compiled.
    expression: String,
    case: PatternCase,
    /// The same expression, compiled for long lines. It is compiled when the first long line is searched.
    stepped: OnceLock<SteppedRegex>,
}

/// The error returned when a pattern is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The regular expression has a syntax error.
    #[error("not a valid regular expression: {0}")]
    Syntax(String),
    /// The pattern contains a line break, so no line can match it.
    #[error("must not contain a line break")]
    LineBreak,
    /// The compiled regular expression would be too large.
    #[error("the regular expression is too large; use fewer repetitions")]
    TooLarge,
}

impl SearchPattern {
    /// Compiles a pattern.
    pub fn new(pattern: &str, syntax: Syntax, case: PatternCase) -> Result<Self, PatternError> {
        if pattern.contains('\n') {
            return Err(PatternError::LineBreak);
        }
        let expression = match syntax {
            Syntax::Text => regex::escape(pattern),
            Syntax::Regex => pattern.to_owned(),
        };
        let mut builder = RegexBuilder::new(&expression);
        builder.case_insensitive(case == PatternCase::Ignored).size_limit(MAX_COMPILED);
        let regex = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            // The error message shows the pattern over several lines, and describes the problem on the last line.
            error => {
                let text = error.to_string();
                let problem = text.lines().last().unwrap_or_default();
                PatternError::Syntax(problem.strip_prefix("error: ").unwrap_or(problem).to_owned())
            }
        })?;
        Ok(Self { regex, syntax, expression, case, stepped: OnceLock::new() })
    }

    /// Returns whether a line's visible text contains the pattern, or `None` if `is_stopped` returned true before the
    /// answer was known.
    fn is_in(&self, visible: &[u8], is_stopped: &dyn Fn() -> bool) -> Option<bool> {
        if visible.len() <= PIECE {
            return Some(self.regex.is_match(visible));
        }
        let stepped = self.stepped.get_or_init(|| SteppedRegex::new(&self.expression, self.case));
        stepped.is_match(visible, is_stopped)
    }

    /// Returns the byte ranges of the matches in a line's visible text. Empty matches are omitted.
    fn find_iter<'a>(&'a self, visible: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.regex
            .find_iter(visible.as_bytes())
            .filter(|found| !found.is_empty())
            .map(|found| (found.start(), found.end()))
    }
}

impl LineQuery {
    /// Returns whether a line with this visible text satisfies the conditions on the text. Returns false if
    /// `is_stopped` returned true before the answer was known.
    pub(super) fn takes_text(&self, visible: &[u8], is_stopped: &dyn Fn() -> bool) -> bool {
        let wanted = Some(self.select == Select::Matching);
        self.pattern.as_ref().is_none_or(|pattern| pattern.is_in(visible, is_stopped) == wanted)
            && self.unlike.as_ref().is_none_or(|known| known.lacks(visible))
    }

    /// Returns whether a line with this level satisfies the conditions on levels and messages.
    pub(super) fn takes_level(&self, line: LineLevel) -> bool {
        (self.levels.is_empty() || self.levels.contains(&line.level))
            && (self.messages == MessageLines::All || line.part == MessagePart::First)
    }

    /// Returns whether the selection depends on the levels of lines.
    pub(super) fn uses_levels(&self) -> bool {
        !self.levels.is_empty() || self.messages == MessageLines::First
    }

    /// Returns the pattern's regular expression if several lines can be searched at once, and `None` otherwise. This
    /// requires that no match can contain a newline, and that the query has no other conditions on the text or the
    /// levels of lines.
    pub(super) fn bulk(&self) -> Option<&Regex> {
        let pattern = self.pattern.as_ref()?;
        let alone = self.select == Select::Matching && !self.uses_levels() && self.unlike.is_none();
        (alone && pattern.syntax == Syntax::Text).then_some(&pattern.regex)
    }

    /// Returns the first matches in a line, as ranges of code points of its visible text. Adjacent matches are combined
    /// into one range.
    pub(super) fn ranges(&self, line: &OutputLine) -> Vec<(u32, u32)> {
        let Some(pattern) = self.pattern.as_ref().filter(|_| self.select == Select::Matching) else {
            return Vec::new();
        };
        let visible = ansi::plain_text(&line.text);
        let (mut at, mut characters) = (0, 0_u32);
        let mut characters_before = |end: usize| {
            let passed = visible.as_bytes()[at..end].utf8_chunks().map(|chunk| chunk.valid().chars().count());
            characters += u32::try_from(passed.sum::<usize>()).unwrap_or(u32::MAX);
            at = end;
            characters
        };
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (from, to) in pattern.find_iter(&visible) {
            // If the text is truncated, a match at its end may be due to the truncation.
            if line.truncated && to == visible.len() {
                break;
            }
            let (from, to) = (characters_before(from), characters_before(to));
            match ranges.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => ranges.push((from, to)),
            }
            if ranges.len() == MAX_RANGES {
                break;
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use model::{Stage, StreamName, Timestamp};

    use super::*;

    fn ranges(pattern: &str, text: &str, truncated: bool) -> Vec<(u32, u32)> {
        let pattern = SearchPattern::new(pattern, Syntax::Regex, PatternCase::Sensitive).expect("it is valid");
        let line = OutputLine {
            line: 1,
            seq: None,
            stream: StreamName::Stdout,
            stage: Stage::Execute,
            step_id: None,
            time: Timestamp(0),
            level: Level::Info,
            text: text.to_owned(),
            truncated,
            printed: None,
            drawn_on: None,
            sections: Vec::new(),
        };
        LineQuery { pattern: Some(pattern), ..LineQuery::default() }.ranges(&line)
    }

    #[test]
    fn ranges_count_characters_of_the_visible_text() {
        assert_eq!(ranges("b", "\u{e9}\u{1b}[31mb\u{1b}[0ma b", false), [(1, 2), (4, 5)]);
        assert_eq!(ranges("b*", "abba", false), [(1, 3)]);
        assert_eq!(ranges(".", "\u{65e5}bc", false), [(0, 3)], "adjacent matches are one range");
    }

    #[test]
    fn ranges_are_limited_and_exclude_the_end_of_a_truncated_line() {
        assert_eq!(ranges("a", &"a ".repeat(1_000), false).len(), MAX_RANGES);
        assert_eq!(ranges("p$", "app", true), []);
        assert_eq!(ranges("p", "pap", true), [(0, 1)]);
    }
}
