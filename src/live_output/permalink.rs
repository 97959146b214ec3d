//! References to lines in the page's URL: `#L120` or `#L120-L130`, or `#2:L120` for a line of the second attempt if
//! there are later attempts.

use leptos::prelude::*;

use super::address;
use super::line::LineKey;

/// The greatest line number that is accepted in a URL. No log has so many lines. The limit prevents overflows in
/// computations with line numbers.
const MAX_NUMBER: i64 = 1_000_000_000_000_000;

/// Adjacent lines of an attempt that the reader has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedLines {
    /// The number of the attempt.
    pub attempt: i32,
    /// The number of the first line.
    pub first: i64,
    /// The number of the last line.
    pub last: i64,
}

/// The lines that the reader has chosen, and how the next click or key changes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineChoice {
    /// The chosen lines, or `None` if no lines are chosen.
    pub lines: Option<MarkedLines>,
    /// Whether choosing another line extends the range.
    pub is_extending: bool,
    /// Whether keys move the first line of the range. Otherwise, they move the last line.
    pub moves_first: bool,
    /// The line that the reader has moved to by a key, or `None` if the last choice was made in another way.
    pub by_key: Option<LineKey>,
}

impl LineChoice {
    /// Creates the choice of these lines. `current` is the first or the last line, and keys move this end of the range.
    #[must_use]
    pub fn of(lines: MarkedLines, current: LineKey) -> Self {
        let moves_first = current == lines.first_key() && lines.count() > 1;
        Self { lines: Some(lines), is_extending: false, moves_first, by_key: None }
    }

    /// Returns the line that keys move, or `None` if no lines are chosen.
    #[must_use]
    pub fn current(self) -> Option<LineKey> {
        let lines = self.lines?;
        Some(if self.moves_first { lines.first_key() } else { lines.last_key() })
    }

    /// Moves the current end of the range to a line, which may be on the other side of the fixed end. If no lines of
    /// the same attempt are chosen, chooses only this line.
    #[must_use]
    pub fn moved_to(self, key: LineKey) -> Self {
        let Some(lines) = self.lines.filter(|lines| lines.attempt == key.attempt) else {
            return Self::of(MarkedLines::one(key), key);
        };
        let fixed = if self.moves_first { lines.last } else { lines.first };
        let (first, last) = (fixed.min(key.number), fixed.max(key.number));
        Self::of(MarkedLines { attempt: key.attempt, first, last }, key)
    }
}

impl MarkedLines {
    /// Returns a range that contains only one line.
    #[must_use]
    pub const fn one(key: LineKey) -> Self {
        Self { attempt: key.attempt, first: key.number, last: key.number }
    }

    /// Moves the start of the range to `key` if `key` precedes the range; otherwise, moves the end to `key`. If `key`
    /// belongs to another attempt, returns only the line `key`.
    #[must_use]
    pub fn extended_to(self, key: LineKey) -> Self {
        match key {
            LineKey { attempt, .. } if attempt != self.attempt => Self::one(key),
            LineKey { number, .. } if number < self.first => Self { first: number, ..self },
            LineKey { number, .. } => Self { last: number, ..self },
        }
    }

    /// Returns whether a line is one of the chosen lines.
    #[must_use]
    pub fn holds(self, key: LineKey) -> bool {
        key.attempt == self.attempt && (self.first..=self.last).contains(&key.number)
    }

    /// Returns the first line.
    #[must_use]
    pub const fn first_key(self) -> LineKey {
        LineKey { attempt: self.attempt, number: self.first }
    }

    /// Returns the last line.
    #[must_use]
    pub const fn last_key(self) -> LineKey {
        LineKey { attempt: self.attempt, number: self.last }
    }

    /// Returns the number of lines.
    #[must_use]
    pub const fn count(self) -> i64 {
        self.last - self.first + 1
    }

    /// Returns the numbers of the lines, such as `120` or `120\u{2013}130`.
    #[must_use]
    pub fn numbers(self) -> String {
        if self.count() == 1 { self.first.to_string() } else { format!("{}\u{2013}{}", self.first, self.last) }
    }

    /// Returns the URL fragment that refers to the lines. `last_attempt` is the number of the last attempt.
    #[must_use]
    pub fn fragment(self, last_attempt: i32) -> String {
        let attempt = if self.attempt == last_attempt { String::new() } else { format!("{}:", self.attempt) };
        let last = if self.count() == 1 { String::new() } else { format!("-L{}", self.last) };
        format!("#{attempt}L{}{last}", self.first)
    }

