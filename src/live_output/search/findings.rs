//! The lines that a search has found, in all attempts.

mod window;

use model::{SearchPage, Stage, StepMatches};

use crate::live_output::line::LineKey;
pub use window::{FindLine, MatchWindow, MissingNumbers};

/// The lines that a search has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    attempts: Vec<AttemptFindings>,
    /// Matching lines that the search itself has not reported, because there are too many.
    window: Option<MatchWindow>,
}

/// The lines that were found in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AttemptFindings {
    attempt: i32,
    /// The numbers of the first matching lines, in ascending order. The server limits how many of them it reports.
    lines: Vec<i64>,
    /// Line numbers after the last reported line, each with the number of matching lines before it. Only some lines are
    /// included.
    counts: Vec<(i64, i64)>,
    /// The number of matching lines of each step, in the order of the log.
    steps: Vec<StepMatches>,
    /// The number of matching lines.
    matches: i64,
    /// The first line of the current request.
    from: i64,
    /// The number of matching lines before the first line of the current request.
    before: i64,
    /// The first line that has not been searched.
    searched: i64,
    /// The matching lines of the current request that are not among `lines`.
    recent: Vec<i64>,
    /// The line from which the search continues, or `None` if the attempt has been searched and has finished.
    next: Option<i64>,
}

impl AttemptFindings {
    /// Returns lines in ascending order, each with the number of matching lines before it. Between two of the returned
    /// lines, the numbers are interpolated ([`estimate`]).
    fn counts(&self) -> impl Iterator<Item = (i64, i64)> {
        let reported = (self.lines.last().map_or(1, |line| line + 1), count(self.lines.len()));
        std::iter::once(reported).chain(self.counts.iter().copied())
    }

    fn add_to_steps(&mut self, found: &[StepMatches]) {
        for more in found {
            match self.steps.last_mut().filter(|last| last.stage == more.stage && last.step_id == more.step_id) {
                Some(last) => last.matches += more.matches,
                None => self.steps.push(more.clone()),
            }
        }
    }

    /// Subtracts `removed` matching lines from the counts of the steps, beginning with the last step.
    fn remove_from_steps(&mut self, mut removed: i64) {
        while removed > 0
            && let Some(last) = self.steps.last_mut()
        {
            let taken = removed.min(last.matches);
            last.matches -= taken;
            removed -= taken;
            if last.matches == 0 {
                self.steps.pop();
            }
        }
    }

    /// Returns the end of the lines in which all matching lines are reported.
    fn reported_end(&self) -> i64 {
        if self.is_reported() { i64::MAX } else { self.lines.last().map_or(1, |line| line + 1) }
    }

    fn is_reported(&self) -> bool {
        count(self.lines.len()) == self.matches
    }

    /// Returns lines after the reported ones, in ascending order, each with the exact number of matching lines before
    /// it. While an earlier line is unfinished, the server does not state how far it has searched, so several counts
    /// have the same line. The first of them is exact.
    fn exact_counts(&self) -> impl Iterator<Item = (i64, i64)> {
        let mut last = 0;
        self.counts().filter(move |(line, _)| std::mem::replace(&mut last, *line) < *line)
    }

    /// Returns the first matching line that is not before `line`, or an error that states what the server has to be
    /// asked.
    fn first_from(&self, window: Option<&MatchWindow>, line: i64) -> Result<Option<i64>, MissingNumbers> {
        if let Some(known) = self.lines.get(self.lines.partition_point(|known| *known < line)) {
            return Ok(Some(*known));
        }
        if self.is_reported() {
            return Ok(None);
        }
        let window = window.filter(|window| window.start <= line);
        if let Some(known) = window.and_then(|window| window.first_from(line)) {
            return Ok(Some(known));
        }
        let continued = window.map(|window| window.continued(line.min(window.end), line));
        let nearest = self.exact_counts().map(|count| self.missing(count, line)).filter(|nearest| nearest.from <= line);
        let nearest = nearest.chain(continued).max_by_key(|nearest| (nearest.before, nearest.from));
        match nearest {
            Some(nearest) if nearest.before < self.matches => Err(nearest),
            _ => Ok(None),
        }
    }

