use model::{Event, Level, LinesPage, OutputLine, SearchHit, SearchPage, Seq, Stage};

use super::*;
use crate::live_output::filter::{OutputFilter, RowFilter};
use crate::live_output::panel::{LineRequest, Panel, RowView};
use crate::live_output::simulated::{lifecycle_event, log_event, output_line};

const WARNINGS: RowFilter = RowFilter {
    kind: OutputFilter::Warnings,
    step: None,
    stream: None,
    attempt: None,
    only_matches: false,
    unlike: None,
};
const MATCHES: RowFilter =
    RowFilter { kind: OutputFilter::All, step: None, stream: None, attempt: None, only_matches: true, unlike: None };

/// A simulated server. Every tenth line of its log is a warning.
struct Log {
    lines: i64,
    /// The maximum number of matching lines whose numbers the server reports.
    reported: usize,
}

impl Log {
    fn text(number: i64) -> String {
        if number % 10 == 0 { format!("warning: {number}") } else { format!("line {number}") }
    }

    fn events(from: i64, to: i64) -> Vec<Event> {
        (from..=to).map(|number| log_event(Seq(number), number, &format!("{}\n", Self::text(number)))).collect()
    }

    fn line(number: i64) -> OutputLine {
        output_line(number, &Self::text(number), Level::Warn)
    }

    fn warnings(&self, range: Range<i64>) -> Vec<i64> {
        (1..=self.lines).filter(|number| number % 10 == 0 && range.contains(number)).collect()
    }

    /// Returns the results of searching the lines before `to` in parts of 1000 lines.
    fn found(&self, to: i64) -> Findings {
        let mut findings = Findings::default();
        findings.begin(1, 1);
        for end in (1..to).step_by(1000).skip(1).chain([to]) {
            let matches = self.warnings(1..end).len();
            let known = findings.lines().count();
            let lines: Vec<i64> = self.warnings(1..end).into_iter().take(self.reported).skip(known).collect();
            let page = SearchPage {
                lines,
                matches: i64::try_from(matches).expect("it is small"),
                ..page_end(end, self.lines)
            };
            findings.take(1, &page);
        }
        findings
    }

    /// Answers a request for selected lines.
    fn answer(&self, part: FoundRange) -> SearchPage {
        let count = usize::try_from(part.count).expect("it is positive");
        let (numbers, next) = match part.direction {
            FoundDirection::From => {
                let all = self.warnings(part.key.number..i64::MAX);
                let next = (all.len() > count).then(|| all[count - 1] + 1);
                (all.into_iter().take(count).collect::<Vec<_>>(), next)
            }
            FoundDirection::Before => {
                let all: Vec<i64> = self.warnings(1..part.key.number).into_iter().rev().collect();
                let next = (all.len() > count).then(|| all[count - 1]);
                (all.into_iter().take(count).collect(), next)
            }
        };
        let hit = |number: &i64| SearchHit { line: Self::line(*number), ranges: Vec::new() };
        let is_running = part.direction == FoundDirection::From && next.is_none();
        SearchPage {
            items: numbers.iter().map(hit).collect(),
            next: if is_running { Some(self.lines + 1) } else { next },
            done: next.is_none(),
            total_lines: self.lines,
            ..SearchPage::default()
        }
    }
}

fn page_end(next: i64, total_lines: i64) -> SearchPage {
    SearchPage { next: Some(next), total_lines, ..SearchPage::default() }
}

/// Returns a panel that contains the end of a log, with a filter for which the server has searched everything.
fn panel(log: &Log, filter: RowFilter) -> Panel {
    let tail = Log::events(log.lines - 99, log.lines);
    let mut panel = Panel::new(Buffer::new(Vec::new(), &tail, Seq(log.lines), BufferLimits::default()));
    panel.resize(80, 400);
    panel.set_filter(filter);
    panel.set_selected(log.found(log.lines + 1));
    panel
}

/// Answers the panel's requests until there are none. Returns their number.
fn load_all(panel: &mut Panel, log: &Log) -> usize {
    for loads in 0..50 {
        match panel.frame().wanted {
            Some(LineRequest::Selected(part)) => panel.load_selected(part, log.answer(part)),
            Some(LineRequest::Lines(part)) => {
                let items = (part.first..part.first + part.count).filter(|number| *number <= log.lines);
                let page = LinesPage { items: items.map(Log::line).collect(), total_lines: log.lines, complete: true };
                panel.load(part, page);
            }
            Some(LineRequest::Head(part)) => panic!("{part:?} is not redrawn"),
            None => return loads,
        }
    }
    panic!("the panel requests lines endlessly: {:?}", panel.frame().wanted);
}

