use model::{Level, LinesPage, SearchHit, SearchPage, Timestamp};
use serde_json::json;

use super::*;
use crate::live_output::buffer::{BufferLimits, LineRange};
use crate::live_output::display::{LineTime, LineTimes, LongLines};
use crate::live_output::filter::OutputFilter;
use crate::live_output::layout::{LIFECYCLE_HEIGHT, ROW_HEIGHT};
use crate::live_output::simulated::{event, lifecycle_event, log_event, output_line};

const HEIGHT: u32 = 400;

fn lines(range: std::ops::RangeInclusive<i64>) -> Vec<Event> {
    range.map(|number| log_event(Seq(number), number, &format!("line {number}\n"))).collect()
}

fn panel_with(count: i64, limits: BufferLimits) -> Panel {
    let mut panel = Panel::new(Buffer::new(Vec::new(), &[], Seq::START, limits));
    panel.resize(80, HEIGHT);
    panel.append(lines(1..=count));
    panel
}

fn panel(count: i64) -> Panel {
    panel_with(count, BufferLimits::default())
}

fn top_line(panel: &Panel) -> i64 {
    let frame = panel.frame();
    let mut top = frame.above;
    for row in &frame.rows {
        let height = match row {
            RowView::Line { line, .. } => line.rows(80) * ROW_HEIGHT,
            RowView::Space(space) => space.height,
            RowView::LifecycleEvent { .. } => LIFECYCLE_HEIGHT,
        };
        if top + height > frame.scroll_to {
            return if let RowView::Line { line, .. } = row { line.key.number } else { -1 };
        }
        top += height;
    }
    -1
}

#[test]
fn the_drawn_rows_cover_the_panel_and_little_more() {
    let panel = panel(10_000);
    let frame = panel.frame();
    assert_eq!(frame.scroll_to, 10_000 * ROW_HEIGHT - HEIGHT);
    assert!(frame.rows.len() < 120, "{}", frame.rows.len());
    let drawn = u32::try_from(frame.rows.len()).expect("the number is small") * ROW_HEIGHT;
    assert_eq!(frame.above + drawn + frame.below, 10_000 * ROW_HEIGHT);
}

#[test]
fn the_list_stays_at_its_end_while_following() {
    let mut panel = panel(100);
    panel.append(lines(101..=200));
    assert_eq!((panel.frame().scroll_to, panel.frame().unseen), (200 * ROW_HEIGHT - HEIGHT, 0));
}

#[test]
fn new_lines_move_nothing_and_are_counted_while_paused() {
    let mut panel = panel(100);
    panel.pause(1000);
    panel.append(lines(101..=137));
    assert_eq!((panel.frame().scroll_to, panel.frame().unseen), (1000, 37));
    panel.follow();
    assert_eq!((panel.frame().scroll_to, panel.frame().unseen), (137 * ROW_HEIGHT - HEIGHT, 0));
}

/// Returns the page that the server would return for a range.
fn page(part: LineRange, total: i64) -> LinesPage {
    let line = |number| output_line(number, &format!("line {number}"), Level::Info);
    let last = (part.first + part.count - 1).min(total);
    LinesPage { items: (part.first..=last).map(line).collect(), total_lines: total, complete: true }
}

/// Returns a panel whose window contains the last 500 lines.
fn panel_at_the_end_of(total: i64) -> Panel {
    let tail: Vec<Event> = lines(total - 499..=total);
    let mut panel = Panel::new(Buffer::new(Vec::new(), &tail, Seq(total), BufferLimits::default()));
    panel.resize(80, HEIGHT);
    panel
}

/// Loads the requested ranges until no more are requested. Returns the number of loaded ranges.
fn load_all(panel: &mut Panel, total: i64) -> usize {
    for loads in 0..100 {
        let Some(LineRequest::Lines(part)) = panel.frame().wanted else { return loads };
        panel.load(part, page(part, total));
    }
    panic!("the panel requests lines endlessly: {:?}", panel.frame().wanted);
}

