//! The matches within the lines that are drawn.

use std::collections::HashMap;

use model::SearchPage;
use model::ansi::Span;

use crate::live_output::line::LineKey;

/// The maximum number of ranges of lines whose matches are stored.
const MAX_KNOWN: usize = 50;

/// The matches in some ranges of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchMarks {
    ranges: HashMap<LineKey, Vec<(u32, u32)>>,
    /// The ranges of lines whose matches are known: the attempt, and the first and the last line.
    known: Vec<(i32, i64, i64)>,
}

impl MatchMarks {
    /// Adds the matches of a page that begins with line `from` of an attempt. If too many ranges are known, all known
    /// ranges are removed first.
    pub fn load(&mut self, attempt: i32, from: i64, page: SearchPage) {
        if self.known.len() == MAX_KNOWN {
            *self = Self::default();
        }
        let last = if page.done { page.total_lines } else { page.next.unwrap_or(from) - 1 };
        self.known.push((attempt, from, last));
        let key = |number| LineKey { attempt, number };
        self.ranges.extend(page.items.into_iter().map(|hit| (key(hit.line.line), hit.ranges)));
    }

    /// Returns the matches of a line, in code points of its visible text.
    #[must_use]
    pub fn of(&self, key: LineKey) -> &[(u32, u32)] {
        self.ranges.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Returns whether the matches of a line are known.
    #[must_use]
    pub fn knows(&self, key: LineKey) -> bool {
        self.known.iter().any(|(attempt, from, to)| *attempt == key.attempt && (*from..=*to).contains(&key.number))
    }
}

/// Splits spans where matches begin and end. The second value is `true` for spans that are part of a match.
#[must_use]
pub fn split(spans: Vec<Span>, ranges: &[(u32, u32)]) -> Vec<(Span, bool)> {
    if ranges.is_empty() {
        return spans.into_iter().map(|span| (span, false)).collect();
    }
    let mut rest = ranges.iter().copied().peekable();
    let mut is_match = |at: u32| {
        while rest.next_if(|(_, to)| *to <= at).is_some() {}
        rest.peek().is_some_and(|(from, _)| *from <= at)
    };
    let mut parts: Vec<(Span, bool)> = Vec::new();
    let mut at = 0;
    for span in spans {
        let Span { text, style, link, mark } = span;
        let first = parts.len();
        for character in text.chars() {
            let found = is_match(at);
            at += 1;
            match parts[first..].last_mut() {
                Some((part, is)) if *is == found => part.text.push(character),
                _ => parts.push((Span { text: character.to_string(), style, link: link.clone(), mark }, found)),
            }
        }
    }
    parts
}

/// Returns the parts without their first `count` characters.
#[must_use]
pub fn without_first(parts: Vec<(Span, bool)>, mut count: usize) -> Vec<(Span, bool)> {
    let mut rest = Vec::new();
    for (mut span, found) in parts {
        let dropped = span.text.chars().take(count).map(char::len_utf8).sum();
        count -= span.text[..dropped].chars().count();
        span.text.drain(..dropped);
        if !span.text.is_empty() {
            rest.push((span, found));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use model::ansi::{self, Style};
    use model::{Level, OutputLine, SearchHit, Stage, StreamName, Timestamp};

    use super::*;

    fn parts(line: &str, ranges: &[(u32, u32)]) -> Vec<(String, bool)> {
        let parts = split(ansi::spans(line, Style::default()), ranges);
        parts.into_iter().map(|(span, found)| (span.text, found)).collect()
    }

    #[test]
    fn spans_are_split_where_matches_begin_and_end() {
        for (line, ranges, expected) in [
            ("abc", vec![], vec![("abc", false)]),
            ("abc", vec![(1, 2)], vec![("a", false), ("b", true), ("c", false)]),
            ("é日c", vec![(1, 3)], vec![("é", false), ("日c", true)]),
            ("\u{1b}[31mab\u{1b}[0mcd", vec![(1, 3)], vec![("a", false), ("b", true), ("c", true), ("d", false)]),
            ("a\u{200b}b", vec![(1, 9)], vec![("a", false), ("<U+200B>", true), ("b", false)]),
        ] {
            let expected: Vec<(String, bool)> =
                expected.into_iter().map(|(text, found)| (text.to_owned(), found)).collect();
            assert_eq!(parts(line, &ranges), expected, "{line:?}");
        }
    }

    #[test]
    fn a_page_makes_the_matches_of_its_range_known() {
        let line = |number| OutputLine {
            line: number,
            seq: None,
            stream: StreamName::Stdout,
            stage: Stage::Execute,
            step_id: None,
            time: Timestamp(0),
            level: Level::Info,
            text: "text".into(),
            truncated: false,
            printed: None,
            drawn_on: None,
            sections: Vec::new(),
        };
        let hit = SearchHit { line: line(7), ranges: vec![(0, 4)] };
        let page = SearchPage { items: vec![hit], next: Some(8), total_lines: 20, ..SearchPage::default() };
        let key = |attempt, number| LineKey { attempt, number };
        let mut marks = MatchMarks::default();
        assert!(!marks.knows(key(1, 5)));
        marks.load(1, 5, page.clone());
        assert_eq!((marks.of(key(1, 7)), marks.of(key(1, 6))), (&[(0, 4)][..], &[][..]));
        let known =
            |marks: &MatchMarks, attempt| (1..=21).filter(|line| marks.knows(key(attempt, *line))).collect::<Vec<_>>();
        assert_eq!((known(&marks, 1), known(&marks, 2)), (vec![5, 6, 7], vec![]));
        marks.load(1, 5, SearchPage { done: true, next: None, ..page });
        assert_eq!(known(&marks, 1), (5..=20).collect::<Vec<_>>());
    }
}
