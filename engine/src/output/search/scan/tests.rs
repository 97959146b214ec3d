use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

use fastrand::Rng;
use model::ansi;
use model::level::{LineLevel, MAX_LINES, MessagePart, MessageState};
use model::{Level, Stage, Timestamp};
use redact::Redacted;
use tempfile::TempDir;

use super::*;
use crate::output::StepIds;
use crate::output::levels::of_lines;
use crate::output::lines::{self, Line, LongLine};
use crate::output::search::{LineQuery, MessageLines, PatternCase, SearchPattern, Select, Syntax};
use crate::output::text::Selection;
use crate::spool::{Source, SpoolWriter};

fn spool() -> (TempDir, SpoolWriter) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    (folder, spool)
}

fn write(spool: &mut SpoolWriter, step: i32, stream: StreamName, text: &[u8]) {
    let source = Source { step: StepRef { stage: Stage::Execute, index: step }, stream };
    spool.append(source, &Redacted::from_stored(text.to_vec()), Timestamp(1)).expect("the folder can be written");
}

fn text(pattern: &str) -> LineQuery {
    let pattern = SearchPattern::new(pattern, Syntax::Text, PatternCase::Sensitive).expect("a text is a valid pattern");
    LineQuery { pattern: Some(pattern), ..LineQuery::default() }
}

fn regex(pattern: &str) -> LineQuery {
    let pattern = SearchPattern::new(pattern, Syntax::Regex, PatternCase::Sensitive).expect("the pattern is valid");
    LineQuery { pattern: Some(pattern), ..LineQuery::default() }
}

/// Searches a spool in chunks of up to `most` records. Returns the numbers of the matching lines and of the first line
/// that may still change.
fn search(spool: &SpoolWriter, query: LineQuery, most: u64) -> (Vec<u64>, Option<u64>) {
    let mut reader = spool.reader().expect("the files can be opened again");
    let records = reader.count().expect("the index can be read");
    let total = reader.total_lines().expect("the files can be read");
    let shared = SearchShared {
        query,
        purpose: Purpose::Find,
        steps: StepIds::default(),
        lines: 1..total + 1,
        records,
        is_dropped: AtomicBool::new(false),
    };
    let (mut lines, mut unfinished) = (Vec::new(), None::<u64>);
    let mut from = 0;
    while from < records {
        let end = records.min(from + most);
        let found = scan(&mut reader, from..end, &shared).expect("the files can be read");
        lines.extend(found.lines);
        unfinished = [unfinished, found.unfinished].into_iter().flatten().min();
        from = end;
    }
    (lines, unfinished)
}

/// Reads all lines by their numbers, and determines the level of each from all lines before it.
fn all_lines(spool: &SpoolWriter) -> Vec<(Line, String, LineLevel)> {
    let mut reader = spool.reader().expect("the files can be opened again");
    let total = usize::try_from(reader.total_lines().expect("the files can be read")).expect("the log is small");
    let mut all = Vec::new();
    while all.len() < total {
        let from = all.len() as u64 + 1;
        all.extend(
            lines::read(&mut reader, from, total, (MAX_LINE, LongLine::Displayed)).expect("the files can be read"),
        );
    }
    let mut states = HashMap::<_, MessageState>::new();
    let with_level = |line: Line| {
        let text = ansi::plain_text(&String::from_utf8_lossy(&line.text)).into_owned();
        let state = states.entry((line.source.step, line.source.stream as usize)).or_default();
        let level = state.read(&text, line.source.stream);
        (line, text, level)
    };
    all.into_iter().map(with_level).collect()
}