#[test]
fn loading_earlier_lines_does_not_move_the_visible_line() {
    let mut panel = panel_at_the_end_of(1000);
    let space = 500 * ROW_HEIGHT;
    panel.pause(space + 7);
    assert_eq!(top_line(&panel), 501);
    assert_eq!(panel.frame().wanted, Some(LineRequest::Lines(LineRange { attempt: 1, first: 1, count: 501 })));
    assert_eq!(load_all(&mut panel, 1000), 1);
    assert_eq!((top_line(&panel), panel.frame().scroll_to), (501, space + 7));
}

#[test]
fn lines_are_loaded_before_the_reader_scrolls_to_them() {
    let mut panel = panel_at_the_end_of(1000);
    let space = 500 * ROW_HEIGHT;
    panel.pause(space + AHEAD + 100);
    assert_eq!(panel.frame().wanted, None);
    panel.scrolled(space + AHEAD - 100);
    assert_eq!(panel.frame().wanted, Some(LineRequest::Lines(LineRange { attempt: 1, first: 1, count: 501 })));
    panel.follow();
    assert_eq!(panel.frame().wanted, None);
}

#[test]
fn lines_outside_the_window_occupy_their_later_height() {
    let panel = panel_at_the_end_of(100_000);
    assert_eq!(panel.layout.height(), 100_000 * ROW_HEIGHT);
}

#[test]
fn scrolling_to_any_position_loads_its_lines() {
    for (total, line) in [(100_000, 1), (100_000, 40_000), (100_000, 98_000), (5_000, 2_500)] {
        let mut panel = panel_at_the_end_of(total);
        panel.pause(0);
        panel.scrolled(u32::try_from(line - 1).expect("the number is small") * ROW_HEIGHT);
        assert!(load_all(&mut panel, total) <= 2);
        assert_eq!(top_line(&panel), line, "of {total}");
    }
}

#[test]
fn a_million_lines_fit_into_the_maximum_scroll_height() {
    let mut panel = panel_at_the_end_of(1_000_000);
    let height = panel.layout.height();
    assert!(height < 9_000_000, "{height}");
    panel.pause(0);
    panel.scrolled(height / 2);
    assert!(load_all(&mut panel, 1_000_000) <= 2);
    let line = top_line(&panel);
    assert!((495_000..505_000).contains(&line), "line {line} is in the middle");
    panel.scrolled(0);
    load_all(&mut panel, 1_000_000);
    assert_eq!(top_line(&panel), 1);
}

#[test]
fn scrolling_down_from_the_beginning_shows_every_line() {
    let mut panel = panel_at_the_end_of(5_000);
    panel.pause(0);
    panel.scrolled(0);
    load_all(&mut panel, 5_000);
    let mut last = 1;
    for _ in 0..1_000 {
        let top = panel.frame().scroll_to;
        panel.scrolled(top + 300);
        load_all(&mut panel, 5_000);
        let line = top_line(&panel);
        assert!((last..=last + 16).contains(&line), "line {line} follows line {last}");
        last = line;
    }
    assert_eq!(last, 5_000 - i64::from(HEIGHT / ROW_HEIGHT) + 1);
}

#[test]
fn a_requested_line_is_scrolled_to_and_marked_wherever_it_is() {
    for number in [1, 400, 70_000, 99_990] {
        let mut panel = panel_at_the_end_of(100_000);
        panel.go_to(LineKey { attempt: 1, number });
        load_all(&mut panel, 100_000);
        let frame = panel.frame();
        let marked =
            |row: &&RowView| matches!(row, RowView::Line { line, marked: true, .. } if line.key.number == number);
        assert_eq!(frame.rows.iter().filter(marked).count(), 1, "line {number}");
        let top = top_line(&panel);
        assert!((top..top + i64::from(HEIGHT / ROW_HEIGHT)).contains(&number), "line {number} is on screen at {top}");
        assert!(!panel.follows());
    }
}

