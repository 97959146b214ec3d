//! The results of searching an attempt's output.

use serde::{Deserialize, Serialize};

use super::{OutputLine, Stage};

/// A line that matches a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// The line.
    #[serde(flatten)]
    pub line: OutputLine,
    /// The matches within the line, in ascending order, as half-open ranges of Unicode code points of the visible text.
    /// Empty if the search has no pattern, or if it selects the lines that do not contain the pattern.
    pub ranges: Vec<(u32, u32)>,
}

/// The number of matching lines of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepMatches {
    /// The stage of the step.
    pub stage: Stage,
    /// The id of the step; null until the event that reports the step's start is stored.
    pub step_id: Option<String>,
    /// The number of matching lines that were found since the previous page.
    pub matches: i64,
}

/// One page of a search's results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The first matching lines, up to the requested number, in the order of the search.
    pub items: Vec<SearchHit>,
    /// The numbers of all matching lines since the previous page, including the lines in `items`, in the order of the
    /// search. A whole search reports at most 100,000 line numbers.
    pub lines: Vec<i64>,
    /// For each step, the number of matching lines since the previous page, in the order of the search. Lines whose
    /// numbers are not reported because of the limit are included. Steps without matching lines are omitted.
    pub steps: Vec<StepMatches>,
    /// The number of matching lines since the beginning of the search.
    pub matches: i64,
    /// The number of lines that the attempt has printed so far, including an unfinished last line.
    pub total_lines: i64,
    /// The value of `from` (or of `before`, if the search goes backwards) with which the next request continues the
    /// search. Null if everything has been searched and no more lines will follow. If a search towards the end has
    /// reached unfinished lines, the continued search begins with the first of them, and may report these lines again.
    pub next: Option<i64>,
    /// Whether the search is complete: all output that existed when the search began has been searched.
    pub done: bool,
}
