use model::{Segment, Stage};

use super::*;

fn payload(line: i64, segments: Option<Vec<Segment>>) -> LogPayload {
    LogPayload {
        stream: StreamName::Stdout,
        stage: Stage::Execute,
        step_id: "run".to_owned(),
        step_index: 0,
        attempt: 1,
        offset: 0,
        bytes: 0,
        line,
        time: Timestamp(0),
        partial: false,
        segments,
    }
}

fn built(parts: &[&str]) -> LiveLine {
    let mut scanner = Scanner::default();
    let mut line = LiveLine::new(LineKey { attempt: 1, number: 1 }, &payload(1, None), Seq(1), scanner.style());
    for part in parts {
        line.push(&LinePiece { number: 1, text: part, ended: false }, Seq(1), &mut scanner);
    }
    line
}

fn shown(parts: &[&str]) -> String {
    ansi::plain_text(&built(parts).text).into_owned()
}

fn cut(text: &str, line: i64, segments: Option<Vec<Segment>>) -> Vec<(i64, String, bool)> {
    pieces(text, &payload(line, segments))
        .into_iter()
        .map(|piece| (piece.number, piece.text.to_owned(), piece.ended))
        .collect()
}

#[test]
fn a_chunk_without_segments_is_split_at_its_newlines() {
    assert_eq!(cut("a\n\nb", 7, None), [(7, "a".into(), true), (8, String::new(), true), (9, "b".into(), false)]);
    assert_eq!(cut("a\n", 7, None), [(7, "a".into(), true)]);
    assert_eq!(cut("", 7, None), []);
}

#[test]
fn each_segment_begins_at_its_own_line_number() {
    let segments = vec![Segment(0, 4, 1), Segment(9, 2, 4), Segment(20, 1, 8)];
    assert_eq!(
        cut("a\nb\nc\nd", 1, Some(segments)),
        [(1, "a".into(), true), (2, "b".into(), true), (4, "c".into(), true), (8, "d".into(), false)]
    );
}

#[test]
fn segments_are_located_even_if_replacement_characters_make_the_text_longer() {
    // Each U+FFFD replaces one byte of output, and takes up three bytes in the text. Both segments have 3 bytes in
    // `output.log`, but 7 and 5 bytes in the text.
    let segments = vec![Segment(0, 3, 1), Segment(9, 3, 5)];
    assert_eq!(
        cut("\u{fffd}\u{fffd}\n\u{fffd}x\n", 1, Some(segments)),
        [(1, "\u{fffd}\u{fffd}".into(), true), (5, "\u{fffd}x".into(), true)]
    );
}

#[test]
fn no_text_is_lost_if_the_segments_contradict_it() {
    for segments in [
        vec![Segment(0, 100, 1), Segment(100, 100, 50)],
        vec![Segment(0, 0, 1), Segment(0, 0, 2)],
        vec![Segment(0, -5, 1), Segment(0, i64::MAX / 4, 2)],
        vec![Segment(0, 1, 1), Segment(0, 1, 2)],
    ] {
        let text = "日本\u{fffd}語\nende";
        let all: String = pieces(text, &payload(1, Some(segments.clone()))).iter().map(|piece| piece.text).collect();
        assert_eq!(all, text.replace('\n', ""), "{segments:?}");
    }
}

#[test]
fn text_after_a_carriage_return_overwrites_the_line() {
    assert_eq!(shown(&["10%\r20%\r30%"]), "30%");
    assert_eq!(shown(&["10%\r", "20%\r"]), "20%", "the text after the carriage return overwrites the line");
    assert_eq!(shown(&["windows\r"]), "windows");
    assert_eq!(shown(&["a\r\r\rb"]), "b");
    assert_eq!(shown(&["100%\r", "5", "0"]), "500%");
    assert_eq!(shown(&["abc\x1b[", "3DX", "\x1b[C\x1b[", "K"]), "Xb", "a sequence may be split");
}

