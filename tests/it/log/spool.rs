//! Tests of reading spools (the files that contain the output of an attempt) without a server. Every line is complete
//! and has its own number, however the streams are interleaved.

use engine::output::lines::{self, Line, LongLine};
use engine::output::text::{Reach, Selection, TextRead, TextReader, Times};
use engine::spool::{Source, SpoolReader, SpoolWriter};
use model::{Stage, StepRef, StreamName, Timestamp};
use redact::Redacted;
use tempfile::TempDir;

use crate::harness::Random;

const STREAMS: [StreamName; 2] = [StreamName::Stdout, StreamName::Stderr];

/// The number of lines in the large log.
const MILLION: u64 = 1_000_000;

/// A spool and its expected content, which is computed by a separate, simple implementation.
struct Written {
    folder: TempDir,
    spool: SpoolWriter,
    output: Vec<u8>,
    lines: Vec<Line>,
    pieces: Vec<(Source, Vec<u8>)>,
    open: [Option<usize>; 2],
    step: i32,
}

impl Written {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = SpoolWriter::create(folder.path()).expect("the folder can be written");
        Self { folder, spool, output: Vec::new(), lines: Vec::new(), pieces: Vec::new(), open: [None; 2], step: 0 }
    }

    fn write(&mut self, stream: StreamName, text: &[u8]) {
        let source = Source { step: StepRef { stage: Stage::Execute, index: self.step }, stream };
        let time = Timestamp(1_700_000_000_000_000 + i64::try_from(self.output.len()).expect("it is small"));
        self.spool.append(source, &Redacted::from_stored(text.to_vec()), time).expect("the folder can be written");
        self.pieces.push((source, text.to_vec()));
        for byte in text {
            let at = *self.open[stream as usize].get_or_insert_with(|| {
                let (number, offset) = (self.lines.len() as u64 + 1, self.output.len() as u64);
                self.lines.push(Line { number, offset, source, time, text: Vec::new(), cut: false });
                self.lines.len() - 1
            });
            self.output.push(*byte);
            match byte {
                b'\n' => self.open[stream as usize] = None,
                byte => self.lines[at].text.push(*byte),
            }
        }
    }

    fn end_step(&mut self) {
        self.spool.end_step().expect("writing succeeds");
        self.open = [None; 2];
        self.step += 1;
    }

    fn opened(&self) -> SpoolReader {
        SpoolReader::open(self.folder.path()).expect("reading succeeds").expect("the spool exists")
    }

    /// Writes random fragments of lines, some of them long, to both streams. Ends some of the steps in the middle of a
    /// line.
    fn make_up(&mut self, random: &mut Random) {
        for _ in 0..=random.below(120) {
            let words: [&[u8]; 6] = [b"a", "\u{20ac}".as_bytes(), b"\n", b"x\n", b"\n\n", &[b'y'; 700]];
            let text: Vec<u8> = (0..=random.below(8)).flat_map(|_| words[random.below(6)].to_vec()).collect();
            // One stream is written to more often, so that lines of the other stream stay unfinished for a long time.
            let stream = STREAMS[usize::from(random.below(5) == 0)];
            self.write(stream, &text);
            if random.below(25) == 0 {
                self.end_step();
            }
        }
    }
}

/// Reads the selected output and returns it as text.
fn text(log: SpoolReader, selection: &Selection, times: Times) -> Vec<u8> {
    let mut output = TextReader::new(log, selection.clone(), times, Reach::Present).expect("reading succeeds");
    let mut text = Vec::new();
    loop {
        match output.read().expect("reading succeeds") {
            TextRead::Bytes(bytes) => text.extend(bytes),
            TextRead::UnknownStep => panic!("the selection names no step"),
            TextRead::End => return text,
        }
    }
}

#[test]
fn every_line_of_random_output_is_found_by_its_number() {
    let mut random = Random::new("every_line");
    for _ in 0..60 {
        let mut written = Written::new();
        written.make_up(&mut random);
        let mut log = written.opened();
        let total = written.lines.len();
        assert_eq!(log.total_lines().expect("reading succeeds"), total as u64);
        for _ in 0..40 {
            let (from, count) = (random.below(total + 3), random.below(total + 2));
            let expected: Vec<Line> = written.lines.iter().skip(from).take(count).cloned().collect();
            let read = lines::read(&mut log, from as u64 + 1, count, (1 << 20, LongLine::Displayed))
                .expect("reading succeeds");
            assert!(read == expected, "{count} lines from {}: {read:?}", from + 1);
        }
    }
}

