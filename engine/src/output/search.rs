//! Searches an attempt's output for lines, both while it grows and afterwards.
//!
//! A line is compared as a reader sees it: without escape sequences, and after carriage returns and cursor movements
//! have been applied. The output is searched in chunks of a few MiB on several threads, and the results arrive in the
//! order of the search. All searches share one thread per CPU core, and the accounts that search take turns to use
//! these threads (`turns`). A search keeps only those chunks in memory that are being searched. Dropping a
//! [`LogSearch`] ends the search, even within a long line.

mod known;
mod query;
mod scan;
mod stepped;
mod turns;

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use model::ansi::block_of;
use model::{JobId, SearchHit, SearchPage, StepMatches, StepRef};
use tokio::task::JoinHandle;

use super::lines::{self, Line};
use super::page::{LineForm, with_levels};
use super::{OutputError, Outputs, StepIds, blocking, blocking_read, signed};
use crate::queue::AttemptOutput;
use crate::spool::SpoolReader;
use crate::task::task_error;
use known::KnownCache;
pub use known::KnownLines;
pub use query::{LineQuery, MessageLines, PatternCase, PatternError, SearchPattern, Select, Syntax};
use scan::ChunkFindings;
pub use turns::SearchAccount;
use turns::{LONGEST_TURN, Turns};

/// The minimum and the maximum number of bytes of output that one thread searches at a time. A search begins with small
/// chunks, so that its first results arrive early. It keeps at most one chunk per core in memory.
const CHUNK: (u64, u64) = (256 << 10, 4 << 20);

/// The maximum number of index records in a chunk. Programs that write one line at a time create a record for each
/// line.
const CHUNK_RECORDS: u64 = 1 << 16;

/// The maximum number of matching lines whose numbers a search reports.
const MAX_NUMBERS: usize = 100_000;

/// The maximum number of bytes of a line that a search returns. The ranges of matches beyond this limit are not
/// reported.
const KEEP: usize = 16 << 10;

/// The maximum number of blocks that are drawn for one page of results. A block is a fixed range of lines. To draw any
/// line, its whole block must be read.
const MAX_BLOCKS: usize = 16;

/// The beginning and the direction of a search. Lines are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchFrom {
    /// Search towards the end, beginning with this line.
    Line(u64),
    /// Search towards the beginning, beginning with the line before this one.
    Before(u64),
}

/// The state shared by all searches: whose turn it is to use the threads, and the lines of earlier attempts (`known`).
#[derive(Clone, Debug)]
pub(super) struct Searchers {
    turns: Arc<Turns>,
    known: Arc<KnownCache>,
}

impl Searchers {
    pub(super) fn new() -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self { turns: Turns::new(threads, LONGEST_TURN), known: Arc::default() }
    }
}

/// A search of the output that an attempt had printed when the search began.
#[derive(Debug)]
pub struct LogSearch {
    outputs: Outputs,
    account: SearchAccount,
    job: JobId,
    attempt: i32,
    /// The reader of the output. It is `None` if the attempt has not printed anything.
    spool: Option<SpoolReader>,
    shared: Arc<SearchShared>,
    from: SearchFrom,
    /// The records that have not been searched yet.
    rest: Range<u64>,
    /// The size of the next chunk in bytes.
    chunk: u64,
    running: VecDeque<JoinHandle<io::Result<ChunkFindings>>>,
    total_lines: u64,
    is_complete: bool,
    /// The number of matching lines so far.
    matches: u64,
    /// The number of line numbers that can still be reported. It starts at [`MAX_NUMBERS`].
    numbers_left: usize,
    /// The first line that may still change, or `None` if no searched line can change.
    unfinished: Option<u64>,
    /// The line to resume from. When searching forwards, this is the first line that has not been searched. When
    /// searching backwards, it is the last line that has been searched.
    reached: u64,
    /// The numbers of lines that were found but have not been returned by [`LogSearch::lines`] yet.
    unread: Vec<u64>,
}

/// The parameters of a search that do not change.
#[derive(Debug)]
struct SearchShared {
    query: LineQuery,
    purpose: Purpose,
    steps: StepIds,
    /// The lines to search.
    lines: Range<u64>,
    /// The number of records when the search began.
    records: u64,
    /// Whether the search has been dropped, so that its threads stop.
    is_dropped: AtomicBool,
}

