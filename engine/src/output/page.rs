//! Reads pages of lines. For each line, a page contains the text that a terminal would display, the step, and the `seq`
//! of the event that contains the line.

use std::collections::HashMap;
use std::io;

use model::ansi::{self, LineEnd, Redrawn};
use model::group::Section;
use model::level::MessageState;
use model::{JobId, Level, LinesPage, OutputLine, Timestamp};

use super::lines::{self, Line, LongLine};
use super::{OutputError, Outputs, blocking_read, levels, redraw};
use crate::queue::AttemptOutput;
use crate::spool::SpoolReader;

/// The first line to read.
#[derive(Clone, Copy, Debug)]
pub enum FirstLine {
    /// The line with this number, from 1. A negative number counts from the end: -1 is the last line.
    Number(i64),
    /// The first line that was printed at or after this time.
    At(Timestamp),
}

/// The form in which the text of a line is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineForm {
    /// As a terminal shows the line after later lines have redrawn it.
    Redrawn,
    /// As a terminal would show the line if no other line had redrawn it.
    AsPrinted,
    /// The text with all escape sequences.
    Raw,
}

/// The range of lines to read from an output.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The first line.
    pub from: FirstLine,
    /// The maximum number of lines.
    pub count: usize,
    /// The maximum number of bytes to return from each line's text.
    pub keep: usize,
    /// The form of the lines.
    pub form: LineForm,
}

impl Outputs {
    /// Reads a page of lines.
    pub async fn lines(&self, job: JobId, of: &AttemptOutput, wanted: Wanted) -> Result<LinesPage, OutputError> {
        let Some(spool) = self.open(job, of).await? else {
            return Ok(LinesPage { items: Vec::new(), total_lines: 0, complete: of.is_complete });
        };
        let (spool, (lines, total)) = blocking_read(spool, move |spool| read(spool, wanted)).await?;
        let items = self.describe(job, of.attempt, spool, lines, (wanted.form, wanted.keep)).await?;
        Ok(LinesPage { items, total_lines: signed(total), complete: of.is_complete })
    }

    /// Converts lines to the given form, with up to `keep` bytes of text each. Adds the information that the spool does
    /// not contain: the steps' ids, and the events that contain the lines.
    pub(super) async fn describe(
        &self,
        job: JobId,
        attempt: i32,
        spool: SpoolReader,
        lines: Vec<(Line, Level)>,
        (form, keep): (LineForm, usize),
    ) -> Result<Vec<OutputLine>, OutputError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let steps = self.steps(job, attempt).await?;
        let (lines, levels): (Vec<Line>, Vec<Level>) = lines.into_iter().unzip();
        let (_, (lines, steps, mut drawn)) = blocking_read(spool, move |spool| {
            let drawn = match form {
                LineForm::Redrawn => redraw::draw(spool, &lines, &steps, keep)?,
                LineForm::AsPrinted | LineForm::Raw => HashMap::new(),
            };
            Ok((lines, steps, drawn))
        })
        .await?;
        let offsets: Vec<i64> = lines.iter().map(|line| signed(line.offset)).collect();
        let places = self.events.events_at_offsets(job, attempt, &offsets).await?;
        let item = |((line, level), seq): ((Line, Level), _)| {
            let printed = String::from_utf8_lossy(&line.text);
            let redrawn = drawn.remove(&signed(line.number));
            let shown = match form {
                LineForm::Raw => {
                    ShownLine { text: printed.clone().into_owned(), cut: line.cut, ..ShownLine::default() }
                }
                LineForm::Redrawn | LineForm::AsPrinted => ShownLine::new(&line, &printed, redrawn),
            };
            OutputLine {
                line: signed(line.number),
                seq,
                stream: line.source.stream,
                stage: line.source.step.stage,
                step_id: steps.get(line.source).cloned(),
                time: line.time,
                level: shown.level.unwrap_or(level),
                text: shown.text,
                truncated: shown.cut,
                printed: shown.printed,
                drawn_on: shown.drawn_on,
                sections: Section::of_line(&printed),
            }
        };
        Ok(lines.into_iter().zip(levels).zip(places).map(item).collect())
    }
}

/// The text of a line in the form in which it is returned.
#[derive(Debug, Default)]
struct ShownLine {
    text: String,
    cut: bool,
    /// The text that the line itself printed, if `text` differs from it.
    printed: Option<String>,
    drawn_on: Option<i64>,
    /// The level of the line's rows on the screen, if other lines have redrawn them.
    level: Option<Level>,
}

impl ShownLine {
    /// Returns the text that a terminal shows for a line. `printed` is the text that the line printed. `redrawn` is the
    /// line's content after all lines of its block were drawn, or `None` if the line was not drawn.
    fn new(line: &Line, printed: &str, redrawn: Option<Redrawn>) -> Self {
        let shown = ansi::fold(printed, LineEnd::Complete);
        match redrawn {
            Some(Redrawn::Overdrawn { on }) => {
                Self { printed: Some(shown.text.into_owned()), drawn_on: Some(on), ..Self::default() }
            }
            Some(Redrawn::Rows(rows)) if rows.text != shown.text => {
                let plain = ansi::plain_text(&rows.text);
                let is_redrawn = plain != ansi::plain_text(printed);
                // Redrawn rows do not continue the message of an earlier line.
                let level = || MessageState::default().read(&plain, line.source.stream).level;
                Self {
                    // The rows begin with the default style, regardless of the style at the end of the previous line.
                    text: if rows.text.is_empty() { String::new() } else { format!("\x1b[m{}", rows.text) },
                    cut: rows.cut,
                    level: is_redrawn.then(level),
                    printed: is_redrawn.then(|| shown.text.into_owned()),
                    drawn_on: None,
                }
            }
            _ => Self { text: shown.text.into_owned(), cut: line.cut || shown.cut, ..Self::default() },
        }
    }
}

/// Reads the lines, and returns them with the total number of lines in the output.
fn read(spool: &mut SpoolReader, wanted: Wanted) -> io::Result<(Vec<(Line, Level)>, u64)> {
    let total = spool.total_lines()?;
    let from = match wanted.from {
        FirstLine::Number(from @ 1..) => from.unsigned_abs(),
        FirstLine::Number(back) => (total + 1).saturating_sub(back.unsigned_abs()).max(1),
        FirstLine::At(time) => spool.line_at(time)?,
    };
    // Exclude lines that began after the total was read, so that no line number exceeds `totalLines`.
    let left = usize::try_from((total + 1).saturating_sub(from)).unwrap_or(usize::MAX);
    let long = if wanted.form == LineForm::Raw { LongLine::Unchanged } else { LongLine::Displayed };
    let lines = lines::read(spool, from, wanted.count.min(left), (wanted.keep, long))?;
    Ok((with_levels(spool, lines)?, total))
}

/// Adds the levels of lines.
pub(super) fn with_levels(spool: &mut SpoolReader, lines: Vec<Line>) -> io::Result<Vec<(Line, Level)>> {
    let levels = levels::of_lines(spool, &lines)?;
    Ok(lines.into_iter().zip(levels).collect())
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