#[test]
fn seeking_a_line_that_does_not_exist_ends() {
    let mut panel = panel_at_the_end_of(1_000);
    panel.go_to(LineKey { attempt: 1, number: 5_000 });
    assert!(load_all(&mut panel, 1_000) <= 2);
}

#[test]
fn a_full_window_does_not_move_the_visible_line() {
    let mut panel = panel_with(100, BufferLimits { lines: 100, bytes: 100_000 });
    panel.pause(40 * ROW_HEIGHT);
    assert_eq!(top_line(&panel), 41);
    panel.append(lines(101..=500));
    assert_eq!((top_line(&panel), panel.frame().unseen), (41, 400));
    assert!(panel.follow(), "the end has to be loaded");
    panel.jump(&lines(401..=500), Seq(500));
    assert_eq!(panel.frame().scroll_to, panel.layout.height() - HEIGHT);
    assert!(panel.follows());
}

#[test]
fn changing_the_filter_preserves_the_scroll_position_if_possible() {
    let mut panel = panel(1000);
    panel.append(vec![lifecycle_event(Seq(1001), Level::Info)]);
    panel.pause(500 * ROW_HEIGHT);
    assert_eq!(top_line(&panel), 501);
    panel.set_filter(RowFilter { kind: OutputFilter::Stages, ..RowFilter::default() });
    assert_eq!(panel.frame().rows.len(), 1);
    panel.set_filter(RowFilter { kind: OutputFilter::All, ..RowFilter::default() });
    assert_eq!(top_line(&panel), 501);
}

#[test]
fn a_line_wider_than_the_panel_occupies_several_rows() {
    let mut panel = panel(0);
    panel.append(vec![log_event(Seq(1), 1, &"x".repeat(161)), log_event(Seq(2), 2, "y\n")]);
    assert_eq!(panel.layout.height(), 4 * ROW_HEIGHT);
    panel.resize(200, HEIGHT);
    assert_eq!(panel.layout.height(), 2 * ROW_HEIGHT);
}

#[test]
fn the_measured_height_of_a_line_overrides_the_computed_one() {
    let mut panel = panel(3);
    let key = LineKey { attempt: 1, number: 2 };
    assert!(!panel.measure(key, 1));
    assert!(panel.measure(key, 3));
    assert_eq!(panel.layout.height(), 5 * ROW_HEIGHT);
    panel.resize(90, HEIGHT);
    assert_eq!(panel.layout.height(), 3 * ROW_HEIGHT, "the measurement applies to one width only");
}

#[test]
fn the_first_paint_shows_the_end_without_knowing_the_panel_size() {
    let frame = panel(1000).first_paint();
    assert_eq!((frame.rows.len(), frame.above, frame.below), (FIRST_PAINT_ROWS, 0, 0));
    let RowView::Line { line: last, .. } = &frame.rows[FIRST_PAINT_ROWS - 1] else { panic!("a line") };
    assert_eq!(last.key.number, 1000);
}

#[test]
fn the_copied_text_contains_the_filtered_rows_without_escape_sequences() {
    let mut panel = panel(0);
    panel.append(vec![lifecycle_event(Seq(1), Level::Info), log_event(Seq(2), 1, "\x1b[31mred\x1b[0m\nplain\n")]);
    assert_eq!(panel.visible_text(|event| format!("-- {}", event.message)), "-- Requeued\nred\nplain\n");
    panel.set_filter(RowFilter { kind: OutputFilter::Logs, ..RowFilter::default() });
    assert_eq!(panel.visible_text(|event| event.message.clone()), "red\nplain\n");
}

#[test]
fn an_empty_panel_without_a_size_can_be_drawn() {
    let panel = Panel::new(Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default()));
    let frame = panel.frame();
    assert!(frame.rows.is_empty());
    assert_eq!((frame.above, frame.below, frame.scroll_to), (0, 0, 0));
}

