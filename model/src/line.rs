//! Numbered lines of output.

use serde::{Deserialize, Serialize};

use super::group::Section;
use super::{Level, Seq, Stage, StreamName, Timestamp};

/// One line of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputLine {
    /// The line's number within the attempt, from 1.
    pub line: i64,
    /// The `seq` of the event that contains the line's first byte; null if that byte has not been sent.
    pub seq: Option<Seq>,
    /// The stream that the line was printed to.
    pub stream: StreamName,
    /// The stage that printed the line.
    pub stage: Stage,
    /// The id of the step that printed the line; null until the event that reports the step's start is stored, which
    /// may be shortly after the step's first output.
    pub step_id: Option<String>,
    /// The time at which the line's first byte was captured.
    pub time: Timestamp,
    /// The severity, recognised from the line's text. A line that continues a message, for example a stack frame, has
    /// the level of the message's first line.
    pub level: Level,
    /// The line as a terminal displays it, without the newline. Cursor movements and erasures within the line are
    /// applied; colours and links remain as escape sequences. Invalid UTF-8 is replaced by U+FFFD; `/log` returns the
    /// original bytes.
    pub text: String,
    /// Whether `text` contains only the beginning of the line.
    pub truncated: bool,
    /// The section that the line begins or ends. A terminal does not show this marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<Section>,
}

/// A page of lines of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinesPage {
    /// The lines, in ascending order of their numbers.
    pub items: Vec<OutputLine>,
    /// The number of lines so far, including an unfinished last line.
    pub total_lines: i64,
    /// Whether the attempt has finished, so that no more lines will follow.
    pub complete: bool,
}
