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

fn built(parts: &[&str]) -> Line {
    let mut scanner = Scanner::default();
    let mut line = Line::new(LineKey { attempt: 1, number: 1 }, &payload(1, None), Seq(1), scanner.style());
    for part in parts {
        line.push(part, Seq(1), &mut scanner);
    }
    line
}

fn cut(text: &str, line: i64, segments: Option<Vec<Segment>>) -> Vec<(i64, String, bool)> {
    pieces(text, &payload(line, segments))
        .into_iter()
        .map(|piece| (piece.number, piece.text.to_owned(), piece.ended))
        .collect()
}

#[test]
fn a_chunk_without_segments_is_cut_at_its_newlines() {
    assert_eq!(cut("a\n\nb", 7, None), [(7, "a".into(), true), (8, String::new(), true), (9, "b".into(), false)]);
    assert_eq!(cut("a\n", 7, None), [(7, "a".into(), true)]);
    assert_eq!(cut("", 7, None), []);
}

#[test]
fn each_segment_begins_at_its_own_line() {
    let segments = vec![Segment(0, 4, 1), Segment(9, 2, 4), Segment(20, 1, 8)];
    assert_eq!(
        cut("a\nb\nc\nd", 1, Some(segments)),
        [(1, "a".into(), true), (2, "b".into(), true), (4, "c".into(), true), (8, "d".into(), false)]
    );
}

#[test]
fn segments_are_found_although_stand_ins_take_more_room_than_the_bytes_they_stand_for() {
    // Each U+FFFD stood for one byte: 3 bytes and 3 bytes were 7 and 7 in the text.
    let segments = vec![Segment(0, 3, 1), Segment(9, 3, 5)];
    assert_eq!(
        cut("\u{fffd}\u{fffd}\n\u{fffd}x\n", 1, Some(segments)),
        [(1, "\u{fffd}\u{fffd}".into(), true), (5, "\u{fffd}x".into(), true)]
    );
}

#[test]
fn segments_that_contradict_the_text_lose_nothing_of_it() {
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
fn a_carriage_return_rewrites_its_line() {
    assert_eq!(built(&["10%\r20%\r30%"]).text, "30%");
    assert_eq!(built(&["10%\r", "20%\r"]).text, "20%", "what follows rewrites it, not the return itself");
    assert_eq!(built(&["windows\r"]).text, "windows");
    assert_eq!(built(&["a\r\r\rb"]).text, "b");
}

#[test]
fn a_colour_set_before_a_carriage_return_goes_on_after_it() {
    assert_eq!(built(&["\x1b[31mred\rstill"]).style.classes(), "fg1");
    assert_eq!(built(&["\x1b[31mred\x1b[0m\rnot"]).style.classes(), "");
}

#[test]
fn a_line_that_never_ends_is_kept_up_to_its_bound_and_says_what_is_missing() {
    let mut line = built(&["x"]);
    let mut scanner = Scanner::default();
    for _ in 0..100 {
        line.push(&"日".repeat(1000), Seq(2), &mut scanner);
    }
    assert!(line.text.len() <= MAX_LINE_BYTES);
    assert_eq!(line.text.len() + line.cut as usize, 300_001);
    line.push("\rnew", Seq(3), &mut scanner);
    assert_eq!((line.text.as_str(), line.cut), ("new", 0));
}

#[test]
fn every_change_is_a_new_revision_and_widens_the_span_of_events() {
    let mut line = built(&["a"]);
    let before = line.revision;
    line.push("b", Seq(9), &mut Scanner::default());
    assert_ne!(line.revision, before);
    assert_eq!((line.first_seq, line.last_seq), (Seq(1), Seq(9)));
}

#[test]
fn a_beginning_that_is_loaded_later_is_put_in_front_unless_it_was_rewritten() {
    let mut line = built(&["tail"]);
    line.prepend(built(&["head "]));
    assert_eq!(line.text, "head tail");
    let mut rewritten = built(&["50%\r60%"]);
    rewritten.prepend(built(&["40%"]));
    assert_eq!(rewritten.text, "60%");
    let mut fresh = built(&["60%"]);
    fresh.prepend(built(&["40%\r"]));
    assert_eq!(fresh.text, "60%");
}
