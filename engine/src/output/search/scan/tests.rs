use std::sync::atomic::AtomicBool;

use fastrand::Rng;
use model::{Level, Stage, Timestamp};
use redact::Redacted;
use tempfile::TempDir;

use super::*;
use crate::output::StepIds;
use crate::output::lines;
use crate::output::search::{LineQuery, PatternCase, SearchPattern, Select, Syntax};
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

/// Searches a spool in chunks of up to `most` records.
fn search(spool: &SpoolWriter, query: LineQuery, most: u64) -> (Vec<u64>, Option<u64>) {
    let mut reader = spool.reader().expect("the files can be opened again");
    let records = reader.count().expect("the index can be read");
    let total = reader.total_lines().expect("the files can be read");
    let shared = SearchShared {
        query,
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

/// Returns the lines that match, each read by its number and compared on its own.
fn one_by_one(spool: &SpoolWriter, matches: impl Fn(&str, StreamName) -> bool) -> Vec<u64> {
    let mut reader = spool.reader().expect("the files can be opened again");
    let total = usize::try_from(reader.total_lines().expect("the files can be read")).expect("the log is small");
    let mut all = Vec::new();
    while all.len() < total {
        let from = all.len() as u64 + 1;
        all.extend(lines::read(&mut reader, from, total, MAX_LINE).expect("the files can be read"));
    }
    let shown = |line: &lines::Line| ansi::plain_text(&String::from_utf8_lossy(&line.text)).into_owned();
    all.iter().filter(|line| matches(&shown(line), line.source.stream)).map(|line| line.number).collect()
}

/// Writes pieces that end anywhere: within lines, characters and escape sequences.
fn random_spool(random: &mut Rng) -> (TempDir, SpoolWriter) {
    const PARTS: [&[u8]; 16] = [
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
    for _ in 0..300 {
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
        let expected = one_by_one(&spool, |line, of| {
            single.is_match(line) == (select == Select::Matching) && stream.is_none_or(|stream| stream == of)
        });
        let pattern = Some(SearchPattern::new(&pattern_text, syntax, case).expect("it is valid"));
        let source = Selection { stream, ..Selection::default() };
        for most in [1, 2, 7, 1000] {
            let query = LineQuery { pattern: pattern.clone(), select, source: source.clone(), levels: Vec::new() };
            let (lines, _) = search(&spool, query, most);
            assert_eq!(lines, expected, "{pattern_text:?} {case:?} {select:?} {stream:?}, {most} records at a time");
        }
        found += expected.len();
    }
    assert!(found > 300, "the patterns match many of the lines: {found}");
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
fn a_dropped_search_does_not_compare_further_lines() {
    let (_folder, mut spool) = spool();
    write(&mut spool, 0, StreamName::Stdout, b"one\ntwo\n");
    let mut reader = spool.reader().expect("the files can be opened again");
    let query = LineQuery { select: Select::Others, ..text("x") };
    let is_dropped = AtomicBool::new(true);
    let shared = SearchShared { query, steps: StepIds::default(), lines: 1..3, records: 1, is_dropped };
    assert!(scan(&mut reader, 0..1, &shared).expect("the files can be read").lines.is_empty());
}
