//! Numbered lines of output.

use serde::{Deserialize, Serialize};

use super::group::Section;
use super::{Level, Seq, Stage, StreamName, Timestamp};

/// One line of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// The id of the step that printed the line; null if the event that reports the start of the step has not been
    /// stored yet. This event may be stored shortly after the step's first output.
    pub step_id: Option<String>,
    /// The time at which the line's first byte was captured.
    pub time: Timestamp,
    /// The severity, recognised from the line's text. A line that continues a message, for example a stack frame, has
    /// the level of the message's first line.
    pub level: Level,
    /// The line as a terminal displays it, without the newline. Cursor movements and erasures are applied, including
    /// those of later lines that redraw this line; colours and links remain as escape sequences. Invalid UTF-8 is
    /// replaced by U+FFFD; `/log` returns the original bytes.
    pub text: String,
    /// The text that the line itself printed, as a terminal displays it. Present only if other lines have redrawn the
    /// line's rows, so that `text` is different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// The number of the line on whose rows this line was drawn. If this line printed nothing visible, `drawnOn` is the
    /// number of the line that took over its row. A line with this member has no rows of its own, and its `text` is
    /// empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn_on: Option<i64>,
    /// Whether `text` contains only the beginning of the line.
    pub truncated: bool,
    /// The markers of the sections that the line ends or begins, in order. A terminal does not show these markers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
}

/// A page of lines of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinesPage {
    /// The lines, in ascending order of their numbers.
    pub items: Vec<OutputLine>,
    /// The number of lines so far, including an unfinished last line.
    pub total_lines: i64,
    /// Whether the attempt has finished, so that no more lines will follow.
    pub complete: bool,
}
