//! The lines that a search has found, in all attempts.

use model::SearchPage;

use crate::live_output::line::LineKey;

/// The lines that a search has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    attempts: Vec<AttemptFindings>,
}

/// The lines that were found in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AttemptFindings {
    attempt: i32,
    /// The numbers of the matching lines, in ascending order. The server reports a limited number of them.
    lines: Vec<i64>,
    /// The number of matching lines.
    matches: i64,
    /// The number of matching lines before the line with which the current request began.
    before: i64,
    /// The line from which the search continues, or `None` if the attempt has been searched and has finished.
    next: Option<i64>,
}

impl Findings {
    /// Returns the line from which the search of an attempt continues, or `None` if there is nothing left to search.
    #[must_use]
    pub fn next(&self, attempt: i32) -> Option<i64> {
        self.of(attempt).map_or(Some(1), |known| known.next)
    }

    /// Begins another request for an attempt, from the line that [`Findings::next`] returned. Lines from there on are
    /// reported again, so what was found in them is removed.
    pub fn begin(&mut self, attempt: i32, from: i64) {
        let at = self.attempts.partition_point(|known| known.attempt < attempt);
        if self.attempts.get(at).is_none_or(|known| known.attempt != attempt) {
            let new = AttemptFindings { attempt, lines: Vec::new(), matches: 0, before: 0, next: Some(from) };
            self.attempts.insert(at, new);
        }
        let known = &mut self.attempts[at];
        let settled = known.lines.partition_point(|line| *line < from);
        known.before = known.matches - count(known.lines.len() - settled);
        known.matches = known.before;
        known.lines.truncate(settled);
    }

    /// Adds a part of the results of the current request.
    pub fn take(&mut self, attempt: i32, part: &SearchPage) {
        let Some(known) = self.attempts.iter_mut().find(|known| known.attempt == attempt) else { return };
        // After lines whose numbers were not reported, further numbers would have the wrong rank.
        if known.matches == count(known.lines.len()) {
            known.lines.extend(&part.lines);
        }
        known.matches = known.before + part.matches;
        if part.done {
            known.next = part.next;
        }
    }

    /// Returns the number of matching lines.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.attempts.iter().map(|known| known.matches).sum()
    }

    /// Returns the position of a line among the matching lines, from 1, or `None` if the line is not among the lines
    /// that the server reported.
    #[must_use]
    pub fn rank(&self, key: LineKey) -> Option<i64> {
        let at = self.of(key.attempt)?.lines.binary_search(&key.number).ok()?;
        let earlier = self.attempts.iter().filter(|known| known.attempt < key.attempt).map(|known| known.matches);
        Some(earlier.sum::<i64>() + count(at) + 1)
    }

    /// Returns the first matching line after `key`, or the first one of all if there is none.
    #[must_use]
    pub fn after(&self, key: LineKey) -> Option<LineKey> {
        self.lines().find(|line| *line > key).or_else(|| self.lines().next())
    }

    /// Returns the last matching line before `key`, or the last one of all if there is none.
    #[must_use]
    pub fn before(&self, key: LineKey) -> Option<LineKey> {
        self.lines().rev().find(|line| *line < key).or_else(|| self.lines().next_back())
    }

    /// Returns the matching lines in order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = LineKey> {
        self.attempts
            .iter()
            .flat_map(|known| known.lines.iter().map(|number| LineKey { attempt: known.attempt, number: *number }))
    }

    fn of(&self, attempt: i32) -> Option<&AttemptFindings> {
        self.attempts.iter().find(|known| known.attempt == attempt)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lines: &[i64], matches: i64, next: Option<i64>, done: bool) -> SearchPage {
        SearchPage { lines: lines.to_vec(), matches, next, done, ..SearchPage::default() }
    }

    fn key(attempt: i32, number: i64) -> LineKey {
        LineKey { attempt, number }
    }

    #[test]
    fn parts_of_two_attempts_add_up() {
        let mut findings = Findings::default();
        assert_eq!((findings.next(1), findings.total()), (Some(1), 0));
        findings.begin(1, 1);
        findings.take(1, &part(&[3, 5], 2, None, false));
        findings.take(1, &part(&[8], 3, None, true));
        findings.begin(2, 1);
        findings.take(2, &part(&[3], 1, Some(4), true));
        assert_eq!((findings.next(1), findings.next(2), findings.total()), (None, Some(4), 4));
        assert_eq!(
            (findings.rank(key(1, 8)), findings.rank(key(2, 3)), findings.rank(key(2, 4))),
            (Some(3), Some(4), None)
        );
    }

    #[test]
    fn a_continued_search_replaces_what_was_found_in_unfinished_lines() {
        let mut findings = Findings::default();
        findings.begin(1, 1);
        findings.take(1, &part(&[2, 6, 7], 3, Some(6), true));
        findings.begin(1, 6);
        assert_eq!(findings.total(), 1);
        findings.take(1, &part(&[6, 9], 2, None, true));
        assert_eq!(
            (findings.total(), findings.lines().map(|line| line.number).collect::<Vec<_>>()),
            (3, vec![2, 6, 9])
        );
    }

    #[test]
    fn matches_whose_numbers_are_not_reported_are_counted() {
        let mut findings = Findings::default();
        findings.begin(1, 1);
        findings.take(1, &part(&[1, 2], 2, None, false));
        findings.take(1, &part(&[], 900, Some(1000), true));
        findings.begin(1, 1000);
        findings.take(1, &part(&[1001], 1, None, true));
        assert_eq!(findings.total(), 901);
    }

    #[test]
    fn moving_between_matches_starts_over_at_the_ends() {
        let mut findings = Findings::default();
        assert_eq!((findings.after(key(1, 1)), findings.before(key(1, 1))), (None, None));
        findings.begin(1, 1);
        findings.take(1, &part(&[3, 5], 2, None, true));
        findings.begin(2, 1);
        findings.take(2, &part(&[1], 1, None, true));
        for (at, after, before) in [
            (key(1, 1), key(1, 3), key(2, 1)),
            (key(1, 3), key(1, 5), key(2, 1)),
            (key(1, 4), key(1, 5), key(1, 3)),
            (key(2, 1), key(1, 3), key(1, 5)),
        ] {
            assert_eq!((findings.after(at), findings.before(at)), (Some(after), Some(before)), "{at:?}");
        }
    }
}