/// Writes output in random pieces, which may end within lines, characters and escape sequences.
fn random_spool(random: &mut Rng) -> (TempDir, SpoolWriter) {
    const PARTS: [&[u8]; 22] = [
        b"a",
        b"b",
        b"ab",
        b"error",
        b"\n",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\x1b[31m",
        b"\x1b[0m",
        b"\x1b[2D",
        "é\u{200b}".as_bytes(),
        b"\xff",
        b"\t ",
        b"plain text of a longer line\nanother\n",
        b"\nTraceback (most recent call last):\n",
        b"\n  File \"a.py\", line 3, in f\n    f()\n",
        b"\nValueError: bad\n",
        b"\nwarning: hm\n --> a.rs:1:2\n",
        b"\nthread 'main' panicked at a.rs:1:2:\n",
        b"\n    indented\n",
    ];
    let (folder, mut spool) = spool();
    let mut step = 0;
    for _ in 0..random.usize(1..60) {
        let text =
            (0..random.usize(1..12)).flat_map(|_| PARTS[random.usize(..PARTS.len())]).copied().collect::<Vec<u8>>();
        let stream = if random.u8(..4) == 0 { StreamName::Stderr } else { StreamName::Stdout };
        write(&mut spool, step, stream, &text);
        if random.u8(..12) == 0 {
            spool.end_step().expect("the files can be written");
            step += 1;
        }
    }
    (folder, spool)
}

#[test]
fn a_search_finds_the_lines_that_match_one_by_one_however_the_log_is_divided() {
    let seed =
        std::env::var("TAILWATER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    eprintln!("TAILWATER_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let patterns = [
        ("a", Syntax::Text),
        ("ab", Syntax::Text),
        ("error", Syntax::Text),
        ("é<U+200B>", Syntax::Text),
        ("\u{fffd}", Syntax::Text),
        ("b\t", Syntax::Text),
        ("^a", Syntax::Regex),
        ("b$", Syntax::Regex),
        ("^$", Syntax::Regex),
        ("a.?b|[^a]{9}", Syntax::Regex),
        (r"\s+b", Syntax::Regex),
    ];
    let mut found = 0;
    for _ in 0..200 {
        let (_folder, spool) = random_spool(&mut random);
        let (pattern, syntax) = patterns[random.usize(..patterns.len())];
        let case = if random.bool() { PatternCase::Sensitive } else { PatternCase::Ignored };
        let select = if random.u8(..4) == 0 { Select::Others } else { Select::Matching };
        let pattern_text = if case == PatternCase::Ignored { pattern.to_uppercase() } else { pattern.to_owned() };
        let pattern_text = if syntax == Syntax::Regex { pattern.to_owned() } else { pattern_text };
        let expression = if syntax == Syntax::Text { regex::escape(&pattern_text) } else { pattern_text.clone() };
        let single = regex::RegexBuilder::new(&expression)
            .case_insensitive(case == PatternCase::Ignored)
            .build()
            .expect("it is valid");
        let stream = [None, Some(StreamName::Stdout), Some(StreamName::Stderr)][random.usize(..3)];
        let levels: &[Level] = [&[][..], &[], &[Level::Error], &[Level::Warn, Level::Info]][random.usize(..4)];
        let messages = if random.u8(..3) == 0 { MessageLines::First } else { MessageLines::All };
        let is_expected = |(line, text, read): &(Line, String, LineLevel)| {
            single.is_match(text) == (select == Select::Matching)
                && stream.is_none_or(|stream| stream == line.source.stream)
                && (levels.is_empty() || levels.contains(&read.level))
                && (messages == MessageLines::All || read.part == MessagePart::First)
        };
        let expected: Vec<u64> =
            all_lines(&spool).into_iter().filter(is_expected).map(|(line, ..)| line.number).collect();
        let pattern = Some(SearchPattern::new(&pattern_text, syntax, case).expect("it is valid"));
        let source = Selection { stream, ..Selection::default() };
        let query = LineQuery { pattern, select, source, levels: levels.to_vec(), messages, unlike: None };
        for most in [1, 2, 7, 1000] {
            let (lines, _) = search(&spool, query.clone(), most);
            assert_eq!(lines, expected, "{query:?}, {most} records at a time");
        }
        found += expected.len();
    }
    assert!(found > 200, "the patterns match many of the lines: {found}");
}

#[test]
fn the_level_of_a_line_does_not_depend_on_where_reading_begins() {
    let mut random = Rng::with_seed(3);
    let mut continuations = 0;
    for _ in 0..100 {
        let (_folder, spool) = random_spool(&mut random);
        let all = all_lines(&spool);
        let mut reader = spool.reader().expect("the files can be opened again");
        for _ in 0..10 {
            let from = random.usize(..all.len());
            let some: Vec<&(Line, String, LineLevel)> =
                all[from..].iter().step_by(random.usize(1..3)).take(random.usize(1..9)).collect();
            let lines: Vec<Line> = some.iter().map(|(line, ..)| line.clone()).collect();
            let expected: Vec<Level> = some.iter().map(|(.., read)| read.level).collect();
            let levels = of_lines(&mut reader, &lines).expect("the files can be read");
            assert_eq!(levels, expected, "{lines:?}");
            continuations += usize::from(some[0].2.part == MessagePart::Continuation);
        }
    }
    assert!(continuations > 50, "many of the ranges begin within a message: {continuations}");
}

/// Checks that a search for errors finds exactly the lines in `expected`, whatever the size of the chunks. Also checks
/// that the last of these lines is an error and the line after it is not, even if each of the two is read separately.
fn check_errors(spool: &SpoolWriter, expected: RangeInclusive<u64>) {
    for most in [1, 7, 1000] {
        let errors = LineQuery { levels: vec![Level::Error], ..LineQuery::default() };
        assert!(search(spool, errors, most).0.into_iter().eq(expected.clone()), "{most} records at a time");
    }
    let mut reader = spool.reader().expect("the files can be opened again");
    for (number, level) in [(*expected.end(), Level::Error), (expected.end() + 1, Level::Info)] {
        let line = lines::read(&mut reader, number, 1, (MAX_LINE, LongLine::Displayed)).expect("the files can be read");
        assert_eq!(of_lines(&mut reader, &line).expect("the files can be read"), [level], "line {number}");
    }
}

#[test]
fn a_message_has_a_maximum_number_of_lines_wherever_reading_begins() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"Traceback (most recent call last):\n");
    for _ in 0..=MAX_LINES / 50 {
        write(&mut spool, 0, StreamName::Stdout, "    a line of code in a long stack trace\n".repeat(50).as_bytes());
    }
    check_errors(&spool, 1..=u64::from(MAX_LINES) + 1);
}

