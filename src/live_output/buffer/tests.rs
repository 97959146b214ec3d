use model::ansi;
use model::level::MessageState;
use model::{Level, OutputLine, Stage, StreamName, Timestamp};

use super::*;
use crate::live_output::line::Growth;
use crate::live_output::simulated::{Simulated, gap_event, lifecycle_event, log_event};

mod redraw;

const UNLIMITED: BufferLimits = BufferLimits { lines: usize::MAX / 20, bytes: usize::MAX / 20 };

fn empty(limits: BufferLimits) -> Buffer {
    Buffer::new(Vec::new(), &[], Seq::START, limits)
}

fn texts(buffer: &Buffer) -> Vec<(i64, String)> {
    buffer.lines().iter().map(|line| (line.key.number, line.text.clone())).collect()
}

/// Returns the level of each line in the window.
fn levels(buffer: &Buffer) -> Vec<&'static str> {
    buffer.lines().iter().map(|line| line.level.as_str()).collect()
}

/// Returns the lines of a range, as the server would return them.
fn part_of(lines: &[(i64, String)], part: LineRange) -> Vec<LiveLine> {
    let mut messages = MessageState::default();
    let levels = lines.iter().map(|(_, text)| messages.read(&ansi::plain_text(text), StreamName::Stdout).level);
    let levels: Vec<Level> = levels.collect();
    let wanted = lines.iter().zip(levels);
    let wanted = wanted.filter(|((number, _), _)| (part.first..part.first + part.count).contains(number));
    let line = |((number, text), level): (&(i64, String), Level)| {
        let line = OutputLine {
            line: *number,
            seq: Some(Seq(1)),
            stream: StreamName::Stdout,
            stage: Stage::Execute,
            step_id: Some("run".to_owned()),
            time: Timestamp(0),
            level,
            text: text.clone(),
            truncated: false,
            printed: None,
            drawn_on: None,
            sections: Vec::new(),
        };
        LiveLine::loaded(part.attempt, line, StepRef { stage: Stage::Execute, index: 0 }, Seq(1))
    };
    wanted.map(line).collect()
}

fn load_earlier(buffer: &mut Buffer, lines: &[(i64, String)], count: i64) -> bool {
    let Some(part) = buffer.part_before(count).filter(|_| buffer.has_earlier()) else { return false };
    buffer.load(part_of(lines, part), Growth::Finished);
    true
}

fn load_later(buffer: &mut Buffer, lines: &[(i64, String)], count: i64) -> bool {
    let Some(part) = buffer.part_after(count) else { return false };
    buffer.load(part_of(lines, part), Growth::Finished);
    true
}

#[test]
fn loading_completes_a_shortened_first_paint() {
    for seed in 1..300 {
        let simulated = Simulated::new(seed);
        for bytes in [1, 40, 300] {
            let mut tail = simulated.events.clone();
            crate::server::pages::tail::shorten(&mut tail, bytes);
            let mut buffer =
                Buffer::new(Vec::new(), &tail, simulated.events.last().expect("there are events").seq, UNLIMITED);
            check_unbroken(&buffer, seed);
            for line in buffer.lines().iter().filter(|line| line.whole) {
                let (_, text) = &simulated.lines[usize::try_from(line.key.number - 1).expect("lines count from 1")];
                assert_eq!(&line.text, text, "seed {seed}, {bytes} bytes");
            }
            buffer.note_lines(1, i64::try_from(simulated.lines.len()).expect("the number is small"));
            while load_earlier(&mut buffer, &simulated.lines, 7) || load_later(&mut buffer, &simulated.lines, 7) {}
            assert_eq!(texts(&buffer), simulated.lines, "seed {seed}, {bytes} bytes");
        }
    }
}

/// Checks that the window is a contiguous range.
fn check_unbroken(buffer: &Buffer, seed: u64) {
    let numbers: Vec<i64> = buffer.lines().iter().map(|line| line.key.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "seed {seed}: {numbers:?}");
}

#[test]
fn randomly_split_streams_yield_the_printed_lines() {
    for seed in 1..300 {
        let simulated = Simulated::new(seed);
        let mut buffer = empty(UNLIMITED);
        buffer.append(simulated.events.clone(), WhenFull::DropOldest);
        assert_eq!(texts(&buffer), simulated.lines, "seed {seed}");
        assert_eq!(
            buffer.totals().lines(),
            i64::try_from(simulated.lines.len()).expect("the number is small"),
            "seed {seed}"
        );
        assert_eq!(buffer.totals().bytes(), simulated.bytes, "seed {seed}");
    }
}

