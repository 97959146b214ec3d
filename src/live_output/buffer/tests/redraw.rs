//! Lines that a program redraws look the same whether they arrive live or are loaded by number.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fastrand::Rng;
use model::ansi::{BLOCK_LINES, BlockScreen, LineEnd, Redrawn, ScreenStart, block_of, plain_text};
use model::{AttemptPayload, AttemptStatus, StepPayload, StepStatus};

use super::*;
use crate::live_output::simulated::event;

/// The output of a program that shows its progress in two lines, and its lines as a terminal shows them.
const REDRAWN: (&str, [(i64, &str); 4]) = (
    "pulling\nlayer 1: wait\nlayer 2: wait\n\x1b[2A\x1b[2Klayer 1: done\n\x1b[2Klayer 2: 50%\n\x1b[1A\x1b[2Klayer 2: done\nfinished\n",
    [(1, "pulling"), (2, "layer 1: done"), (3, "layer 2: done"), (7, "finished")],
);

fn shown(buffer: &Buffer) -> Vec<(i64, String)> {
    let shown = buffer.lines().iter().filter(|line| line.has_rows());
    shown.map(|line| (line.key.number, ansi::plain_text(line.shown_text()).into_owned())).collect()
}

#[test]
fn lines_that_a_program_redraws_are_shown_in_place_however_they_arrive() {
    let (text, expected) = REDRAWN;
    let expected = expected.map(|(number, text)| (number, text.to_owned()));
    for size in 1..=text.len() {
        let mut buffer = empty(UNLIMITED);
        append_in_pieces(&mut buffer, text, size);
        assert_eq!(shown(&buffer), expected, "{size} bytes at a time");
        assert_eq!(buffer.lines().len(), 7, "every line keeps its number");
    }
}

#[test]
fn redrawing_begins_with_the_lines_that_are_already_known() {
    let mut buffer = empty(UNLIMITED);
    buffer.append(vec![log_event(Seq(1), 1, "one\ntwo\nthree\n")], WhenFull::DropOldest);
    let revision = buffer.lines()[1].revision;
    buffer.append(vec![log_event(Seq(2), 4, "\x1b[2A\x1b[KTWO")], WhenFull::DropOldest);
    let texts = |buffer: &Buffer| shown(buffer).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(&buffer), ["one", "TWO", "three", ""]);
    assert_ne!(buffer.lines()[1].revision, revision, "the row is drawn again");
    buffer.append(vec![log_event(Seq(3), 4, "!\n\n"), log_event(Seq(4), 6, "end\n")], WhenFull::DropOldest);
    assert_eq!(texts(&buffer), ["one", "TWO!", "three", "end"]);
}

#[test]
fn the_other_stream_and_the_next_step_are_not_redrawn() {
    let event = |seq, line, stream, step_index, text| {
        let mut event = log_event(Seq(seq), line, text);
        if let Payload::Log(payload) = &mut event.payload {
            (payload.stream, payload.step_index) = (stream, step_index);
        }
        event
    };
    let mut buffer = empty(UNLIMITED);
    buffer.append(
        vec![
            event(1, 1, StreamName::Stdout, 0, "a\n"),
            event(2, 2, StreamName::Stderr, 0, "b\n"),
            event(3, 3, StreamName::Stdout, 0, "\x1b[1AA\n"),
            event(4, 4, StreamName::Stdout, 1, "\x1b[9Ac\n"),
        ],
        WhenFull::DropOldest,
    );
    let texts: Vec<String> = shown(&buffer).into_iter().map(|(_, text)| text).filter(|text| !text.is_empty()).collect();
    assert_eq!(texts, ["A", "b", "c"]);
}

/// The output of a job: the printed lines, and the events that contain them.
#[derive(Default)]
struct PrintedOutput {
    lines: Vec<PrintedLine>,
    /// The unfinished line of each stream, as an index in `lines`.
    open: [Option<usize>; 2],
    events: Vec<Event>,
}

#[derive(Clone)]
struct PrintedLine {
    step: i32,
    stream: StreamName,
    text: String,
    ended: bool,
}

const fn step_ref(index: i32) -> StepRef {
    StepRef { stage: Stage::Execute, index }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).expect("it is small")
}

impl PrintedOutput {
    fn next_seq(&self) -> Seq {
        Seq(length(self.events.len()) + 1)
    }

    fn begin_step(&mut self, index: i32, terminal_rows: Option<u16>) {
        self.open = [None, None];
        let payload = StepPayload {
            stage: Stage::Execute,
            step_id: index.to_string(),
            step_index: index,
            name: String::new(),
            command: String::new(),
            attempt: 1,
            status: StepStatus::Started,
            exit_code: None,
            signal: None,
            duration_ms: None,
            terminal_rows,
        };
        self.events.push(event(self.next_seq(), Level::Info, "", Payload::Step(payload)));
    }

