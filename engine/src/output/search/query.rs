//! The lines that a search selects.

use model::ansi;
use model::level;
use model::{Level, StreamName};
use regex::bytes::{Regex, RegexBuilder};

use crate::output::text::Selection;

/// The maximum size of a compiled regular expression, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Selects lines of an output. A line has to satisfy all conditions.
#[derive(Clone, Debug, Default)]
pub struct LineQuery {
    /// The pattern in the line's visible text, or `None` for any text.
    pub pattern: Option<Pattern>,
    /// Whether lines with or without the pattern are selected.
    pub select: Select,
    /// The step and the stream that printed the line.
    pub source: Selection,
    /// The levels of the line, or empty for any level.
    pub levels: Vec<Level>,
}

/// The lines that a pattern selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The lines that contain the pattern.
    #[default]
    Matching,
    /// The lines that do not contain the pattern.
    Others,
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The text itself.
    Text,
    /// A regular expression in the syntax of the `regex` crate, which takes linear time.
    Regex,
}

/// Whether upper and lower case are different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Only letters of the same case match.
    Sensitive,
    /// Letters match regardless of their case.
    Ignored,
}

/// A text or a regular expression to search for.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    syntax: Syntax,
}

/// Why a pattern is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The regular expression has a syntax error.
    #[error("is not a valid regular expression: {0}")]
    Syntax(String),
    /// The compiled regular expression would be too large.
    #[error("is a regular expression that is too large; use fewer repetitions")]
    TooLarge,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(pattern: &str, syntax: Syntax, case: Case) -> Result<Self, PatternError> {
        let expression = match syntax {
            Syntax::Text => regex::escape(pattern),
            Syntax::Regex => pattern.to_owned(),
        };
        let mut builder = RegexBuilder::new(&expression);
        builder.case_insensitive(case == Case::Ignored).size_limit(MAX_COMPILED);
        let regex = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            // The error shows the pattern over several lines, and describes the problem in the last one.
            error => {
                let text = error.to_string();
                let problem = text.lines().last().unwrap_or_default();
                PatternError::Syntax(problem.strip_prefix("error: ").unwrap_or(problem).to_owned())
            }
        })?;
        Ok(Self { regex, syntax })
    }

    /// Returns the matches in a line's visible text, in bytes. Empty matches are omitted.
    fn find_iter<'a>(&'a self, visible: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.regex
            .find_iter(visible.as_bytes())
            .filter(|found| !found.is_empty())
            .map(|found| (found.start(), found.end()))
    }
}

impl LineQuery {
    /// Returns whether a line is selected by its visible text, if it was printed by a selected source.
    pub(super) fn takes(&self, visible: &[u8], stream: StreamName) -> bool {
        let wanted = self.select == Select::Matching;
        if self.pattern.as_ref().is_some_and(|pattern| pattern.regex.is_match(visible) != wanted) {
            return false;
        }
        self.levels.is_empty() || self.levels.contains(&level::of_line(&String::from_utf8_lossy(visible), stream))
    }

    /// Returns the pattern if several lines can be searched for it at once: if no match can extend over a newline, and
    /// the pattern alone selects lines.
    pub(super) fn bulk(&self) -> Option<&Regex> {
        let pattern = self.pattern.as_ref()?;
        let alone = self.select == Select::Matching && self.levels.is_empty();
        (alone && pattern.syntax == Syntax::Text).then_some(&pattern.regex)
    }

    /// Returns the matches in a line, as ranges of code points of its visible text.
    pub(super) fn ranges(&self, line: &str) -> Vec<(u32, u32)> {
        let Some(pattern) = self.pattern.as_ref().filter(|_| self.select == Select::Matching) else {
            return Vec::new();
        };
        let visible = ansi::plain_text(line);
        let (mut at, mut characters) = (0, 0_u32);
        let mut characters_before = |end: usize| {
            let passed = visible.as_bytes()[at..end].utf8_chunks().map(|chunk| chunk.valid().chars().count());
            characters += u32::try_from(passed.sum::<usize>()).unwrap_or(u32::MAX);
            at = end;
            characters
        };
        pattern.find_iter(&visible).map(|(from, to)| (characters_before(from), characters_before(to))).collect()
    }
}