#[test]
fn a_colour_set_before_a_carriage_return_continues_after_it() {
    let classes = |text: &str| ansi::spans(&built(&[text]).text, Style::default())[0].style.classes();
    assert_eq!(classes("\x1b[31mred\rstill"), "fg1");
    assert_eq!(classes("\x1b[31mred\x1b[0m\rnot"), "");
}

fn piece(text: &str) -> LinePiece<'_> {
    LinePiece { number: 1, text, ended: false }
}

fn loaded(text: &str, truncated: bool) -> LiveLine {
    let line = OutputLine {
        line: 1,
        seq: Some(Seq(1)),
        stream: StreamName::Stdout,
        stage: Stage::Execute,
        step_id: Some("run".to_owned()),
        time: Timestamp(0),
        level: Level::Info,
        text: text.to_owned(),
        truncated,
        printed: None,
        drawn_on: None,
        sections: Vec::new(),
    };
    LiveLine::loaded(1, line, StepRef { stage: Stage::Execute, index: 0 }, Seq(1))
}

#[test]
fn an_endless_line_is_truncated_at_the_limit_and_flagged() {
    let mut line = built(&["x"]);
    let mut scanner = Scanner::default();
    for _ in 0..100 {
        line.push(&piece(&"日".repeat(1000)), Seq(2), &mut scanner);
    }
    assert!((MAX_LINE_BYTES - 3..=MAX_LINE_BYTES + 50).contains(&line.text.len()));
    assert!(line.cut);
    let before = ansi::plain_text(&line.text).into_owned();
    line.push(&piece("more"), Seq(2), &mut scanner);
    assert_eq!(ansi::plain_text(&line.text), before, "nothing is appended after truncated text");
    line.push(&piece("\rnews"), Seq(3), &mut scanner);
    let text = ansi::plain_text(&line.text).into_owned();
    assert!(text.starts_with("news 日日") && line.cut, "the part that is not overwritten remains");
    line.push(&piece("\r\x1b[Knew"), Seq(4), &mut scanner);
    assert_eq!((line.text.as_str(), line.cut), ("new", false));
}

#[test]
fn every_change_increments_the_revision() {
    let mut line = built(&["a"]);
    let before = line.revision;
    line.push(&piece("b"), Seq(9), &mut Scanner::default());
    assert_ne!(line.revision, before);
    assert_eq!((line.text.as_str(), line.first_seq), ("ab", Seq(1)));
}

#[test]
fn an_ended_line_does_not_grow() {
    let mut line = built(&[]);
    line.push(&LinePiece { number: 1, text: "a", ended: true }, Seq(1), &mut Scanner::default());
    line.push(&piece("b"), Seq(2), &mut Scanner::default());
    assert_eq!(line.text, "a");
}

#[test]
fn a_loaded_line_equals_a_streamed_one() {
    let (live, loaded) = (built(&["\x1b[31m10%\r20% err"]), loaded("\x1b[31m10%\r20% err", false));
    assert_eq!((&loaded.text, loaded.level, loaded.cells, loaded.cut), (&live.text, live.level, live.cells, false));
    assert_eq!(loaded.style, live.style);
}

#[test]
fn a_line_without_its_beginning_is_replaced_by_the_loaded_line_after_it_has_ended() {
    let mut line = built(&[]);
    line.whole = false;
    line.push(&LinePiece { number: 1, text: "tail", ended: true }, Seq(2), &mut Scanner::default());
    line.complete(loaded("head and tail", true), Growth::Running);
    assert_eq!((line.text.as_str(), line.whole, line.cut), ("head and tail", true, true));
    let mut growing = built(&["tail"]);
    growing.whole = false;
    growing.complete(loaded("head and tail", false), Growth::Running);
    assert_eq!(growing.text, "tail", "the loaded text may contain pieces that have yet to arrive");
    growing.whole = false;
    growing.complete(loaded("head and tail", false), Growth::Finished);
    assert_eq!(growing.text, "head and tail");
}
