use std::fs::OpenOptions;

use model::{Stage, StepRef, StreamName, Timestamp};
use redact::Redacted;

use super::*;

fn source(stream: StreamName) -> Source {
    Source { step: StepRef { stage: Stage::Execute, index: 3 }, stream }
}

fn write(spool: &mut SpoolWriter, stream: StreamName, text: &str) {
    let text = Redacted::from_stored(text.into());
    spool.append(source(stream), &text, Timestamp(7)).expect("the folder can be written");
}

fn records(spool: &SpoolWriter) -> Vec<(u64, u32, u64, StreamName)> {
    let mut reader = spool.reader().expect("the files can be opened again");
    let record = |number| reader.record(number).expect("the index can be read");
    (0..).map_while(record).map(|r| (r.offset, r.length, r.line, r.source.stream)).collect()
}

#[test]
fn a_line_gets_its_number_when_its_first_byte_arrives() {
    use StreamName::{Stderr, Stdout};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    write(&mut spool, Stdout, "abc");
    write(&mut spool, Stderr, "x\n");
    write(&mut spool, Stdout, "def\nghi\nj");
    write(&mut spool, Stdout, "kl\n");
    spool.end_step().expect("the write succeeds");
    write(&mut spool, Stdout, "m");
    // The third write contains the end of line 1, all of line 3 and the beginning of line 4. Lines 3 and 4 are in a
    // separate record, because 1 and 3 are not consecutive.
    let expected = [
        (0, 3, 1, Stdout),
        (3, 2, 2, Stderr),
        (5, 4, 1, Stdout),
        (9, 5, 3, Stdout),
        (14, 3, 4, Stdout),
        (17, 1, 5, Stdout),
    ];
    assert_eq!(records(&spool), expected);
    assert_eq!((spool.end().lines, spool.end().bytes, spool.end().line_end), (5, 18, 17));
}

#[test]
fn an_unfinished_line_ends_with_its_step() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    write(&mut spool, StreamName::Stdout, "a");
    spool.end_step().expect("the write succeeds");
    write(&mut spool, StreamName::Stdout, "b");
    assert_eq!(spool.end().lines, 2);
}

#[test]
fn a_record_is_found_by_the_offset_of_any_of_its_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    for text in ["a\n", "bb\n", "ccc\n"] {
        write(&mut spool, StreamName::Stdout, text);
    }
    let mut reader = spool.reader().expect("the files can be opened again");
    let found: Vec<_> = (0..10).map(|offset| reader.record_at(offset).expect("the index can be read")).collect();
    assert_eq!(found, [0, 0, 1, 1, 1, 2, 2, 2, 2, 3]);
}

#[test]
fn recovery_truncates_output_without_a_complete_record() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    write(&mut spool, StreamName::Stdout, "one\ntwo\n");
    write(&mut spool, StreamName::Stdout, "three");
    let whole = spool.sha256();
    write(&mut spool, StreamName::Stdout, "torn");
    drop(spool);
    let idx = OpenOptions::new().write(true).open(folder.path().join(OUTPUT_IDX)).expect("it exists");
    idx.set_len(2 * Record::SIZE as u64 + 11).expect("it can be truncated");
    let spool = SpoolWriter::recover(folder.path()).expect("it can be recovered");
    assert_eq!((spool.end().bytes, spool.end().lines, records(&spool).len()), (13, 3, 2));
    assert_eq!(spool.sha256(), whole);
    assert_eq!(std::fs::read(folder.path().join(OUTPUT_LOG)).expect("it exists"), b"one\ntwo\nthree");
}

#[test]
fn recovery_drops_records_whose_bytes_did_not_reach_the_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    write(&mut spool, StreamName::Stdout, "one\n");
    write(&mut spool, StreamName::Stdout, "two\n");
    drop(spool);
    let log = OpenOptions::new().write(true).open(folder.path().join(OUTPUT_LOG)).expect("it exists");
    log.set_len(6).expect("it can be truncated");
    let spool = SpoolWriter::recover(folder.path()).expect("it can be recovered");
    assert_eq!((spool.end().bytes, records(&spool).len()), (4, 1));
}

#[test]
fn masks_that_span_two_blocks_are_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
    write(&mut spool, StreamName::Stdout, &"x[REDACTED][REDACTED]".repeat(60_000));
    assert_eq!(spool.count_masks().expect("it can be read").total(), 120_000);
}