    /// Parses a fragment. Returns `None` if it does not refer to lines. A fragment without an attempt refers to the
    /// last attempt.
    #[must_use]
    pub fn parse(fragment: &str, last_attempt: i32) -> Option<Self> {
        let name = fragment.strip_prefix('#')?;
        let (attempt, lines) = match name.split_once(':') {
            Some((attempt, lines)) => (attempt.parse().ok().filter(|attempt| *attempt > 0)?, lines),
            None => (last_attempt, name),
        };
        let is_possible = |number: &i64| (1..=MAX_NUMBER).contains(number);
        let number = |line: &str| line.strip_prefix('L')?.parse().ok().filter(is_possible);
        let (first, last) = match lines.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(lines)?, number(lines)?),
        };
        Some(Self { attempt, first: first.min(last), last: first.max(last) })
    }
}

/// Returns the lines in the page's URL, or `None` if the URL does not refer to lines.
pub fn in_address(last_attempt: i32) -> Option<MarkedLines> {
    MarkedLines::parse(&window().location().hash().ok()?, last_attempt)
}

/// Changes the page's URL to refer to lines, or to the whole page, without adding a history entry.
pub fn put_into_address(marked: Option<MarkedLines>, last_attempt: i32) {
    let location = window().location();
    let page = format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default());
    address::put(&format!("{page}{}", marked.map(|marked| marked.fragment(last_attempt)).unwrap_or_default()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(attempt: i32, first: i64, last: i64) -> MarkedLines {
        MarkedLines { attempt, first, last }
    }

    #[test]
    fn a_fragment_refers_to_lines() {
        for (lines, fragment) in [
            (marked(3, 120, 120), "#L120"),
            (marked(3, 120, 130), "#L120-L130"),
            (marked(2, 7, 7), "#2:L7"),
            (marked(1, 7, 9), "#1:L7-L9"),
        ] {
            assert_eq!(lines.fragment(3), fragment);
            assert_eq!(MarkedLines::parse(fragment, 3), Some(lines), "{fragment}");
        }
        assert_eq!(MarkedLines::parse("#L130-L120", 1), Some(marked(1, 120, 130)));
    }

    #[test]
    fn a_fragment_without_lines_is_ignored() {
        for fragment in
            ["", "#", "L1", "#L", "#L0", "#L-1", "#0:L1", "#-1:L1", "#:L1", "#2L1", "#L1x", "#L1-", "#L1-2", "#output"]
        {
            assert_eq!(MarkedLines::parse(fragment, 1), None, "{fragment}");
        }
    }

    #[test]
    fn keys_move_one_end_of_the_range_across_the_other() {
        let key = |number| LineKey { attempt: 1, number };
        let mut choice = LineChoice::default();
        assert_eq!(choice.current(), None);
        for (to, first, last) in [(10, 10, 10), (11, 10, 11), (10, 10, 10), (9, 9, 10), (8, 8, 10), (12, 10, 12)] {
            choice = choice.moved_to(key(to));
            assert_eq!((choice.lines, choice.current()), (Some(marked(1, first, last)), Some(key(to))), "{to}");
        }
        let other = LineKey { attempt: 2, number: 1 };
        assert_eq!(choice.moved_to(other).lines, Some(MarkedLines::one(other)), "a range belongs to one attempt");
    }

    #[test]
    fn a_range_is_extended_in_both_directions_and_shortened() {
        let key = |number| LineKey { attempt: 1, number };
        let one = MarkedLines::one(key(10));
        assert_eq!((one.count(), one.numbers().as_str()), (1, "10"));
        assert_eq!(one.extended_to(key(14)), marked(1, 10, 14));
        assert_eq!(one.extended_to(key(14)).extended_to(key(12)), marked(1, 10, 12));
        assert_eq!(one.extended_to(key(7)), marked(1, 7, 10));
        assert_eq!(one.extended_to(LineKey { attempt: 2, number: 3 }), marked(2, 3, 3));
        let range = marked(1, 7, 10);
        assert_eq!((range.count(), range.numbers().as_str()), (4, "7\u{2013}10"));
        assert!(range.holds(key(7)) && range.holds(key(10)) && !range.holds(key(11)));
        assert!(!range.holds(LineKey { attempt: 2, number: 8 }));
    }
}