    /// Returns the last matching line before `line`, or an error that states what the server has to be asked.
    fn last_before(&self, window: Option<&MatchWindow>, line: i64) -> Result<Option<i64>, MissingNumbers> {
        let reported = || self.lines[..self.lines.partition_point(|known| *known < line)].last().copied();
        if line <= self.reported_end() {
            return Ok(reported());
        }
        let window = window.filter(|window| window.start <= line);
        let is_covered = |window: &&MatchWindow| line <= window.end || window.total() >= self.matches;
        let nearest = if let Some(window) = window.filter(is_covered) {
            if let Some(known) = window.last_before(line) {
                return Ok(Some(known));
            }
            let earlier = self.exact_counts().filter(|(at, before)| *at < window.start && *before < window.before);
            earlier.last().map(|count| self.missing(count, window.start))
        } else {
            // If all matches are before the line, the numbers after the last of them are not needed.
            let earlier = |(at, before): &(i64, i64)| *at < line && (line < self.searched || *before < self.matches);
            let nearest = self.exact_counts().filter(earlier).map(|count| self.missing(count, line));
            let continued = window.map(|window| window.continued(window.end, line));
            nearest.chain(continued).max_by_key(|nearest| nearest.from)
        };
        nearest.map_or_else(|| Ok(reported()), Err)
    }

    /// Returns the request for the numbers from a line on, given the line and the number of matching lines before it.
    fn missing(&self, (from, before): (i64, i64), until: i64) -> MissingNumbers {
        MissingNumbers { attempt: self.attempt, from, before, previous: None, until }
    }

    /// Returns the number of matching lines before a line. For a line after the last reported line, the number is an
    /// estimate.
    fn index(&self, line: i64) -> i64 {
        if line < self.reported_end() {
            count(self.lines.partition_point(|found| *found < line))
        } else {
            estimate(self.counts(), line)
        }
    }

    /// Returns the matching line at an index, counted from 0. After the last reported line, returns a line near it.
    fn line_at(&self, index: i64) -> i64 {
        let reported = usize::try_from(index).ok().and_then(|index| self.lines.get(index));
        reported.copied().unwrap_or_else(|| estimate(self.counts().map(|(line, count)| (count, line)), index))
    }
}

/// Interpolates between points with ascending coordinates. For an `x` before the first or after the last point, returns
/// the value of the nearest point.
fn estimate(points: impl Iterator<Item = (i64, i64)>, x: i64) -> i64 {
    let mut before = None;
    for (at, value) in points {
        match before {
            Some((first, low)) if at > x => return low + (value - low) * (x - first) / (at - first),
            None if at > x => return value,
            _ => before = Some((at, value)),
        }
    }
    before.map_or(0, |(_, value)| value)
}

impl Findings {
    /// Returns the line from which the search of an attempt continues, or `None` if there is nothing left to search.
    #[must_use]
    pub fn next(&self, attempt: i32) -> Option<i64> {
        self.of(attempt).map_or(Some(1), |known| known.next)
    }

    /// Returns the number of lines that the next request searches again.
    #[must_use]
    pub fn lines_to_search_again(&self, attempt: i32) -> i64 {
        self.of(attempt).and_then(|known| Some(known.searched - known.next?)).unwrap_or(0)
    }

