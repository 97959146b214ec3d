use std::collections::BTreeMap;
use std::path::Path;

use fastrand::Rng;
use model::ansi::{BLOCK_LINES, plain_text};
use model::{Stage, Timestamp};
use redact::Redacted;
use tempfile::TempDir;

use super::*;
use crate::output::lines::{self, LongLine};
use crate::spool::{Source, SpoolWriter};

const STEP: StepRef = StepRef { stage: Stage::Execute, index: 0 };
const OTHER_STEP: StepRef = StepRef { index: 1, ..STEP };

struct Written {
    _folder: TempDir,
    spool: SpoolWriter,
}

impl Written {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        Self { _folder: folder, spool }
    }

    fn write(&mut self, step: StepRef, stream: StreamName, text: &str) {
        let text = Redacted::from_stored(text.as_bytes().to_vec());
        self.spool.append(Source { step, stream }, &text, Timestamp(1)).expect("the folder can be written");
    }

    fn print(&mut self, text: &str) {
        self.write(STEP, StreamName::Stdout, text);
    }

    fn print_lines(&mut self, count: i64) {
        self.print(&"x\n".repeat(usize::try_from(count).expect("it is small")));
    }

    /// Returns the visible text of `count` lines, beginning with line `from`. The text is `None` for a line that was
    /// drawn only on rows of other lines.
    fn shown(&self, from: u64, count: usize, steps: &StepIds) -> BTreeMap<i64, Option<String>> {
        let mut reader = self.spool.reader().expect("the files can be opened again");
        let long = (16 << 10, LongLine::Displayed);
        let lines = lines::read(&mut reader, from, count, long).expect("the files can be read");
        let drawn = draw(&mut reader, &lines, steps, 16 << 10).expect("the files can be read");
        let text = |line: &Line| match drawn.get(&signed(line.number)) {
            Some(Redrawn::Rows(rows)) => Some(plain_text(&rows.text).into_owned()),
            Some(Redrawn::Overdrawn { .. }) => None,
            None => Some(plain_text(&String::from_utf8_lossy(&line.text)).into_owned()),
        };
        lines.iter().map(|line| (signed(line.number), text(line))).collect()
    }

    #[track_caller]
    fn check(&self, from: u64, expected: &[(i64, Option<&str>)]) {
        let shown = self.shown(from, expected.len(), &StepIds::default());
        let shown: Vec<(i64, Option<&str>)> = shown.iter().map(|(number, text)| (*number, text.as_deref())).collect();
        assert_eq!(shown, expected);
    }
}

/// Returns the recorded sessions of real tools.
fn recordings() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/recordings");
    let files =
        std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("it can be read").path());
    let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.map(|path| std::fs::read_to_string(path).expect("it is text")).collect()
}

#[test]
fn a_line_looks_the_same_whichever_lines_are_read_with_it() {
    let mut random = Rng::with_seed(1);
    for text in recordings() {
        let mut log = Written::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(random.usize(first.len_utf8()..400)));
            log.print(piece);
            if random.u8(..4) == 0 {
                log.write(STEP, StreamName::Stderr, "a warning of another stream\n");
            }
            rest = after;
        }
        let all = log.shown(1, 100_000, &StepIds::default());
        assert!(all.values().any(Option::is_some));
        for _ in 0..10 {
            let from = random.u64(1..=all.len() as u64);
            let count = random.usize(1..50);
            for (number, text) in log.shown(from, count, &StepIds::default()) {
                assert_eq!(all[&number], text, "line {number} of {count} lines from {from}");
            }
        }
    }
}

#[test]
fn a_line_shows_what_later_lines_have_drawn_on_its_rows() {
    let mut log = Written::new();
    log.print("pulling\nlayer 1: wait\nlayer 2: wait\n\x1b[2A\x1b[2Klayer 1: done\n\x1b[2Klayer 2: done\nfinished\n");
    log.check(
        1,
        &[
            (1, Some("pulling")),
            (2, Some("layer 1: done")),
            (3, Some("layer 2: done")),
            (4, None),
            (5, None),
            (6, Some("finished")),
        ],
    );
    log.check(3, &[(3, Some("layer 2: done"))]);
    log.print("\x1b[2A\rLAYER 2");
    log.check(3, &[(3, Some("LAYER 2: done"))]);
}

#[test]
fn the_other_stream_and_other_steps_do_not_redraw_a_line() {
    let mut log = Written::new();
    log.print("a\n");
    log.write(STEP, StreamName::Stderr, "b\n");
    log.write(STEP, StreamName::Stderr, "\x1b[2AB\n");
    log.write(OTHER_STEP, StreamName::Stdout, "c\n\x1b[9AC\n");
    log.check(1, &[(1, Some("a")), (2, Some("B")), (3, Some("")), (4, Some("C")), (5, Some(""))]);
}

#[test]
fn lines_of_another_block_are_not_redrawn() {
    let mut log = Written::new();
    log.print_lines(BLOCK_LINES - 1);
    log.print("last\nfirst\n\x1b[2AX\n");
    let last = BLOCK_LINES;
    log.check(last.unsigned_abs(), &[(last, Some("last")), (last + 1, Some("Xirst")), (last + 2, Some(""))]);
}

#[test]
fn an_unfinished_line_is_drawn_although_the_next_block_has_begun() {
    let mut log = Written::new();
    log.print_lines(BLOCK_LINES - 3);
    log.print("above\nunfin");
    log.write(STEP, StreamName::Stderr, &"other\n".repeat(100));
    log.print("ished\x1b[A\rABOVE\nnext\n");
    let above = BLOCK_LINES - 2;
    log.check(above.unsigned_abs(), &[(above, Some("ABOVE")), (above + 1, Some("unfinished"))]);
}

#[test]
fn an_absolute_position_counts_from_the_first_line_of_a_step_that_began_in_the_block() {
    let mut log = Written::new();
    log.print("1\n");
    log.write(OTHER_STEP, StreamName::Stdout, "2\n3\n\x1b[1;1HX");
    log.check(1, &[(1, Some("1")), (2, Some("X")), (3, Some("3"))]);
}

#[test]
fn the_cursor_reaches_as_many_rows_as_the_terminal_of_the_step_has() {
    let mut log = Written::new();
    log.print(&format!("{}\x1b[99A\rX", "x\n".repeat(100)));
    for (height, steps) in [(40, StepIds::default()), (10, StepIds::of_terminal(STEP, 10))] {
        let shown = log.shown(1, 101, &steps);
        let changed: Vec<i64> =
            shown.iter().filter(|(_, text)| text.as_deref() == Some("X")).map(|(number, _)| *number).collect();
        assert_eq!(changed, [102 - height], "{height} rows");
    }
}

#[test]
fn a_redrawn_line_is_cut_like_any_other() {
    let mut log = Written::new();
    log.print(&format!("a\n\x1b[A{}\n", "é".repeat(5_000)));
    let mut reader = log.spool.reader().expect("the files can be opened again");
    let lines = lines::read(&mut reader, 1, 1, (101, LongLine::Displayed)).expect("the files can be read");
    let drawn = draw(&mut reader, &lines, &StepIds::default(), 101).expect("the files can be read");
    let Some(Redrawn::Rows(rows)) = drawn.get(&1) else { panic!("line 1 has rows: {drawn:?}") };
    assert_eq!((rows.text.as_ref(), rows.cut), ("é".repeat(50).as_str(), true));
}
