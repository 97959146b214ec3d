//! Reads pages of lines. Each line has the text that a terminal would display, its step, and the event that contains
//! it.

use std::io;

use model::ansi::{self, LineEnd};
use model::group::Section;
use model::{JobId, Level, LinesPage, OutputLine, Timestamp};

use super::lines::{self, Line};
use super::{OutputError, Outputs, blocking, levels};
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

/// The range of lines to read from an output.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The first line.
    pub from: FirstLine,
    /// The maximum number of lines.
    pub count: usize,
    /// The maximum number of bytes of each line.
    pub keep: usize,
}

impl Outputs {
    /// Reads a page of lines.
    pub async fn lines(&self, job: JobId, of: &AttemptOutput, wanted: Wanted) -> Result<LinesPage, OutputError> {
        let (lines, total) = match self.open(job, of).await? {
            Some(mut spool) => blocking(move || read(&mut spool, wanted)).await?,
            None => (Vec::new(), 0),
        };
        let items = self.describe(job, of.attempt, lines).await?;
        Ok(LinesPage { items, total_lines: signed(total), complete: of.is_complete })
    }

    /// Adds the information that the spool does not contain: the steps' ids, and the events that contain the lines.
    pub(super) async fn describe(
        &self,
        job: JobId,
        attempt: i32,
        lines: Vec<(Line, Level)>,
    ) -> Result<Vec<OutputLine>, OutputError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let steps = self.steps(job, attempt).await?;
        let offsets: Vec<i64> = lines.iter().map(|(line, _)| signed(line.offset)).collect();
        let places = self.events.events_at_offsets(job, attempt, &offsets).await?;
        let item = |((line, level), seq): ((Line, Level), _)| {
            let printed = String::from_utf8_lossy(&line.text);
            let shown = ansi::fold(&printed, LineEnd::Complete);
            let truncated = line.cut || shown.cut;
            OutputLine {
                line: signed(line.number),
                seq,
                stream: line.source.stream,
                stage: line.source.step.stage,
                step_id: steps.get(line.source).cloned(),
                time: line.time,
                level,
                text: shown.text.into_owned(),
                truncated,
                section: Section::of_line(&printed),
            }
        };
        Ok(lines.into_iter().zip(places).map(item).collect())
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
    let lines = lines::read(spool, from, wanted.count.min(left), wanted.keep)?;
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