fn drawn(panel: &Panel) -> Vec<i64> {
    let number = |row: &RowView| match row {
        RowView::Line { line, .. } => Some(line.key.number),
        _ => None,
    };
    panel.frame().rows.iter().filter_map(number).collect()
}

#[test]
fn a_filtered_list_has_a_row_for_each_selected_line_of_the_whole_log() {
    let log = Log { lines: 100_000, reported: usize::MAX };
    for filter in [WARNINGS, MATCHES] {
        let mut panel = panel(&log, filter);
        assert_eq!(drawn(&panel).last(), Some(&100_000), "the end is known from the buffer: {filter:?}");
        panel.pause(0);
        panel.scrolled(0);
        assert!(load_all(&mut panel, &log) <= 2);
        assert_eq!(drawn(&panel)[..3], [10, 20, 30], "{filter:?}");
        for row in [5_000, 1, 9_990, 7_777] {
            panel.scrolled(row * 20);
            assert!(load_all(&mut panel, &log) <= 2, "{row}");
            let first = i64::from(row) * 10 + 10;
            assert!(drawn(&panel).contains(&first), "row {row}: {:?}", drawn(&panel));
            assert_eq!(panel.frame().scroll_to, (row * 20).min(10_000 * 20 - 400), "the position does not move");
        }
    }
}

#[test]
fn the_start_of_a_filtered_list_stays_in_view_while_its_end_is_loaded() {
    let log = Log { lines: 20_000, reported: usize::MAX };
    let events = vec![lifecycle_event(Seq(1), Level::Warn), lifecycle_event(Seq(20_010), Level::Warn)];
    // The tail has no warnings.
    let tail = Log::events(19_991, 19_999);
    for late in [false, true] {
        let mut panel = Panel::new(Buffer::new(events.clone(), &tail, Seq(20_011), BufferLimits::default()));
        panel.resize(80, 400);
        panel.set_filter(WARNINGS);
        panel.set_selected(log.found(if late { 10_000 } else { 20_000 }));
        let Some(LineRequest::Selected(part)) = panel.frame().wanted else { panic!("the end is not requested") };
        panel.go_to_start();
        assert_eq!(panel.frame().scroll_to, 0);
        panel.set_selected(log.found(20_000));
        assert_eq!(panel.frame().scroll_to, 0);
        panel.load_selected(part, log.answer(part));
        assert_eq!(panel.frame().scroll_to, 0, "{part:?}");
        load_all(&mut panel, &log);
        assert_eq!((drawn(&panel)[0], panel.frame().scroll_to), (10, 0));
    }
}

#[test]
fn scrolling_through_a_filtered_list_shows_every_selected_line_once_in_order() {
    let log = Log { lines: 40_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    panel.pause(0);
    let mut seen: Vec<i64> = Vec::new();
    for top in (0..4_000 * 20).step_by(300) {
        panel.scrolled(top);
        load_all(&mut panel, &log);
        seen.extend(
            drawn(&panel).into_iter().filter(|number| seen.last().is_none_or(|last| number > last)).collect::<Vec<_>>(),
        );
    }
    assert_eq!(seen, log.warnings(1..40_001));
    for top in (0..4_000 * 20).step_by(300).collect::<Vec<_>>().into_iter().rev() {
        panel.scrolled(top);
        load_all(&mut panel, &log);
        let rows = drawn(&panel);
        assert!(rows.windows(2).all(|pair| pair[1] == pair[0] + 10), "{rows:?}");
    }
    assert_eq!(drawn(&panel)[0], 10);
}

#[test]
fn a_list_of_more_lines_than_the_server_numbers_can_be_scrolled_through() {
    let log = Log { lines: 60_000, reported: 500 };
    let mut panel = panel(&log, WARNINGS);
    panel.pause(0);
    for row in [0, 3_000, 5_900, 100, 4_444] {
        panel.scrolled(row * 20);
        load_all(&mut panel, &log);
        let rows = drawn(&panel);
        let expected = i64::from(row) * 10 + 10;
        assert!(rows.windows(2).all(|pair| pair[1] == pair[0] + 10), "no line is missing: {rows:?}");
        assert!((rows[0] - expected).abs() < 2_000, "row {row} is line {}, estimated as {expected}", rows[0]);
    }
    panel.follow();
    load_all(&mut panel, &log);
    assert_eq!(drawn(&panel).last(), Some(&60_000));
}

#[test]
fn new_lines_are_selected_before_the_server_has_searched_them() {
    let log = Log { lines: 1_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    let before = panel.frame().counts.warnings;
    panel.append(Log::events(1_001, 1_035));
    assert_eq!(drawn(&panel).into_iter().rev().take(4).collect::<Vec<_>>(), [1_030, 1_020, 1_010, 1_000]);
    // The search also finds the new lines, and each of them is shown once.
    let longer = Log { lines: 1_035, ..log };
    panel.set_selected(longer.found(1_036));
    panel.append(Log::events(1_036, 1_041));
    assert_eq!(drawn(&panel).into_iter().rev().take(5).collect::<Vec<_>>(), [1_040, 1_030, 1_020, 1_010, 1_000]);
    panel.set_warnings(longer.found(1_036));
    assert_eq!((before, panel.frame().counts.warnings), (10, 104));
}

#[test]
fn only_lines_that_were_printed_while_paused_count_as_new() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    for filter in [WARNINGS, MATCHES] {
        let mut panel = panel(&log, RowFilter::default());
        panel.pause(0);
        panel.set_filter(filter);
        panel.set_selected(log.found(50_001));
        assert_eq!(panel.frame().unseen, 0, "the search finds old lines: {filter:?}");
        panel.append(Log::events(50_001, 50_035));
        panel.set_selected(Log { lines: 50_035, ..log }.found(50_036));
        assert_eq!(panel.frame().unseen, 3, "{filter:?}");
        panel.set_filter(RowFilter::default());
        assert_eq!(panel.frame().unseen, 0, "changing the filter resets the number");
    }
}

#[test]
fn while_the_search_progresses_the_end_of_the_log_stays_in_view() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    for searched in [1, 1_001, 20_001, 49_955, 50_001] {
        panel.set_filter(WARNINGS);
        panel.set_selected(log.found(searched));
        assert_eq!(drawn(&panel).last(), Some(&50_000), "searched up to {searched}");
    }
    assert_eq!(panel.frame().counts.get(OutputFilter::Warnings), 10);
}