#[test]
fn loading_backwards_from_the_end_yields_the_printed_lines() {
    for seed in 1..300 {
        let simulated = Simulated::new(seed);
        let events = &simulated.events;
        let tail = usize::try_from(seed).expect("the number is small") % events.len();
        let end = events.last().map_or(Seq::START, |event| event.seq);
        let mut buffer = Buffer::new(Vec::new(), &events[events.len() - tail..], end, UNLIMITED);
        buffer.note_lines(1, i64::try_from(simulated.lines.len()).expect("the number is small"));
        check_unbroken(&buffer, seed);
        while load_earlier(&mut buffer, &simulated.lines, 3) {
            check_unbroken(&buffer, seed);
        }
        while load_later(&mut buffer, &simulated.lines, 3) {
            check_unbroken(&buffer, seed);
        }
        assert_eq!(texts(&buffer), simulated.lines, "seed {seed}");
    }
}

#[test]
fn a_repeated_event_is_ignored() {
    let simulated = Simulated::new(7);
    let mut buffer = empty(UNLIMITED);
    buffer.append(simulated.events.clone(), WhenFull::DropOldest);
    buffer.append(simulated.events.clone(), WhenFull::DropOldest);
    assert_eq!(texts(&buffer), simulated.lines);
    let part = LineRange { attempt: 1, first: 1, count: 1000 };
    buffer.load(part_of(&simulated.lines, part), Growth::Finished);
    assert_eq!(texts(&buffer), simulated.lines, "a repeated line is ignored too");
}

#[test]
fn the_window_is_bounded_and_contains_only_printed_lines() {
    let limits = BufferLimits { lines: 20, bytes: 400 };
    for seed in 1..200 {
        let simulated = Simulated::new(seed);
        let mut buffer = empty(limits);
        for event in simulated.events.clone() {
            buffer.append(vec![event], WhenFull::DropOldest);
            assert!(buffer.lines().len() <= limits.lines, "seed {seed}");
        }
        let held: usize = buffer.lines().iter().map(|line| line.text.len()).sum();
        assert_eq!(held, buffer.lines.bytes(), "seed {seed}");
        assert!(held <= limits.bytes, "seed {seed}");
        let last = simulated.lines.last().cloned();
        assert_eq!(texts(&buffer).last().cloned(), last, "the newest line is in the window, seed {seed}");
        assert!(texts(&buffer).iter().all(|line| simulated.lines.contains(line)), "seed {seed}");
        let before = i64::try_from(simulated.lines.len() - buffer.lines().len()).expect("the number is small");
        assert_eq!(buffer.lines_before(), before, "lines before the window are counted, seed {seed}");
    }
}

#[test]
fn scrolling_to_the_beginning_and_back_loads_every_line_completely() {
    let limits = BufferLimits { lines: 20, bytes: 100_000 };
    for seed in 1..200 {
        let simulated = Simulated::new(seed);
        let mut buffer = empty(limits);
        buffer.append(simulated.events.clone(), WhenFull::DropOldest);
        let mut seen = std::collections::BTreeMap::new();
        let mut look = |buffer: &Buffer| {
            check_unbroken(buffer, seed);
            for line in buffer.lines() {
                seen.insert(line.key.number, line.text.clone());
            }
        };
        look(&buffer);
        while load_earlier(&mut buffer, &simulated.lines, 5) {
            look(&buffer);
        }
        assert_eq!(buffer.lines_before(), 0, "seed {seed}");
        while load_later(&mut buffer, &simulated.lines, 5) {
            look(&buffer);
        }
        assert_eq!(buffer.lines_after(), 0, "seed {seed}");
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), simulated.lines, "seed {seed}");
    }
}

#[test]
fn a_loaded_range_that_does_not_touch_the_window_replaces_it() {
    let lines: Vec<(i64, String)> = (1..=1000).map(|number| (number, format!("line {number}"))).collect();
    let mut buffer = empty(UNLIMITED);
    buffer.append(vec![log_event(Seq(1), 990, "line 990\nline 991\n")], WhenFull::DropOldest);
    buffer.note_lines(1, 1000);
    buffer.load(part_of(&lines, LineRange { attempt: 1, first: 400, count: 10 }), Growth::Finished);
    assert_eq!((texts(&buffer).len(), texts(&buffer)[0].0), (10, 400));
    assert_eq!((buffer.lines_before(), buffer.lines_after(), buffer.is_attached()), (399, 591, false));
    assert_eq!(buffer.part_before(5), Some(LineRange { attempt: 1, first: 395, count: 5 }));
    assert_eq!(buffer.part_after(5), Some(LineRange { attempt: 1, first: 410, count: 5 }));
}