    /// Begins another request for an attempt, from the line that [`Findings::next`] returned. The server reports the
    /// lines from `from` on again, so the previous findings in these lines are removed.
    pub fn begin(&mut self, attempt: i32, from: i64) {
        let at = self.attempts.partition_point(|known| known.attempt < attempt);
        if self.attempts.get(at).is_none_or(|known| known.attempt != attempt) {
            let new = AttemptFindings {
                attempt,
                lines: Vec::new(),
                counts: Vec::new(),
                steps: Vec::new(),
                matches: 0,
                from,
                before: 0,
                searched: from,
                recent: Vec::new(),
                next: Some(from),
            };
            self.attempts.insert(at, new);
        }
        let known = &mut self.attempts[at];
        let settled = known.lines.partition_point(|line| *line < from);
        let is_removed = |line: &&i64| **line >= from;
        let removed = count(known.lines.len() - settled) + count(known.recent.iter().filter(is_removed).count());
        known.recent.clear();
        known.from = from;
        known.searched = known.searched.max(from);
        known.before = known.matches - removed;
        known.remove_from_steps(removed);
        known.matches = known.before;
        known.lines.truncate(settled);
        known.counts.retain(|(line, _)| *line <= from);
    }

    /// Adds a part of the results of the current request.
    pub fn take(&mut self, attempt: i32, part: &SearchPage) {
        let Some(known) = self.attempts.iter_mut().find(|known| known.attempt == attempt) else { return };
        // If the server has omitted the numbers of some matching lines, the numbers of later lines are not added,
        // because the ranks of these lines would be unknown.
        if known.is_reported() {
            known.lines.extend(&part.lines);
        } else {
            known.recent.extend(&part.lines);
        }
        // `next` may be an earlier, unfinished line that will be searched again, but all lines up to the last reported
        // line have been searched at least once.
        let found = part.lines.last().map_or(0, |line| line + 1);
        let reached = if part.done { part.total_lines + 1 } else { 0 };
        known.searched = known.searched.max(found).max(reached).max(part.next.unwrap_or(0));
        known.add_to_steps(&part.steps);
        known.matches = known.before + part.matches;
        known.next = part.next;
        if !known.is_reported() {
            known.counts.push((known.searched, known.matches));
        }
    }

    /// Returns the first line that has not been searched.
    #[must_use]
    pub fn end(&self) -> LineKey {
        let unsearched = self.attempts.iter().find_map(|known| known.next.map(|_| (known.attempt, known.searched)));
        let after = self.attempts.last().map_or(1, |known| known.attempt + 1);
        let (attempt, number) = unsearched.unwrap_or((after, 1));
        LineKey { attempt, number }
    }

    /// Returns the number of matching lines before a line. It is estimated where the server has not reported the
    /// numbers of the matching lines.
    #[must_use]
    pub fn index(&self, key: LineKey) -> i64 {
        let earlier: i64 =
            self.attempts.iter().filter(|known| known.attempt < key.attempt).map(|known| known.matches).sum();
        earlier + self.of(key.attempt).map_or(0, |known| known.index(key.number))
    }

    /// Returns the matching line at an index, counted from 0. Where the server has not reported the numbers of the
    /// matching lines, returns a line near it. Returns `None` if there are not that many matching lines.
    #[must_use]
    pub fn line_at(&self, index: i64) -> Option<LineKey> {
        let mut rest = index;
        for known in &self.attempts {
            if (0..known.matches).contains(&rest) {
                return Some(LineKey { attempt: known.attempt, number: known.line_at(rest) });
            }
            rest -= known.matches;
        }
        None
    }

    /// Returns whether the server has reported the numbers of all matching lines of an attempt.
    #[must_use]
    pub fn is_reported(&self, attempt: i32) -> bool {
        self.of(attempt).is_none_or(AttemptFindings::is_reported)
    }

    /// Returns whether a line is one of the matching lines that the server has reported.
    #[must_use]
    pub fn holds(&self, key: LineKey) -> bool {
        self.rank(key).is_some()
    }