#[test]
fn the_visible_line_stays_in_place_if_the_row_above_it_is_hidden_by_a_filter() {
    let mut panel = panel_with(0, BufferLimits::default());
    panel.append(lines(1..=50));
    panel.append(vec![lifecycle_event(Seq(51), Level::Info)]);
    panel.append((52..=200).map(|seq| log_event(Seq(seq), seq - 1, "error: bad\n")).collect());
    panel.append(vec![lifecycle_event(Seq(201), Level::Error)]);
    // The lifecycle event is at the top of the panel.
    panel.pause(50 * ROW_HEIGHT);
    assert_eq!(top_line(&panel), -1);
    panel.set_filter(RowFilter { kind: OutputFilter::Warnings, ..RowFilter::default() });
    assert_eq!((top_line(&panel), panel.follows()), (51, false));
    panel.set_filter(RowFilter { kind: OutputFilter::All, ..RowFilter::default() });
    assert_eq!(top_line(&panel), -1, "the lifecycle event is at the top again");
    panel.set_filter(RowFilter { kind: OutputFilter::Stages, ..RowFilter::default() });
    assert_eq!((top_line(&panel), panel.follows()), (-1, false));
}

#[test]
fn the_reader_moves_from_the_marked_line_only_while_it_is_visible() {
    let mut panel = panel(1_000);
    panel.go_to(LineKey { attempt: 1, number: 500 });
    assert_eq!(panel.current().map(|key| key.number), Some(500));
    panel.scrolled(100 * ROW_HEIGHT);
    assert_eq!(panel.current().map(|key| key.number), Some(101));
}

#[test]
fn matches_are_requested_from_the_first_drawn_line_without_known_matches() {
    let mut panel = panel(1_000);
    assert_eq!(panel.frame().unmarked, None);
    panel.set_search(Searching::Yes);
    let first = panel.frame().unmarked.expect("no matches are known");
    assert!(panel.frame().rows.iter().any(|row| matches!(row, RowView::Line { line, .. } if line.key == first)));
    let page = SearchPage { next: Some(990), total_lines: 1_000, ..SearchPage::default() };
    panel.mark(first, page.clone());
    assert_eq!(panel.frame().unmarked.map(|key| key.number), Some(990));
    panel.mark(LineKey { number: 990, ..first }, SearchPage { done: true, next: None, ..page });
    assert_eq!(panel.frame().unmarked, None);
}

fn shown_times(panel: &Panel) -> Vec<LineTime> {
    let time = |row: &RowView| match row {
        RowView::Line { time, .. } => Some(*time),
        _ => None,
    };
    panel.frame().rows.iter().filter_map(time).collect()
}

#[test]
fn long_lines_are_one_row_if_they_are_not_wrapped_and_the_line_at_the_top_stays_there() {
    let mut panel = panel(0);
    let long = |number: i64| log_event(Seq(number), number, &format!("{}\n", "x".repeat(1000)));
    panel.append((1..=100).map(long).collect());
    assert_eq!((panel.layout_height(), panel.frame().width), (100 * 13 * ROW_HEIGHT, None));
    panel.pause(40 * 13 * ROW_HEIGHT + 12 * ROW_HEIGHT);
    let display = Display { long_lines: LongLines::OneRow, ..Display::default() };
    panel.set_display(display);
    assert_eq!((panel.layout_height(), panel.frame().width), (100 * ROW_HEIGHT, Some(1000)));
    assert_eq!(top_line_of(&panel), 41);
    panel.resize(40, HEIGHT);
    assert_eq!(panel.layout_height(), 100 * ROW_HEIGHT, "the width of the panel does not matter");
    panel.set_display(Display::default());
    assert_eq!((panel.layout_height(), top_line_of(&panel)), (100 * 25 * ROW_HEIGHT, 41));
}

/// Returns the number of the line at the top of the panel.
fn top_line_of(panel: &Panel) -> i64 {
    panel.current().expect("lines are in the panel").number
}