    fn end_attempt(&mut self) {
        let payload = AttemptPayload {
            attempt: 1,
            worker_id: "worker".into(),
            status: AttemptStatus::Succeeded,
            exit_code: Some(0),
            lines: None,
            bytes: None,
            suppressed_bytes: None,
            redactions: None,
            redactions_by_rule: None,
            log_sha256: None,
        };
        self.events.push(event(self.next_seq(), Level::Info, "", Payload::Attempt(payload)));
    }

    /// Prints text and sends it in one event. If the lines of the text do not have consecutive numbers, sends several
    /// events.
    fn print(&mut self, step: i32, stream: StreamName, text: &str) {
        let (mut first, mut before, mut sent) = (None, None, String::new());
        for part in text.split_inclusive('\n') {
            let at = self.open[stream as usize].take().unwrap_or(self.lines.len());
            if at == self.lines.len() {
                self.lines.push(PrintedLine { step, stream, text: String::new(), ended: false });
            }
            if before.is_some_and(|before| before + 1 != at) {
                self.send(step, stream, first.take(), &std::mem::take(&mut sent));
            }
            (first, before) = (first.or(Some(at)), Some(at));
            sent.push_str(part);
            let line = &mut self.lines[at];
            line.text.push_str(part.trim_end_matches('\n'));
            line.ended = part.ends_with('\n');
            self.open[stream as usize] = (!line.ended).then_some(at);
        }
        self.send(step, stream, first, &sent);
    }

    fn send(&mut self, step: i32, stream: StreamName, first: Option<usize>, text: &str) {
        let Some(first) = first else { return };
        let mut chunk = log_event(self.next_seq(), length(first) + 1, text);
        if let Payload::Log(payload) = &mut chunk.payload {
            (payload.stream, payload.step_index, payload.step_id) = (stream, step, step.to_string());
        }
        self.events.push(chunk);
    }

    /// Returns the lines that are drawn on a screen, as a terminal shows them.
    fn drawn(&self, heights: &[u16]) -> BTreeMap<i64, Redrawn> {
        let mut screens = BTreeMap::new();
        let mut drawn = BTreeMap::new();
        for (number, line) in (1..).zip(&self.lines) {
            let first = *block_of(number).start();
            let of_first = &self.lines[usize::try_from(first - 1).expect("it is small")];
            let start = if first > 1 && of_first.step == line.step { ScreenStart::Unknown } else { ScreenStart::Empty };
            let height = heights.get(usize::try_from(line.step).expect("not negative")).copied().unwrap_or(40);
            let screen = screens
                .entry((first, line.step, line.stream as usize))
                .or_insert_with(|| BlockScreen::new(height, start));
            screen.draw(number, &line.text, if line.ended { LineEnd::Complete } else { LineEnd::Open });
            drawn.extend(screen.take_changes());
        }
        drawn
    }

    /// Returns all lines in the form in which the server returns them: redrawn lines with their final content, and all
    /// other lines as printed.
    fn answer(&self, drawn: &BTreeMap<i64, Redrawn>) -> Vec<OutputLine> {
        let (mut messages, mut step) = ([MessageState::default(); 2], None);
        let mut answer = Vec::new();
        for (number, line) in (1..).zip(&self.lines) {
            if step != Some(line.step) {
                (messages, step) = ([MessageState::default(); 2], Some(line.step));
            }
            let printed = plain_text(&line.text);
            let mut level = messages[line.stream as usize].read(&printed, line.stream).level;
            let (mut text, mut shown, mut drawn_on) = (line.text.clone(), None, None);
            match drawn.get(&number) {
                Some(Redrawn::Rows(rows)) => {
                    text = format!("\x1b[m{}", rows.text);
                    if plain_text(&rows.text) != printed {
                        shown = Some(line.text.clone());
                        level = MessageState::default().read(&plain_text(&rows.text), line.stream).level;
                    }
                }
                Some(Redrawn::Overdrawn { on }) => {
                    (text, shown, drawn_on) = (String::new(), Some(line.text.clone()), Some(*on));
                }
                None => {}
            }
            answer.push(OutputLine {
                line: number,
                seq: Some(Seq(1)),
                stream: line.stream,
                stage: Stage::Execute,
                step_id: Some(line.step.to_string()),
                time: Timestamp(0),
                level,
                text,
                truncated: false,
                printed: shown,
                drawn_on,
                sections: Vec::new(),
            });
        }
        answer
    }

    /// Returns all lines as the page stores them after it has loaded them.
    fn loaded(&self, heights: &[u16]) -> Vec<LiveLine> {
        let load = |line: OutputLine| {
            let step = step_ref(line.step_id.as_ref().and_then(|id| id.parse().ok()).expect("it has a step"));
            LiveLine::loaded(1, line, step, Seq(1))
        };
        self.answer(&self.drawn(heights)).into_iter().map(load).collect()
    }