#[test]
fn a_message_has_a_maximum_number_of_bytes_wherever_reading_begins() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"Traceback (most recent call last):\n");
    let line = format!("    {}\n", "x".repeat(1019));
    for _ in 0..14 {
        write(&mut spool, 0, StreamName::Stdout, line.repeat(10).as_bytes());
    }
    // Line 129 begins 35 + 127 * 1024 bytes after the first line, and line 130 begins more than 128 KiB after it.
    check_errors(&spool, 1..=129);
}

#[test]
fn output_of_the_other_stream_and_unfinished_lines_do_not_end_a_message() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stderr, b"Traceback (most recent call last):\n  File \"a.py\"");
    for _ in 0..300 {
        write(&mut spool, 0, StreamName::Stdout, b"ordinary output, which is printed by another thread\n");
    }
    write(&mut spool, 0, StreamName::Stderr, b", line 3, in f\n    f()\nValueError: bad\n");
    let first_lines = LineQuery { messages: MessageLines::First, ..LineQuery::default() };
    for most in [1, 7, 1000] {
        let errors = LineQuery { levels: vec![Level::Error], ..LineQuery::default() };
        assert_eq!(search(&spool, errors, most).0, [1, 2, 303, 304], "{most} records at a time");
        assert_eq!(search(&spool, first_lines.clone(), most).0.len(), 301, "{most} records at a time");
    }
}

#[test]
fn a_message_ends_with_its_step() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"Traceback (most recent call last):\n");
    spool.end_step().expect("the files can be written");
    write(&mut spool, 1, StreamName::Stdout, b"    indented\n    indented\n");
    check_errors(&spool, 1..=1);
}

