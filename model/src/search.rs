//! The results of searching an attempt's output.

use serde::{Deserialize, Serialize};

use super::OutputLine;

/// A line that matches a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// The line.
    #[serde(flatten)]
    pub line: OutputLine,
    /// The matches within the line, in ascending order: the first character of each match and the character after it,
    /// counted in Unicode code points of the visible text. Empty if the search has no pattern or is inverted.
    pub ranges: Vec<(u32, u32)>,
}

/// A part of a search's results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The first matching lines, up to the requested number, in the order of the search.
    pub items: Vec<SearchHit>,
    /// The numbers of all matching lines that were found since the previous part, including those in `items`, in the
    /// order of the search. A search reports at most 100,000 numbers.
    pub lines: Vec<i64>,
    /// The number of matching lines since the beginning of the search.
    pub matches: i64,
    /// The number of lines that the attempt has printed so far, including an unfinished last line.
    pub total_lines: i64,
    /// The line to continue from: with `from`, or with `before` if the search goes backwards. Lines from there on may
    /// have been unfinished when they were searched, and a continued search reports them again. Null if everything has
    /// been searched and no more lines will follow.
    pub next: Option<i64>,
    /// Whether everything has been searched that the attempt had printed when the search began.
    pub done: bool,
}