impl SearchShared {
    /// Returns whether the search has been dropped, so that no results are needed.
    fn is_stopped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }
}

/// The purpose of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Find the lines that the query selects.
    Find,
    /// Collect the distinct lines, so that later searches can find lines that are not among them.
    Collect,
}

impl Outputs {
    /// Begins a search on behalf of `account`. The search's threads wait for turns of this account.
    pub async fn search(
        &self,
        account: SearchAccount,
        job: JobId,
        of: &AttemptOutput,
        query: LineQuery,
        from: SearchFrom,
    ) -> Result<LogSearch, OutputError> {
        self.begin(account, job, of, (query, from), Purpose::Find).await
    }

    async fn begin(
        &self,
        account: SearchAccount,
        job: JobId,
        of: &AttemptOutput,
        (query, from): (LineQuery, SearchFrom),
        purpose: Purpose,
    ) -> Result<LogSearch, OutputError> {
        let spool = self.open(job, of).await?;
        let steps = self.steps(job, of.attempt).await?;
        let begin = move || {
            let Some(mut spool) = spool else { return Ok((None, 0, 0..0, 0)) };
            // Read the number of lines before the number of records, so that the records contain every counted line.
            let total = spool.total_lines()?;
            let records = spool.count()?;
            let rest = match from {
                SearchFrom::Line(line) if line > total => records..records,
                SearchFrom::Line(line) => spool.record_of_line(line.max(1), 0)?.unwrap_or(0)..records,
                SearchFrom::Before(line) if line > total => 0..records,
                SearchFrom::Before(line) => 0..spool.record_of_line(line, 0)?.map_or(0, |record| record + 1),
            };
            Ok((Some(spool), total, rest, records))
        };
        let (spool, total_lines, rest, records) = blocking(begin).await?;
        let lines = match from {
            SearchFrom::Line(line) => line..total_lines + 1,
            SearchFrom::Before(line) => 1..line.min(total_lines + 1),
        };
        Ok(LogSearch {
            outputs: self.clone(),
            account,
            job,
            attempt: of.attempt,
            spool,
            shared: Arc::new(SearchShared {
                query,
                purpose,
                steps,
                lines,
                records,
                is_dropped: AtomicBool::new(false),
            }),
            from,
            rest,
            chunk: CHUNK.0,
            running: VecDeque::new(),
            total_lines,
            is_complete: of.is_complete,
            matches: 0,
            numbers_left: MAX_NUMBERS,
            unfinished: None,
            reached: match from {
                SearchFrom::Line(line) | SearchFrom::Before(line) => line,
            },
            unread: Vec::new(),
        })
    }
}

impl LogSearch {
    /// Returns the first `limit` matching lines, and ends the search.
    pub async fn page(mut self, limit: usize) -> Result<SearchPage, OutputError> {
        let (mut numbers, mut steps) = (Vec::new(), Vec::new());
        while numbers.len() < limit
            && let Some(found) = self.next_found().await?
        {
            numbers.extend(found.lines);
            steps.extend(found.steps);
        }
        steps.sort_unstable_by_key(|(first, _)| *first);
        let mut has_more = numbers.len() > limit || !self.is_done();
        numbers.truncate(limit);
        let items = self.describe(&numbers).await?;
        if items.len() < numbers.len() {
            // `describe` returned fewer lines, because of its limits on text and blocks.
            numbers.truncate(items.len());
            has_more = true;
        }
        let next = match (self.from, numbers.last()) {
            _ if !has_more => self.next(),
            (SearchFrom::Line(_), Some(last)) => Some(last + 1),
            (SearchFrom::Before(_), Some(last)) => Some(*last),
            (SearchFrom::Line(line) | SearchFrom::Before(line), None) => Some(line),
        };
        Ok(SearchPage {
            items,
            lines: numbers.iter().copied().map(signed).collect(),
            steps: self.matches_by_step(&numbers, &steps),
            matches: signed(numbers.len() as u64),
            total_lines: signed(self.total_lines),
            next: next.map(signed),
            done: !has_more,
        })
    }