#[test]
fn a_line_that_the_filter_hides_is_known_to_be_hidden() {
    let log = Log { lines: 2_000, reported: usize::MAX };
    let panel = panel(&log, WARNINGS);
    let key = |number| LineKey { attempt: 1, number };
    assert!(panel.may_show(key(10)) && panel.may_show(key(2_000)));
    assert!(!panel.may_show(key(11)) && !panel.may_show(key(1_999)));
}

#[test]
fn a_link_to_a_selected_line_shows_it_among_the_selected_lines() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    panel.go_to(LineKey { attempt: 1, number: 25_000 });
    load_all(&mut panel, &log);
    let rows = drawn(&panel);
    assert!(rows.contains(&25_000) && rows.contains(&24_990), "{rows:?}");
    assert!(!panel.seeks());
}

#[test]
fn changing_the_filter_keeps_the_line_at_the_top_of_the_panel_or_the_next_one() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    for filter in [WARNINGS, MATCHES] {
        let mut panel = panel(&log, RowFilter::default());
        panel.go_to(LineKey { attempt: 1, number: 25_000 });
        load_all(&mut panel, &log);
        panel.scrolled(panel.frame().scroll_to + 100);
        let first = panel.frame().scroll_to;
        panel.set_filter(filter);
        // Without rows, the end of the list is in view, but following must not resume.
        assert!(panel.seeks() || drawn(&panel).contains(&25_000), "{filter:?}");
        for searched in [1, 20_001, 50_001] {
            panel.set_selected(log.found(searched));
            load_all(&mut panel, &log);
        }
        assert_eq!(panel.current(), Some(LineKey { attempt: 1, number: 25_000 }), "{filter:?}");
        assert!(!panel.seeks() && !panel.follows());
        panel.set_filter(RowFilter::default());
        load_all(&mut panel, &log);
        assert_eq!(panel.current(), Some(LineKey { attempt: 1, number: 25_000 }), "{filter:?}: {first}");
    }
}

/// Returns the results of a search that ended while the first line was unfinished. The next search would begin with
/// that line again.
fn found_after_unfinished_line(log: &Log) -> Findings {
    let mut findings = Findings::default();
    findings.begin(1, 1);
    let lines = log.warnings(1..i64::MAX);
    let matches = i64::try_from(lines.len()).expect("it is small");
    findings.take(
        1,
        &SearchPage { lines, matches, next: Some(1), total_lines: log.lines, done: true, ..SearchPage::default() },
    );
    findings
}

#[test]
fn a_line_that_stays_unfinished_hides_no_selected_line() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    for filter in [WARNINGS, MATCHES] {
        let mut panel = panel(&log, filter);
        panel.set_selected(found_after_unfinished_line(&log));
        assert_eq!(drawn(&panel).last(), Some(&50_000), "{filter:?}");
        panel.go_to_start();
        assert!(load_all(&mut panel, &log) <= 2);
        assert_eq!(drawn(&panel)[0], 10, "{filter:?}");
        assert_eq!(panel.layout_height(), 5_000 * 20, "each line has one row: {filter:?}");
    }
    let mut panel = panel(&log, RowFilter::default());
    panel.set_warnings(found_after_unfinished_line(&log));
    assert_eq!(panel.frame().counts.warnings, 5_000, "no warning is counted twice");
}

