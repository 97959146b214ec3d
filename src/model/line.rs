//! Lines of output, by their numbers.

use serde::{Deserialize, Serialize};

use super::{Level, Seq, Stage, StreamName, Timestamp};

/// One line of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputLine {
    /// Its number within the attempt, from 1.
    pub line: i64,
    /// The event in which its first byte was sent; null if it was not, or not yet.
    pub seq: Option<Seq>,
    /// The output it was printed to.
    pub stream: StreamName,
    /// The stage it belongs to.
    pub stage: Stage,
    /// The step that printed it; null until the step's own event is stored, a moment after its first output may be.
    pub step_id: Option<String>,
    /// When its first byte was captured.
    pub time: Timestamp,
    /// How much it matters, by its words.
    pub level: Level,
    /// What a terminal shows of it, without the newline: cursor moves and erasures within the line are carried out, colours and
    /// links are escape sequences; what is not UTF-8 is U+FFFD. `/log` has every byte.
    pub text: String,
    /// Whether there is more of it than `text`.
    pub truncated: bool,
}

/// Lines of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinesPage {
    /// The lines, in the order of their numbers.
    pub items: Vec<OutputLine>,
    /// How many lines have begun.
    pub total_lines: i64,
    /// Whether the attempt is over, so that there will be no more.
    pub complete: bool,
}