    /// Returns the next page of results, with the text of up to `limit` lines. The last page has `done` set. Do not
    /// call this method again after the last page.
    pub async fn batch(&mut self, limit: usize) -> Result<SearchPage, OutputError> {
        let ChunkFindings { lines: mut numbers, steps, .. } = self.next_found().await?.unwrap_or_default();
        let steps = self.matches_by_step(&numbers, &steps);
        self.matches += numbers.len() as u64;
        numbers.truncate(self.numbers_left);
        self.numbers_left -= numbers.len();
        Ok(SearchPage {
            items: self.describe(&numbers[..numbers.len().min(limit)]).await?,
            lines: numbers.iter().copied().map(signed).collect(),
            steps,
            matches: signed(self.matches),
            total_lines: signed(self.total_lines),
            next: self.next().map(signed),
            done: self.is_done(),
        })
    }

    /// Returns the next matching lines exactly as they were printed, without their newlines, or `None` after the last
    /// lines.
    pub async fn lines(&mut self) -> Result<Option<Vec<Line>>, OutputError> {
        if self.unread.is_empty() {
            let Some(found) = self.next_found().await? else { return Ok(None) };
            self.unread = found.lines;
        }
        let (Some(spool), numbers) = (self.spool.clone(), std::mem::take(&mut self.unread)) else {
            return Ok(None);
        };
        let (_, (lines, unread)) = blocking_read(spool, move |spool| {
            let lines = lines::read_each(spool, &numbers, scan::MAX_LINE)?;
            let unread = if lines.is_empty() { Vec::new() } else { numbers[lines.len()..].to_vec() };
            Ok((lines, unread))
        })
        .await?;
        self.unread = unread;
        Ok(Some(lines))
    }

    fn is_done(&self) -> bool {
        self.rest.is_empty() && self.running.is_empty()
    }

    /// Returns the line to continue from, or `None` if everything has been searched and no more lines will follow.
    fn next(&self) -> Option<u64> {
        match self.from {
            SearchFrom::Before(_) => (!self.is_done()).then_some(self.reached),
            SearchFrom::Line(from) if !self.is_done() => {
                Some(self.unfinished.map_or(self.reached, |line| line.min(self.reached)).max(from))
            }
            SearchFrom::Line(_) if self.is_complete => None,
            SearchFrom::Line(from) => {
                let end = self.total_lines + 1;
                Some(self.unfinished.map_or(end, |line| line.min(end)).max(from))
            }
        }
    }

    /// Returns the results of the next chunk, in the order of the search, or `None` after the last chunk. Later chunks
    /// are searched in the meantime.
    async fn next_found(&mut self) -> Result<Option<ChunkFindings>, OutputError> {
        while self.running.len() < self.outputs.searchers.turns.threads() && !self.rest.is_empty() {
            let chunk = self.next_chunk().await?;
            let (mut spool, shared) = (self.spool.clone(), Arc::clone(&self.shared));
            let (turns, account) = (Arc::clone(&self.outputs.searchers.turns), self.account);
            self.running.push_back(tokio::spawn(async move {
                let turn = turns.begin(account).await;
                blocking(move || {
                    // The thread itself holds the turn, because the thread may outlive the search.
                    let _turn = turn;
                    match &mut spool {
                        Some(spool) => scan::scan(spool, chunk, &shared),
                        None => Ok(ChunkFindings::default()),
                    }
                })
                .await
            }));
        }
        let Some(running) = self.running.front_mut() else { return Ok(None) };
        let found = running.await.map_err(task_error)?;
        self.running.pop_front();
        let mut found = found?;
        self.reached = match self.from {
            SearchFrom::Line(_) => found.begun.end,
            SearchFrom::Before(_) => found.begun.start,
        };
        self.unfinished = [self.unfinished, found.unfinished].into_iter().flatten().min();
        if matches!(self.from, SearchFrom::Before(_)) {
            found.lines.reverse();
        }
        Ok(Some(found))
    }