#[test]
fn a_selected_line_is_shown_to_its_end_although_the_server_found_it_before_it_arrived() {
    let log = Log { lines: 1_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    panel.append(vec![log_event(Seq(1_001), 1_001, "warning: be")]);
    let mut found = log.found(1_001);
    found.begin(1, 1_001);
    found.take(
        1,
        &SearchPage {
            lines: vec![1_001],
            matches: 1,
            next: Some(1_002),
            total_lines: 1_001,
            done: true,
            ..SearchPage::default()
        },
    );
    panel.set_selected(found);
    panel.append(vec![log_event(Seq(1_002), 1_001, "gun\n"), log_event(Seq(1_003), 1_002, "end\n")]);
    let text = |panel: &Panel| match panel.frame().rows.last() {
        Some(RowView::Line { line, .. }) => line.text.clone(),
        _ => String::new(),
    };
    assert_eq!(text(&panel), "warning: begun");
}

#[test]
fn a_response_that_arrives_before_anything_has_been_searched_changes_nothing() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    panel.pause(0);
    let part = FoundRange { direction: FoundDirection::From, key: LineKey { attempt: 1, number: 20_000 }, count: 500 };
    panel.set_filter(MATCHES);
    panel.load_selected(part, log.answer(part));
    panel.set_selected(log.found(50_001));
    panel.go_to_start();
    load_all(&mut panel, &log);
    assert_eq!((drawn(&panel)[0], panel.layout_height()), (10, 5_000 * 20));
}

#[test]
fn a_line_that_the_server_refuses_to_send_is_not_requested_again() {
    let log = Log { lines: 1_000, reported: usize::MAX };
    let mut panel = panel(&log, RowFilter::default());
    panel.go_to(LineKey { attempt: 7, number: 5 });
    assert!(panel.frame().wanted.is_some() && panel.seeks());
    panel.stop_waiting();
    assert!(!panel.seeks());
}

#[test]
fn going_to_the_start_of_a_filtered_list_loads_its_first_lines() {
    let log = Log { lines: 50_000, reported: usize::MAX };
    let mut panel = panel(&log, WARNINGS);
    panel.go_to_start();
    load_all(&mut panel, &log);
    assert_eq!((drawn(&panel)[0], panel.frame().scroll_to), (10, 0));
}

#[test]
fn the_window_of_selected_lines_is_bounded() {
    let log = Log { lines: 60_000, reported: usize::MAX };
    let limits = BufferLimits { lines: 1_000, bytes: 1 << 20 };
    let buffer = Buffer::new(Vec::new(), &Log::events(59_900, 60_000), Seq(60_000), limits);
    let mut selected = SelectedLines::new(WARNINGS, limits);
    selected.set_findings(log.found(60_001), &buffer, WhenFull::Detach);
    let load = |selected: &mut SelectedLines, part: FoundRange| {
        let page = log.answer(part);
        let key = |number| LineKey { attempt: 1, number };
        let lines: Vec<LiveLine> = {
            let mut items: Vec<OutputLine> = page.items.into_iter().map(|hit| hit.line).collect();
            items.sort_unstable_by_key(|line| line.line);
            let step = model::StepRef { stage: Stage::Execute, index: 0 };
            items.into_iter().map(|line| LiveLine::loaded(1, line, step, Seq(1))).collect()
        };
        let covered = match part.direction {
            FoundDirection::From => part.key..key(page.next.expect("it is running")),
            FoundDirection::Before => key(page.next.unwrap_or(1))..part.key,
        };
        selected.load(lines, covered, &buffer, WhenFull::Detach);
    };
    for _ in 0..10 {
        let part = selected.part_before(400).expect("there are earlier lines");
        load(&mut selected, part);
        assert!(selected.lines().len() <= 1_000);
        let held = i64::try_from(selected.first_new()).expect("it is small");
        assert_eq!(selected.lines_before() + held + selected.lines_after(), 6_000);
    }
    assert!(selected.lines_after() > 0, "the newest lines were dropped");
    for _ in 0..10 {
        let part = selected.part_after(400).expect("there are later lines");
        load(&mut selected, part);
        let held = i64::try_from(selected.first_new()).expect("it is small");
        assert_eq!(selected.lines_before() + held + selected.lines_after(), 6_000);
    }
}