#[test]
fn the_times_of_lines_are_shown_as_the_reader_has_chosen() {
    let mut panel = panel(0);
    let payload = |json| serde_json::from_value(json).expect("a payload");
    let attempt = json!({"kind": "attempt", "attempt": 1, "workerId": "w", "status": "started"});
    let step = json!({"kind": "step", "stage": "execute", "stepId": "run", "stepIndex": 0, "name": "run", "command": "c",
        "attempt": 1, "status": "started"});
    panel.append(vec![
        event(Seq(1_000_000), Level::Info, "", payload(attempt)),
        event(Seq(3_000_000), Level::Info, "", payload(step)),
        log_event(Seq(4_500_000), 1, "a\n"),
    ]);
    let at = Timestamp(4_500_000);
    for (times, expected) in [
        (LineTimes::Automatic, LineTime::Since(3_500)),
        (LineTimes::SinceAttempt, LineTime::Since(3_500)),
        (LineTimes::SinceStep, LineTime::Since(1_500)),
        (LineTimes::Local, LineTime::Local(at)),
        (LineTimes::Utc, LineTime::Utc(at)),
        (LineTimes::Hidden, LineTime::Hidden),
    ] {
        panel.set_display(Display { times, ..Display::default() });
        assert_eq!(shown_times(&panel), [expected]);
    }
}

/// Returns a panel whose lines 4 and 5 were drawn on the rows of lines 2 and 3, followed by many other lines.
fn redrawn_panel() -> Panel {
    let mut panel = panel(0);
    let display = "title\none: wait\ntwo: wait\n\x1b[2A\x1b[2Kone: done\n\x1b[2Ktwo: done\n";
    panel.append(vec![log_event(Seq(1), 1, &format!("{display}{}", "x\n".repeat(200)))]);
    panel
}

fn key(number: i64) -> LineKey {
    LineKey { attempt: 1, number }
}

#[test]
fn going_to_a_line_without_rows_shows_and_marks_the_line_on_which_it_was_drawn() {
    let mut panel = redrawn_panel();
    panel.go_to(key(5));
    assert!(!panel.seeks());
    let marked = |row: &RowView| match row {
        RowView::Line { line, marked: true, .. } => Some(line.key.number),
        _ => None,
    };
    assert_eq!(panel.frame().rows.iter().filter_map(marked).collect::<Vec<_>>(), [3]);
    assert_eq!(panel.current(), Some(key(5)), "the next match is after the line itself");
    assert!(panel.visible_text(|_| String::new()).starts_with("title\none: done\ntwo: done\nx\n"));
    let lines = |first, last| MarkedLines { attempt: 1, first, last };
    assert!(panel.has_redrawn(lines(1, 2)) && panel.has_redrawn(lines(4, 4)) && !panel.has_redrawn(lines(6, 9)));
}

#[test]
fn matches_are_not_marked_in_rows_that_no_longer_show_them() {
    let mut panel = redrawn_panel();
    panel.go_to(key(1));
    panel.set_search(Searching::Yes);
    let hit = |number, text: &str| SearchHit { line: output_line(number, text, Level::Info), ranges: vec![(0, 3)] };
    let items = vec![hit(1, "title"), hit(2, "one: wait")];
    let page =
        SearchPage { items, lines: vec![1, 2], matches: 2, total_lines: 205, done: true, ..SearchPage::default() };
    panel.mark(key(1), page);
    let matches = |row: &RowView| match row {
        RowView::Line { line, matches, .. } if !matches.is_empty() => Some(line.key.number),
        _ => None,
    };
    assert_eq!(panel.frame().rows.iter().filter_map(matches).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_first_line_after_a_time_is_known_if_the_lines_around_it_are_in_memory() {
    let mut panel = panel(100);
    for (time, expected) in [(0, Some(1)), (1, Some(2)), (99, Some(100)), (100, Some(101)), (500, Some(101))] {
        assert_eq!(panel.line_after(Timestamp(time)), expected.map(key), "after {time}");
    }
    panel = panel_with(100, BufferLimits { lines: 50, bytes: 10_000 });
    let first = panel.buffer().lines()[0].key.number;
    assert!(first > 1);
    assert_eq!(panel.line_after(Timestamp(first - 1)), None);
    assert_eq!(panel.line_after(Timestamp(first)), Some(key(first + 1)));
}