    /// Loads the beginnings of blocks that the page requests.
    fn answer_heads(&self, buffer: &mut Buffer) {
        for _ in 0..50 {
            let Some(part) = buffer.missing_head() else { return };
            let is_wanted = |line: &OutputLine| part.holds(LineKey { attempt: 1, number: line.line });
            buffer.load_head(part, self.answer(&BTreeMap::new()).into_iter().filter(is_wanted).collect());
        }
        panic!("the page requests lines endlessly: {:?}", buffer.missing_head());
    }
}

fn part_of_loaded(lines: &[LiveLine], part: LineRange) -> Vec<LiveLine> {
    lines.iter().filter(|line| part.holds(line.key)).cloned().collect()
}

/// The appearance of a line: its number, its rows, the line on whose rows it was drawn, and its level.
type Look = (i64, String, Option<i64>, Option<Level>);

fn looks<'a>(lines: impl IntoIterator<Item = &'a LiveLine>) -> Vec<Look> {
    let look = |line: &LiveLine| {
        let text = plain_text(line.shown_text()).trim_end().to_owned();
        (line.key.number, text, line.drawn_on(), line.has_rows().then_some(line.shown_level))
    };
    lines.into_iter().map(look).collect()
}

/// Checks that the lines in the window look the same as the lines that the server returns.
#[track_caller]
fn check_window(buffer: &Buffer, loaded: &[LiveLine], context: &str) {
    let whole = || buffer.lines().iter().filter(|line| line.whole);
    let keys: BTreeSet<LineKey> = whole().map(|line| line.key).collect();
    let expected = loaded.iter().filter(|line| keys.contains(&line.key));
    let (shown, expected) = (looks(whole()), looks(expected));
    if buffer.lines().front().is_some_and(|line| line.key.number == 1) {
        check_equal(&shown, &expected, context);
    } else {
        // A message may have begun before the window, so the levels of the first lines may differ.
        let without_levels = |looks: Vec<Look>| looks.into_iter().map(|(a, b, c, _)| (a, b, c)).collect::<Vec<_>>();
        check_equal(&without_levels(shown), &without_levels(expected), context);
    }
}

/// Checks that two lists are equal, and reports only the first difference.
#[track_caller]
fn check_equal<T: PartialEq + std::fmt::Debug>(shown: &[T], expected: &[T], context: &str) {
    let difference = shown.iter().zip(expected).find(|(shown, expected)| shown != expected);
    assert_eq!((difference, shown.len()), (None, expected.len()), "{context}");
}

/// Returns the seeds of a randomised test: `count` seeds, or the single seed that the environment specifies.
fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var("TAILWATER_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}

fn recordings() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/tests/recordings");
    let files =
        std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("it can be read").path());
    let logs = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.map(|path| std::fs::read_to_string(path).expect("it is text")).collect()
}

/// Generates text from random characters, many of which belong to escape sequences.
fn random_text(random: &mut Rng) -> String {
    let parts = [
        "\n",
        "\n",
        "\n",
        "\r",
        "\x1b[A",
        "\x1b[3A",
        "\x1b[B",
        "\x1b[K",
        "\x1b[2J",
        "\x1b[H",
        "\x1b7",
        "\x1b8",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[",
        "2",
        "A",
        "layer 1",
        "error: no",
        "warning: hm",
        "日",
        "\x1b[?1049h",
        "\x1b[?1049l",
        "\x1b[2;4r",
        "\x1b[J",
        "  at f (a.js:1:2)",
        "\x0b",
    ];
    (0..random.usize(1..40)).map(|_| parts[random.usize(..parts.len())]).collect()
}

/// Prints random text to two streams in one or more steps, beginning with the given number of ordinary lines.
fn random_log(random: &mut Rng, before: i64) -> (PrintedOutput, Vec<u16>) {
    let recordings = recordings();
    let mut printed = PrintedOutput::default();
    let mut heights = Vec::new();
    for step in 0..random.i32(1..4) {
        let height = random.bool().then(|| random.u16(1..60));
        heights.push(height.unwrap_or(40));
        printed.begin_step(step, height);
        let text = match random.u8(..4) {
            0 => recordings[random.usize(..recordings.len())].clone(),
            _ => (0..random.usize(1..6)).map(|_| random_text(random)).collect(),
        };
        if step == 0 && before > 0 {
            printed.print(step, StreamName::Stdout, &"x\n".repeat(usize::try_from(before).expect("it is small")));
        }
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(random.usize(first.len_utf8()..200)));
            printed.print(step, StreamName::Stdout, piece);
            if random.u8(..4) == 0 {
                printed.print(step, StreamName::Stderr, &random_text(random));
            }
            rest = after;
        }
        // A page that receives no cursor movement does not know whether the cursor was moved earlier. Each stream
        // therefore prints a cursor sequence at the end of the step.
        printed.print(step, StreamName::Stdout, "\x1b7");
        printed.print(step, StreamName::Stderr, "\x1b7");
    }
    printed.end_attempt();
    (printed, heights)
}