#[test]
fn lines_are_selected_by_their_level() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"fine\nerror: no\nwarning: hm\n");
    write(&mut spool, 0, StreamName::Stderr, b"from stderr\n\x1b[31merror\x1b[0m: red\n");
    let levels = |levels: &[Level]| search(&spool, LineQuery { levels: levels.to_vec(), ..LineQuery::default() }, 9).0;
    assert_eq!(levels(&[Level::Error]), [2, 5]);
    assert_eq!(levels(&[Level::Warn, Level::Error]), [2, 3, 4, 5]);
    assert_eq!(levels(&[Level::Info]), [1]);
}

#[test]
fn a_search_reports_the_first_line_that_may_still_change() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"one\ntw");
    write(&mut spool, 0, StreamName::Stderr, b"error: three\nfou");
    let check = |spool: &SpoolWriter, lines: &[u64], unfinished| {
        for most in [1, 9] {
            assert_eq!(search(spool, text("o"), most), (lines.to_vec(), unfinished), "{most} records at a time");
        }
    };
    check(&spool, &[1, 3, 4], Some(2));
    write(&mut spool, 0, StreamName::Stdout, b"o\n");
    check(&spool, &[1, 2, 3, 4], Some(4));
    spool.end_step().expect("the files can be written");
    write(&mut spool, 1, StreamName::Stdout, b"five\n");
    check(&spool, &[1, 2, 3, 4], None);
}

#[test]
fn a_line_of_a_step_without_a_known_id_is_searched_later() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"one\n");
    let source = Selection { step_id: Some("build".into()), ..Selection::default() };
    assert_eq!(search(&spool, LineQuery { source, ..text("o") }, 9), (Vec::new(), Some(1)));
}

#[test]
fn a_line_is_searched_up_to_its_maximum_length() {
    let (_folder, mut spool) = spool();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..MAX_LINE >> 20 {
        write(&mut spool, 0, StreamName::Stdout, &piece);
    }
    write(&mut spool, 0, StreamName::Stdout, b"needle\nneedle\n");
    assert_eq!(search(&spool, text("needle"), 2), (vec![2], None));
    assert_eq!(search(&spool, text("xx"), 2), (vec![1], None));
}

#[test]
fn long_plain_lines_between_others_are_searched_too() {
    let (_folder, mut spool) = spool();
    let mut output = b"needle\n".repeat(3);
    output.extend([b"x".repeat(2 * PIECE).as_slice(), b" needle\n", &b"short\n".repeat(PIECE / 4)].concat());
    output.extend(b"needle\n");
    write(&mut spool, 0, StreamName::Stdout, &output);
    let last = 5 + PIECE as u64 / 4;
    for (expected, query) in [
        (vec![1, 2, 3, 4, last], text("needle")),
        (vec![4], text("x")),
        (vec![1, 2, 3, 4, last], regex("^needle|ne{2}dle$")),
    ] {
        assert_eq!(search(&spool, query, 9), (expected, None));
    }
}

/// Searches a spool that has one record, but whose `output.log` has been emptied.
fn search_of_removed_output(is_dropped: bool) -> io::Result<ChunkFindings> {
    let (folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, &b"x".repeat(1 << 20));
    let mut reader = spool.reader().expect("the files can be opened again");
    std::fs::File::create(folder.path().join("output.log")).expect("the file can be emptied");
    let is_dropped = AtomicBool::new(is_dropped);
    let (query, steps, lines) = (text("y"), StepIds::default(), 1..2);
    scan(&mut reader, 0..1, &SearchShared { query, purpose: Purpose::Find, steps, lines, records: 1, is_dropped })
}

#[test]
fn a_dropped_search_reads_nothing_more() {
    assert!(search_of_removed_output(false).is_err(), "a search reads the output");
    assert!(search_of_removed_output(true).is_ok());
}

#[test]
fn a_dropped_search_does_not_compare_further_lines() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"one\ntwo\n");
    let mut reader = spool.reader().expect("the files can be opened again");
    let query = LineQuery { select: Select::Others, ..text("x") };
    let is_dropped = AtomicBool::new(true);
    let shared =
        SearchShared { query, purpose: Purpose::Find, steps: StepIds::default(), lines: 1..3, records: 1, is_dropped };
    assert!(scan(&mut reader, 0..1, &shared).expect("the files can be read").lines.is_empty());
}