#[test]
fn the_lines_of_consecutive_attempts_are_adjacent() {
    let mut buffer = empty(UNLIMITED);
    buffer.note_lines(1, 7);
    let mut event = log_event(Seq(1), 1, "again\n");
    if let Payload::Log(payload) = &mut event.payload {
        payload.attempt = 2;
    }
    buffer.append(vec![event], WhenFull::DropOldest);
    assert_eq!(buffer.lines_before(), 7);
    assert_eq!(buffer.part_before(5), Some(LineRange { attempt: 1, first: 3, count: 5 }));
}

#[test]
fn a_new_window_starts_after_a_gap_whose_lines_can_be_loaded() {
    let lines: Vec<(i64, String)> = (1..=60).map(|number| (number, format!("line {number}"))).collect();
    let mut buffer = empty(UNLIMITED);
    let events = vec![
        log_event(Seq(1), 1, "line 1\nline 2\n"),
        gap_event(Seq(2), (14, 1_000), (3, 50)),
        log_event(Seq(3), 53, "line 53\nline 54\n"),
    ];
    buffer.append(events.clone(), WhenFull::DropOldest);
    assert_eq!(texts(&buffer).iter().map(|line| line.0).collect::<Vec<_>>(), [53, 54]);
    assert_eq!((buffer.lines_before(), buffer.totals().lines()), (52, 54));
    assert_eq!(buffer.gap_of(LineKey { attempt: 1, number: 20 }), Some(Seq(2)));
    assert_eq!(buffer.gap_of(LineKey { attempt: 1, number: 53 }), None);
    while load_earlier(&mut buffer, &lines[..54], 20) {}
    assert_eq!(texts(&buffer), lines[..54]);
    // If the reader is looking at the lines before a gap, the gap does not change the window.
    let mut buffer = empty(UNLIMITED);
    buffer.append(events, WhenFull::Detach);
    assert_eq!((texts(&buffer).len(), buffer.lines_after(), buffer.is_attached()), (2, 52, false));
}

#[test]
fn new_output_is_only_counted_while_the_reader_looks_at_a_full_window() {
    let mut buffer = empty(BufferLimits { lines: 3, bytes: 1000 });
    for line in 1..=3 {
        buffer.append(vec![log_event(Seq(line), line, "x\n")], WhenFull::Detach);
    }
    buffer.append(vec![log_event(Seq(4), 4, "y\n"), lifecycle_event(Seq(5), Level::Info)], WhenFull::Detach);
    assert_eq!(texts(&buffer).len(), 3);
    assert_eq!((buffer.is_attached(), buffer.end(), buffer.totals().lines()), (false, Seq(5), 4));
    assert_eq!((buffer.lines_after(), buffer.lifecycle_events().len()), (1, 1));
    buffer.jump(&[log_event(Seq(4), 4, "y\n"), lifecycle_event(Seq(5), Level::Info)], Seq(5));
    assert_eq!(texts(&buffer), [(4, "y".to_owned())]);
    assert_eq!((buffer.is_attached(), buffer.lines_after(), buffer.lines_before()), (true, 0, 3));
}

#[test]
fn all_lifecycle_events_stay_in_memory_and_do_not_count_as_missing_output() {
    let lifecycle_events = vec![lifecycle_event(Seq(1), Level::Info), lifecycle_event(Seq(2), Level::Info)];
    let buffer = Buffer::new(lifecycle_events, &[log_event(Seq(3), 1, "x\n")], Seq(3), UNLIMITED);
    assert!(buffer.has_earlier(), "it is unknown whether the line begins there");
    assert_eq!((buffer.lines_before(), buffer.lifecycle_events().len()), (0, 2));
}

#[test]
fn a_colour_continues_on_the_next_line_of_its_stream_even_if_its_beginning_is_loaded_later() {
    let events = [log_event(Seq(1), 1, "\x1b[31mred\n"), log_event(Seq(2), 2, "still\nand here\x1b[0m\nnot\n")];
    let styles = |buffer: &Buffer| buffer.lines().iter().map(|line| line.style.classes()).collect::<Vec<_>>();
    let mut live = empty(UNLIMITED);
    live.append(events.to_vec(), WhenFull::DropOldest);
    assert_eq!(styles(&live), ["", "fg1", "fg1", ""]);
    let mut loaded = Buffer::new(Vec::new(), &events[1..], Seq(2), UNLIMITED);
    assert_eq!(styles(&loaded), ["", "", ""]);
    let lines = [(1, "\x1b[31mred".to_owned()), (2, "still".to_owned())];
    assert!(load_earlier(&mut loaded, &lines, 10));
    assert_eq!(styles(&loaded), ["", "fg1", "fg1", ""]);
}