#[test]
fn live_lines_look_like_loaded_ones() {
    for seed in seeds(150) {
        let mut random = Rng::with_seed(seed);
        let (printed, heights) = random_log(&mut random, 0);
        let mut buffer = empty(UNLIMITED);
        buffer.append(printed.events.clone(), WhenFull::DropOldest);
        check_window(&buffer, &printed.loaded(&heights), &format!("TAILWATER_SEED={seed}"));
    }
}

#[test]
fn lines_look_the_same_wherever_the_window_begins() {
    for seed in seeds(150) {
        let mut random = Rng::with_seed(seed);
        let (printed, heights) = random_log(&mut random, 0);
        let from = random.usize(..printed.events.len());
        let (before, tail) = printed.events.split_at(from);
        let steps = before.iter().filter(|event| matches!(event.payload, Payload::Step(_))).cloned().collect();
        let end = printed.events.last().expect("there are events").seq;
        let mut buffer = if random.bool() {
            Buffer::new(steps, tail, end, UNLIMITED)
        } else {
            let (first, later) = tail.split_at(random.usize(1..=tail.len()));
            let mut buffer = Buffer::new(steps, first, first.last().expect("there is one").seq, UNLIMITED);
            if random.bool() {
                printed.answer_heads(&mut buffer);
            }
            buffer.append(later.to_vec(), WhenFull::DropOldest);
            buffer
        };
        buffer.note_lines(1, length(printed.lines.len()));
        printed.answer_heads(&mut buffer);
        let loaded = printed.loaded(&heights);
        check_window(&buffer, &loaded, &format!("TAILWATER_SEED={seed}, from event {from}"));
        while let Some(part) = buffer.part_before(random.i64(1..30)).filter(|_| buffer.has_earlier()) {
            buffer.load(part_of_loaded(&loaded, part), Growth::Finished);
        }
        check_window(&buffer, &loaded, &format!("TAILWATER_SEED={seed}, loaded, from event {from}"));
    }
}

#[test]
fn lines_look_the_same_at_the_boundary_of_two_blocks() {
    for seed in seeds(8) {
        let mut random = Rng::with_seed(seed);
        let before = BLOCK_LINES - random.i64(1..30);
        let (printed, heights) = random_log(&mut random, before);
        let mut buffer = empty(UNLIMITED);
        buffer.append(printed.events.clone(), WhenFull::DropOldest);
        check_window(&buffer, &printed.loaded(&heights), &format!("TAILWATER_SEED={seed}"));
    }
}

#[test]
fn a_line_that_is_loaded_with_an_older_content_is_updated() {
    let mut printed = PrintedOutput::default();
    printed.begin_step(0, None);
    printed.print(0, StreamName::Stdout, "one\ntwo\n");
    printed.print(0, StreamName::Stdout, "3\n4\n5\n");
    printed.print(0, StreamName::Stdout, "\x1b[5AONE\n");
    let (steps, tail) = (&printed.events[..1], &printed.events[2..]);
    let mut buffer = Buffer::new(steps.to_vec(), tail, Seq(4), UNLIMITED);
    printed.answer_heads(&mut buffer);
    let older = part_of_loaded(&printed.loaded(&[]), LineRange { attempt: 1, first: 1, count: 2 });
    assert_eq!(older[0].shown_text(), "\x1b[mONE");
    printed.print(0, StreamName::Stdout, "\x1b[AUno");
    buffer.append(printed.events[4..].to_vec(), WhenFull::DropOldest);
    buffer.load(older, Growth::Running);
    assert_eq!(buffer.lines()[0].shown_text(), "Uno");
}

#[test]
fn the_beginning_of_a_block_is_requested_only_if_the_cursor_is_moved() {
    let mut printed = PrintedOutput::default();
    printed.begin_step(0, None);
    printed.print(0, StreamName::Stdout, "1\n2\n");
    printed.print(0, StreamName::Stdout, "3\r\x1b[K\x1b[31m4\n");
    let mut buffer = Buffer::new(Vec::new(), &printed.events[2..], Seq(3), UNLIMITED);
    assert_eq!(buffer.missing_head(), None);
    printed.print(0, StreamName::Stdout, "\x1b[3AX");
    buffer.append(printed.events[3..].to_vec(), WhenFull::DropOldest);
    assert_eq!(buffer.missing_head(), Some(LineRange { attempt: 1, first: 1, count: 3 }));
    buffer.give_up_head();
    assert_eq!(buffer.missing_head(), None);
}