    /// Returns the number of matching lines.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.attempts.iter().map(|known| known.matches).sum()
    }

    /// Returns the number of matching lines that a step of an attempt has printed.
    #[must_use]
    pub fn of_step(&self, attempt: i32, stage: Stage, step_id: &str) -> i64 {
        let steps = self.of(attempt).map_or(&[][..], |known| &known.steps);
        let is_step = |step: &&StepMatches| step.stage == stage && step.step_id.as_deref() == Some(step_id);
        steps.iter().filter(is_step).map(|step| step.matches).sum()
    }

    /// Returns the position of a line among the matching lines, counted from 1, or `None` if the number of the line is
    /// unknown.
    #[must_use]
    pub fn rank(&self, key: LineKey) -> Option<i64> {
        let known = self.of(key.attempt)?;
        let reported = known.lines.binary_search(&key.number).ok().map(count);
        let index = reported.or_else(|| self.window_of(key.attempt)?.index(key.number))?;
        let earlier = self.attempts.iter().filter(|known| known.attempt < key.attempt).map(|known| known.matches);
        Some(earlier.sum::<i64>() + index + 1)
    }

    /// Returns the first matching line that is not before `key`, or `None` if there is none. Returns an error if the
    /// server has to be asked first ([`Findings::show`]).
    pub fn first_from(&self, key: LineKey) -> Result<Option<LineKey>, MissingNumbers> {
        for known in self.attempts.iter().filter(|known| known.attempt >= key.attempt) {
            let line = if known.attempt == key.attempt { key.number } else { 1 };
            if let Some(number) = known.first_from(self.window_of(known.attempt), line)? {
                return Ok(Some(LineKey { attempt: known.attempt, number }));
            }
        }
        Ok(None)
    }

    /// Returns the last matching line before `key`, or `None` if there is none. Returns an error if the server has to
    /// be asked first ([`Findings::show`]).
    pub fn last_before(&self, key: LineKey) -> Result<Option<LineKey>, MissingNumbers> {
        for known in self.attempts.iter().rev().filter(|known| known.attempt <= key.attempt) {
            let line = if known.attempt == key.attempt { key.number } else { i64::MAX };
            if let Some(number) = known.last_before(self.window_of(known.attempt), line)? {
                return Ok(Some(LineKey { attempt: known.attempt, number }));
            }
        }
        Ok(None)
    }

    /// Adds the matching lines that the server has reported on request. Replaces those of the previous request.
    pub fn show(&mut self, window: MatchWindow) {
        self.window = Some(window);
    }

    /// Takes over newer findings of the same search. The matching lines that were reported on request are kept, unless
    /// their lines are being searched again.
    pub fn update(&mut self, newer: &Self) {
        let is_searched_again = |window: &MatchWindow| {
            newer.of(window.attempt).is_none_or(|known| known.from > 1 && known.from < window.end)
        };
        self.window = self.window.take().filter(|window| !is_searched_again(window));
        self.attempts.clone_from(&newer.attempts);
    }

    /// Returns the matching lines whose numbers the search has reported, in order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = LineKey> {
        self.attempts
            .iter()
            .flat_map(|known| known.lines.iter().map(|number| LineKey { attempt: known.attempt, number: *number }))
    }

    /// Returns the first and the last line of each range after the reported lines that contains matching lines.
    pub fn unreported(&self) -> impl Iterator<Item = (LineKey, LineKey)> {
        self.attempts.iter().flat_map(|known| {
            let key = |number| LineKey { attempt: known.attempt, number };
            let ends = known.counts().skip(1);
            let ranges = known.counts().zip(ends).filter(|(start, end)| start.1 < end.1);
            ranges.map(move |(start, end)| (key(start.0), key(end.0 - 1)))
        })
    }

    fn window_of(&self, attempt: i32) -> Option<&MatchWindow> {
        self.window.as_ref().filter(|window| window.attempt == attempt)
    }

    fn of(&self, attempt: i32) -> Option<&AttemptFindings> {
        self.attempts.iter().find(|known| known.attempt == attempt)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