    /// Removes the next chunk from `rest`.
    async fn next_chunk(&mut self) -> io::Result<Range<u64>> {
        let (spool, rest, from, size) = (self.spool.clone(), self.rest.clone(), self.from, self.chunk);
        self.chunk = CHUNK.1.min(size * 2);
        let Some(mut spool) = spool else { return Ok(std::mem::take(&mut self.rest)) };
        let chunk = blocking(move || match from {
            SearchFrom::Line(_) => {
                let begin = spool.record(rest.start)?.map_or(0, |record| record.offset);
                let end = spool.record_at(begin + size)?.min(rest.start + CHUNK_RECORDS);
                Ok(rest.start..end.max(rest.start + 1).min(rest.end))
            }
            SearchFrom::Before(_) => {
                let end = spool.record(rest.end - 1)?.map_or(0, |record| record.end());
                let begin = spool.record_at(end.saturating_sub(size))?.max(rest.end.saturating_sub(CHUNK_RECORDS));
                Ok(begin.min(rest.end - 1).max(rest.start)..rest.end)
            }
        })
        .await?;
        match from {
            SearchFrom::Line(_) => self.rest.start = chunk.end,
            SearchFrom::Before(_) => self.rest.end = chunk.start,
        }
        Ok(chunk)
    }

    /// Counts matching lines by the step that printed them, in the order of the lines. `steps` contains the number of
    /// the first line of each step, in ascending order.
    fn matches_by_step(&self, numbers: &[u64], steps: &[(u64, StepRef)]) -> Vec<StepMatches> {
        let mut counts: Vec<(StepRef, i64)> = Vec::new();
        for number in numbers {
            let at = steps.partition_point(|(first, _)| first <= number);
            let Some((_, step)) = at.checked_sub(1).and_then(|at| steps.get(at)) else { continue };
            match counts.last_mut() {
                Some((last, count)) if last == step => *count += 1,
                _ => counts.push((*step, 1)),
            }
        }
        let counted = |(step, matches): (StepRef, _)| {
            let step_id = self.shared.steps.of(step).cloned();
            StepMatches { stage: step.stage, step_id, matches }
        };
        counts.into_iter().map(counted).collect()
    }

    /// Reads the lines with these numbers. If the search selects lines only by step or stream, the lines are returned
    /// as they look after being redrawn, and lines beyond [`MAX_BLOCKS`] blocks are omitted. Otherwise, the lines are
    /// returned as they were printed, because redrawing could hide the text for which they were selected.
    async fn describe(&self, numbers: &[u64]) -> Result<Vec<SearchHit>, OutputError> {
        let (Some(spool), false) = (self.spool.clone(), numbers.is_empty()) else { return Ok(Vec::new()) };
        let query = &self.shared.query;
        let (form, numbers) = if query.is_by_source() {
            (LineForm::Redrawn, first_blocks(numbers).to_vec())
        } else {
            (LineForm::AsPrinted, numbers.to_vec())
        };
        let (spool, lines) = blocking_read(spool, move |spool| {
            let mut lines = lines::read_each(spool, &numbers, KEEP)?;
            // Determining levels is much faster in the order of the log.
            let is_backwards = numbers.first() > numbers.last();
            if is_backwards {
                lines.reverse();
            }
            let mut lines = with_levels(spool, lines)?;
            if is_backwards {
                lines.reverse();
            }
            Ok(lines)
        })
        .await?;
        let lines = self.outputs.describe(self.job, self.attempt, spool, lines, (form, KEEP)).await?;
        let hit = |line: model::OutputLine| SearchHit { ranges: query.ranges(&line), line };
        Ok(lines.into_iter().map(hit).collect())
    }
}

/// Returns the longest prefix of `numbers` whose lines are in at most [`MAX_BLOCKS`] blocks.
fn first_blocks(numbers: &[u64]) -> &[u64] {
    let (mut block, mut blocks) = (None, 0);
    let is_beyond = |number: &u64| {
        let here = Some(block_of(signed(*number)));
        if block != here {
            (block, blocks) = (here, blocks + 1);
        }
        blocks > MAX_BLOCKS
    };
    numbers.iter().position(is_beyond).map_or(numbers, |end| &numbers[..end])
}

impl Drop for LogSearch {
    fn drop(&mut self) {
        self.shared.is_dropped.store(true, Ordering::Relaxed);
        // A chunk that is still waiting for its turn is not searched.
        self.running.iter().for_each(JoinHandle::abort);
    }
}