/// Adds ASCII text in events of the given size in bytes.
fn append_in_pieces(buffer: &mut Buffer, text: &str, size: usize) {
    let (mut seq, mut line, mut rest) = (0, 1, text);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        seq += 1;
        buffer.append(vec![log_event(Seq(seq), line, piece)], WhenFull::DropOldest);
        line += i64::try_from(piece.matches('\n').count()).expect("it is small");
        rest = after;
    }
}

const TRACEBACK: [&str; 6] = [
    "starting",
    "Traceback (most recent call last):",
    "  File \"a.py\", line 3, in f",
    "    return int(text)",
    "ValueError: bad",
    "    indented",
];

fn numbered(texts: &[&str]) -> Vec<(i64, String)> {
    (1..).zip(texts).map(|(number, text)| (number, (*text).to_owned())).collect()
}

#[test]
fn lines_that_arrive_in_any_pieces_have_the_level_of_their_message() {
    let text = TRACEBACK.map(|line| format!("{line}\n")).concat();
    for size in [1, 7, 40, 1000] {
        let mut buffer = empty(UNLIMITED);
        append_in_pieces(&mut buffer, &text, size);
        assert_eq!(levels(&buffer), ["info", "error", "error", "error", "error", "info"], "{size} bytes at a time");
    }
}

#[test]
fn lines_of_the_other_stream_do_not_end_a_message() {
    let event = |seq, line, stream, text| {
        let mut event = log_event(Seq(seq), line, text);
        if let Payload::Log(payload) = &mut event.payload {
            payload.stream = stream;
        }
        event
    };
    let mut buffer = empty(UNLIMITED);
    let events = vec![
        event(1, 1, StreamName::Stderr, "Traceback (most recent call last):\n"),
        event(2, 2, StreamName::Stdout, "    ordinary\n"),
        event(3, 3, StreamName::Stderr, "    f()\n"),
    ];
    buffer.append(events, WhenFull::DropOldest);
    assert_eq!(levels(&buffer), ["error", "info", "error"]);
}

#[test]
fn live_lines_after_loaded_ones_continue_their_message() {
    let lines = numbered(&TRACEBACK);
    let mut buffer = Buffer::new(
        Vec::new(),
        &[log_event(Seq(9), 4, "    return int(text)\nKeyError\n    indented\n")],
        Seq(9),
        UNLIMITED,
    );
    assert_eq!(levels(&buffer), ["info"; 3], "the beginning of the message is not in the window");
    assert!(load_earlier(&mut buffer, &lines, 2));
    assert_eq!(buffer.lines().front().map(|line| line.key.number), Some(2));
    assert_eq!(levels(&buffer), ["error", "error", "error", "error", "info"]);
}

#[test]
fn loaded_lines_have_their_levels_without_the_beginning_of_their_message() {
    let lines = numbered(&TRACEBACK);
    let mut buffer = empty(UNLIMITED);
    buffer.note_lines(1, 6);
    buffer.load(part_of(&lines, LineRange { attempt: 1, first: 3, count: 2 }), Growth::Finished);
    assert_eq!(levels(&buffer), ["error", "error"]);
}

#[test]
fn lines_keep_their_levels_when_the_beginning_of_their_message_is_dropped() {
    let texts = [&["Traceback (most recent call last):"][..], &["    f()"; 14]].concat();
    let mut buffer = empty(BufferLimits { lines: 10, bytes: 1000 });
    buffer.note_lines(1, 15);
    buffer.append(vec![log_event(Seq(1), 1, &(texts[..13].join("\n") + "\n"))], WhenFull::DropOldest);
    assert_eq!((buffer.lines()[0].key.number, levels(&buffer)), (5, vec!["error"; 9]));
    assert!(load_later(&mut buffer, &numbered(&texts), 1));
    assert_eq!(levels(&buffer), ["error"; 10]);
}

#[test]
fn a_range_with_the_greatest_numbers_contains_only_its_lines() {
    let range = LineRange { attempt: 1, first: i64::MAX - 250, count: 500 };
    for (number, expected) in [(i64::MAX, true), (i64::MAX - 250, true), (i64::MAX - 251, false), (1, false)] {
        assert_eq!(range.holds(LineKey { attempt: 1, number }), expected, "{number}");
    }
}