#[test]
fn a_truncated_line_ends_between_characters_and_is_marked() {
    let mut written = Written::new();
    written.write(StreamName::Stdout, "12\u{20ac}".as_bytes());
    written.write(StreamName::Stderr, b"between\n");
    written.write(StreamName::Stdout, "\u{20ac}\u{20ac}\nnext\n".as_bytes());
    for (keep, text, cut) in [
        (2, "12", true),
        (3, "12", true),
        (4, "12", true),
        (5, "12\u{20ac}", true),
        (11, "12\u{20ac}\u{20ac}\u{20ac}", false),
    ] {
        let read = lines::read(&mut written.opened(), 1, 3, (keep, LongLine::Displayed)).expect("reading succeeds");
        assert_eq!((String::from_utf8_lossy(&read[0].text).as_ref(), read[0].cut), (text, cut), "{keep} bytes");
        assert_eq!((read[1].number, read[2].number), (2, 3), "the following lines are not affected");
    }
}

#[test]
fn each_selection_of_random_output_has_exactly_its_bytes_in_order() {
    let mut random = Random::new("each_selection");
    for _ in 0..40 {
        let mut written = Written::new();
        written.make_up(&mut random);
        assert!(text(written.opened(), &Selection::default(), Times::Omitted) == written.output);
        for stream in STREAMS {
            let selection = Selection { stream: Some(stream), ..Selection::default() };
            let of_stream = written.pieces.iter().filter(|(source, _)| source.stream == stream);
            let expected: Vec<u8> = of_stream.flat_map(|(_, text)| text.clone()).collect();
            assert!(text(written.opened(), &selection, Times::Omitted) == expected, "{stream:?}");
        }
        let of_stage = Selection { stage: Some(Stage::Publish), ..Selection::default() };
        assert_eq!(text(written.opened(), &of_stage, Times::Omitted), b"");
    }
}

#[test]
fn with_timestamps_every_line_has_its_time_once_and_nothing_else_is_added() {
    let mut random = Random::new("with_timestamps");
    for _ in 0..40 {
        let mut written = Written::new();
        written.make_up(&mut random);
        let mut expected = Vec::new();
        let mut begins = written.lines.iter().peekable();
        for (offset, byte) in written.output.iter().enumerate() {
            if let Some(line) = begins.next_if(|line| line.offset == offset as u64) {
                expected.extend_from_slice(format!("{} ", line.time).as_bytes());
            }
            expected.push(*byte);
        }
        assert!(text(written.opened(), &Selection::default(), Times::Prefixed) == expected);
    }
}

#[test]
fn a_log_of_a_million_lines_is_read_from_either_end_and_the_middle() {
    let mut written = Written::new();
    // Line 1 stays unfinished until all other lines have been written, so the records are not sorted by line number.
    let spool = &mut written.spool;
    let mut append = |stream, text: String| {
        let source = Source { step: StepRef { stage: Stage::Execute, index: 0 }, stream };
        spool.append(source, &Redacted::from_stored(text.into_bytes()), Timestamp(0)).expect("writing succeeds");
    };
    append(StreamName::Stderr, "begun".into());
    for first in (2..MILLION).step_by(10) {
        append(
            StreamName::Stdout,
            (first..(first + 10).min(MILLION)).map(|number| format!("line {number}\n")).collect(),
        );
    }
    append(StreamName::Stderr, " and ended\n".into());
    append(StreamName::Stdout, format!("line {MILLION}\n"));
    let mut log = written.opened();
    assert_eq!(log.total_lines().expect("reading succeeds"), MILLION);
    let mut check = |from: u64, count: usize| {
        let read = lines::read(&mut log, from, 2_000, (16 << 10, LongLine::Displayed)).expect("reading succeeds");
        assert_eq!(read.len(), count, "from {from}");
        for (number, line) in (from..).zip(&read) {
            let expected = if number == 1 { "begun and ended".to_owned() } else { format!("line {number}") };
            assert_eq!((line.number, String::from_utf8_lossy(&line.text).as_ref()), (number, expected.as_str()));
        }
    };
    check(1, 2_000);
    check(MILLION / 2, 2_000);
    check(MILLION - 199, 200);
    check(MILLION, 1);
    check(MILLION + 1, 0);
}

#[test]
fn reading_a_growing_spool_continues_where_the_last_read_ended() {
    let mut written = Written::new();
    let mut output = None;
    let mut read = Vec::new();
    let mut random = Random::new("grows");
    for _ in 0..60 {
        written.write(STREAMS[random.below(2)], &vec![b'z'; random.below(300_000)]);
        let output = output.get_or_insert_with(|| {
            let selection = Selection { stream: Some(StreamName::Stdout), ..Selection::default() };
            TextReader::new(written.opened(), selection, Times::Omitted, Reach::Growing).expect("reading succeeds")
        });
        while let TextRead::Bytes(bytes) = output.read().expect("reading succeeds") {
            read.extend(bytes);
        }
    }
    let of_stdout = written.pieces.iter().filter(|(source, _)| source.stream == StreamName::Stdout);
    assert_eq!(read.len(), of_stdout.map(|(_, text)| text.len()).sum::<usize>());
}
