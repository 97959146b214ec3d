//! Determines how a terminal shows lines after later lines have redrawn them.
//!
//! A block is a fixed range of line numbers. A line can be redrawn only by lines of the same block, step and stream
//! ([`BlockScreen`]). To draw any line, this module reads the line's whole block, so the result does not depend on
//! where reading began. The browser draws live output in the same blocks.

use std::collections::HashMap;
use std::io;
use std::ops::RangeInclusive;

use model::ansi::{BlockScreen, LineEnd, Redrawn, ScreenStart, block_of};
use model::{StepRef, StreamName};

use super::lines::{Line, MAX_LOOKED_AT};
use super::{StepIds, signed};
use crate::spool::{Record, SpoolReader};

/// After this many lines, the changed lines are taken from the screen and the unwanted ones are dropped. This limits
/// memory usage.
const COLLECT_EVERY: usize = 64;

/// Draws the blocks that contain `lines`. Returns the drawn content of these lines, keyed by line number, with at most
/// about `keep` bytes of text each. Lines that were not drawn are omitted.
pub(super) fn draw(
    spool: &mut SpoolReader,
    lines: &[Line],
    steps: &StepIds,
    keep: usize,
) -> io::Result<HashMap<i64, Redrawn>> {
    let mut blocks: Vec<WantedBlock> = Vec::new();
    for line in lines {
        let number = signed(line.number);
        let (lines, step) = (block_of(number), line.source.step);
        let at = blocks.iter().rposition(|block| block.step == step && block.lines == lines).unwrap_or_else(|| {
            blocks.push(WantedBlock { lines, step, wanted: Vec::new(), streams: Vec::new() });
            blocks.len() - 1
        });
        blocks[at].wanted.push(number);
        if !blocks[at].streams.contains(&line.source.stream) {
            blocks[at].streams.push(line.source.stream);
        }
    }
    let mut drawn = HashMap::new();
    for mut block in blocks {
        block.wanted.sort_unstable();
        let height = steps.screen_height(block.step);
        DrawnBlock { block, screens: [None, None], open: [false; 2], keep, drawn: &mut drawn }.draw(spool, height)?;
    }
    Ok(drawn)
}

/// The lines of one step in one block, some of which are to be drawn.
#[derive(Debug)]
struct WantedBlock {
    lines: RangeInclusive<i64>,
    step: StepRef,
    /// The numbers of the lines to draw, in ascending order.
    wanted: Vec<i64>,
    /// The streams that printed the lines to draw.
    streams: Vec<StreamName>,
}

/// The state while a block is drawn.
struct DrawnBlock<'a> {
    block: WantedBlock,
    screens: [Option<BlockScreen>; 2],
    /// For each stream, whether the line that was drawn last is unfinished.
    open: [bool; 2],
    keep: usize,
    drawn: &'a mut HashMap<i64, Redrawn>,
}

impl DrawnBlock<'_> {
    fn draw(mut self, spool: &mut SpoolReader, height: u16) -> io::Result<()> {
        let first = self.block.lines.start().unsigned_abs();
        let last = self.block.lines.end().unsigned_abs();
        let Some(begin) = spool.record_of_line(first, 0)? else { return Ok(()) };
        let is_of_step = |record: Record| record.source.step == self.block.step;
        let begun_earlier = first > 1 && spool.record(begin)?.is_some_and(is_of_step);
        let start = if begun_earlier { ScreenStart::Unknown } else { ScreenStart::Empty };
        for stream in &self.block.streams {
            self.screens[*stream as usize] = Some(BlockScreen::new(height, start));
        }
        let (mut has_begun, mut looked_at) = (false, 0);
        for number in begin.. {
            let Some(record) = spool.record(number)? else { break };
            if record.source.step != self.block.step {
                // The records of a step are contiguous.
                if has_begun {
                    break;
                }
                continue;
            }
            has_begun = true;
            let stream = record.source.stream as usize;
            if record.begun >= last {
                looked_at += 1;
                if self.open == [false; 2] || looked_at > MAX_LOOKED_AT {
                    break;
                }
            }
            let needs_more = record.begun < last || self.open[stream];
            if self.screens.iter().flatten().all(BlockScreen::is_full) {
                break;
            }
            if needs_more && self.screens[stream].is_some() {
                let text = spool.text(&record)?;
                self.draw_piece(stream, signed(record.line), text.as_bytes());
            }
        }
        self.collect();
        Ok(())
    }

    /// Draws the part of a record that is in the block.
    fn draw_piece(&mut self, stream: usize, first: i64, text: &[u8]) {
        let lines = (first..).zip(text.split_inclusive(|byte| *byte == b'\n')).enumerate();
        for (count, (number, line)) in lines {
            if number < *self.block.lines.start() {
                continue;
            }
            if number > *self.block.lines.end() {
                self.open[stream] = false;
                break;
            }
            let (line, end) = match line.strip_suffix(b"\n") {
                Some(line) => (line, LineEnd::Complete),
                None => (line, LineEnd::Open),
            };
            self.open[stream] = end == LineEnd::Open;
            if let Some(screen) = &mut self.screens[stream] {
                screen.draw(number, &String::from_utf8_lossy(line), end);
            }
            if count % COLLECT_EVERY == 0 {
                self.collect();
            }
        }
    }

    /// Takes the changed lines from the screens, stores the wanted ones, and drops the others.
    fn collect(&mut self) {
        for (number, redrawn) in self.screens.iter_mut().flatten().flat_map(BlockScreen::take_changes) {
            if self.block.wanted.binary_search(&number).is_ok() {
                self.drawn.insert(number, shortened(redrawn, self.keep));
            }
        }
    }
}

fn shortened(redrawn: Redrawn, keep: usize) -> Redrawn {
    match redrawn {
        Redrawn::Rows(mut rows) if rows.text.len() > keep => {
            let text = rows.text.to_mut();
            text.truncate(text.floor_char_boundary(keep));
            rows.cut = true;
            Redrawn::Rows(rows)
        }
        _ => redrawn,
    }
}

#[cfg(test)]
mod tests;
