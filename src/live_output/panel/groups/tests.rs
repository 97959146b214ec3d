use model::group::{Section, SectionEdge};
use model::{Level, LinesPage, Seq, StepRef};
use serde_json::json;

use super::*;
use crate::live_output::buffer::{Buffer, BufferLimits, LineRange};
use crate::live_output::filter::RowFilter;
use crate::live_output::layout::{LIFECYCLE_HEIGHT, ROW_HEIGHT};
use crate::live_output::panel::{LineRequest, RowView};
use crate::live_output::simulated::{event, log_event, output_line};

const HEIGHT: u32 = 400;
const STEP: StepRef = StepRef { stage: model::Stage::Execute, index: 0 };

/// Returns a panel with a step's beginning, 100 lines, a group of 100 lines, and 100 lines.
fn panel() -> Panel {
    let mut panel = Panel::new(Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default()));
    panel.resize(80, HEIGHT);
    let step = json!({"kind": "step", "stage": "execute", "stepId": "run", "stepIndex": 0, "name": "run", "command": "c",
        "attempt": 1, "status": "started"});
    let mut events = vec![event(Seq(1), Level::Info, "", serde_json::from_value(step).expect("a payload"))];
    let text = |number: i64| match number {
        101 => "::group::Middle\n".to_owned(),
        202 => "::endgroup::\n".to_owned(),
        _ => format!("line {number}\n"),
    };
    events.extend((1..=302).map(|number| log_event(Seq(number + 1), number, &text(number))));
    panel.append(events);
    panel
}

fn key(number: i64) -> LineKey {
    LineKey { attempt: 1, number }
}

const MIDDLE: GroupKey = GroupKey::Lines(LineKey { attempt: 1, number: 101 });

/// Returns the distance of a line from the top of the panel.
fn distance(panel: &Panel, number: i64) -> i64 {
    let index = panel.layout.find(RowKey::Line(key(number)), panel.list()).expect("the line is listed");
    i64::from(panel.layout.top(index)) - i64::from(panel.scroll_top())
}

#[test]
fn the_title_stays_where_it_is_when_its_group_is_collapsed_and_expanded() {
    let mut panel = panel();
    panel.pause(LIFECYCLE_HEIGHT + 95 * ROW_HEIGHT);
    let before = distance(&panel, 101);
    assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT + 301 * ROW_HEIGHT, "the end of a group has no row");
    panel.toggle_group(MIDDLE);
    assert_eq!((panel.layout_height(), distance(&panel, 101)), (LIFECYCLE_HEIGHT + 201 * ROW_HEIGHT, before));
    panel.toggle_group(MIDDLE);
    assert_eq!((panel.layout_height(), distance(&panel, 101)), (LIFECYCLE_HEIGHT + 301 * ROW_HEIGHT, before));
    panel.pause(LIFECYCLE_HEIGHT + 150 * ROW_HEIGHT);
    panel.toggle_group(MIDDLE);
    assert_eq!(panel.current().map(|line| line.number), Some(101), "the title comes into view, as it is clicked");
}

#[test]
fn the_list_follows_only_while_its_end_is_in_the_panel() {
    let mut panel = panel();
    panel.pause(LIFECYCLE_HEIGHT + 95 * ROW_HEIGHT);
    panel.toggle_group(MIDDLE);
    panel.follow();
    panel.toggle_group(MIDDLE);
    assert!(panel.follows(), "the change is above the panel");
    let mut events = vec![log_event(Seq(400), 303, "::group::Last\n")];
    events.extend((304..=350).map(|number| log_event(Seq(number + 97), number, "x\n")));
    panel.append(events);
    let last = GroupKey::Lines(key(303));
    panel.toggle_group(last);
    assert!(panel.follows(), "the end of the list is shown");
    panel.toggle_group(last);
    assert!(!panel.follows(), "the lines of the group are below the panel");
    panel.follow();
    panel.toggle_group(last);
    assert!(panel.follows(), "the end of the list is in the panel again, together with the title");
}

#[test]
fn a_line_that_the_reader_goes_to_is_shown() {
    let mut panel = panel();
    panel.toggle_group(MIDDLE);
    panel.toggle_group(GroupKey::Step(1, STEP));
    assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT);
    panel.go_to(key(150));
    assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT + 301 * ROW_HEIGHT);
    assert!(
        panel
            .frame()
            .rows
            .iter()
            .any(|row| matches!(row, RowView::Line { line, marked: true, .. } if line.key == key(150)))
    );
    panel.toggle_group(MIDDLE);
    panel.go_to(key(101));
    assert_eq!(
        panel.layout_height(),
        LIFECYCLE_HEIGHT + 201 * ROW_HEIGHT,
        "a title is shown although its group is not"
    );
}

#[test]
fn the_copied_text_contains_the_lines_of_collapsed_groups() {
    let mut panel = panel();
    let whole = panel.visible_text(|_| String::new());
    assert_eq!(whole.lines().count(), 303);
    panel.toggle_group(MIDDLE);
    assert_eq!(panel.visible_text(|_| String::new()), whole);
}

#[test]
fn a_filtered_list_has_no_groups() {
    let mut panel = panel();
    panel.toggle_group(GroupKey::Step(1, STEP));
    panel.set_filter(RowFilter { kind: OutputFilter::Logs, ..RowFilter::default() });
    assert_eq!(panel.layout_height(), 301 * ROW_HEIGHT, "the beginning of the step is not shown");
    panel.set_filter(RowFilter { step: Some(STEP), ..RowFilter::default() });
    assert!(panel.layout.group(100).is_none());
}

#[test]
fn the_current_group_is_the_innermost_at_the_top_of_the_panel() {
    let mut panel = panel();
    panel.pause(LIFECYCLE_HEIGHT + 150 * ROW_HEIGHT);
    assert_eq!(panel.current_group(), Some(MIDDLE));
    panel.pause(LIFECYCLE_HEIGHT + 50 * ROW_HEIGHT);
    assert_eq!(panel.current_group(), Some(GroupKey::Step(1, STEP)));
    panel.pause(0);
    assert_eq!(panel.current_group(), Some(GroupKey::Step(1, STEP)), "the step begins there");
    panel.toggle_group(GroupKey::Step(1, STEP));
    assert_eq!(panel.current_group(), Some(GroupKey::Step(1, STEP)), "it can be expanded again");
}

#[test]
fn all_groups_are_collapsed_and_then_expanded() {
    let mut panel = panel();
    panel.toggle_all_groups();
    assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT + 201 * ROW_HEIGHT);
    panel.toggle_all_groups();
    assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT + 301 * ROW_HEIGHT);
}

#[test]
fn lines_that_continue_a_collapsed_group_are_not_loaded_while_they_are_hidden() {
    let limits = BufferLimits { lines: 1_000, bytes: 1 << 20 };
    let mut panel = Panel::new(Buffer::new(Vec::new(), &[], Seq::START, limits));
    panel.resize(80, HEIGHT);
    let title = |number: i64| if number == 1 { "::group::Long\n".to_owned() } else { format!("line {number}\n") };
    panel.append((1..=900).map(|number| log_event(Seq(number), number, &title(number))).collect());
    panel.pause(0);
    panel.append((901..=2_000).map(|number| log_event(Seq(number), number, "x\n")).collect());
    panel.toggle_group(GroupKey::Lines(key(1)));
    let frame = panel.frame();
    assert_eq!(frame.wanted, None);
    let blocked = |row: &RowView| matches!(row, RowView::Space(space) if space.is_blocked);
    assert!(frame.rows.iter().any(blocked), "{:?}", frame.rows.last());
    panel.toggle_group(GroupKey::Lines(key(1)));
    panel.scrolled(panel.layout_height() - HEIGHT);
    assert!(panel.frame().wanted.is_some());
}

#[test]
fn the_end_of_a_group_is_shown_when_the_reader_goes_to_it() {
    let mut panel = panel();
    panel.go_to(key(202));
    assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT + 302 * ROW_HEIGHT);
    assert_eq!(panel.current(), Some(key(202)), "the next match is searched for after it");
}

#[test]
fn groups_stay_as_they_are_while_a_filter_hides_them() {
    let mut panel = panel();
    panel.toggle_group(MIDDLE);
    for filter in [
        RowFilter { step: Some(STEP), ..RowFilter::default() },
        RowFilter { kind: OutputFilter::Stages, ..RowFilter::default() },
    ] {
        panel.set_filter(filter);
        panel.toggle_all_groups();
        panel.set_filter(RowFilter::default());
        assert_eq!(panel.layout_height(), LIFECYCLE_HEIGHT + 201 * ROW_HEIGHT);
    }
}

#[test]
fn a_line_stays_visible_when_the_title_of_its_collapsed_group_is_loaded() {
    let mut panel = Panel::new(Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default()));
    panel.resize(80, HEIGHT);
    let line = |number: i64| {
        let mut line = output_line(number, &format!("line {number}"), Level::Info);
        if number == 10 {
            let section = Section { name: "s".into(), edge: SectionEdge::Start, collapsed: true };
            (line.text, line.sections) = ("Title".to_owned(), vec![section]);
        }
        line
    };
    let load = |panel: &mut Panel, first: i64| {
        let page = LinesPage { items: (first..first + 500).map(line).collect(), total_lines: 1_000, complete: true };
        panel.load(LineRange { attempt: 1, first, count: 500 }, page);
    };
    load(&mut panel, 501);
    panel.go_to(key(600));
    assert_eq!(panel.current(), Some(key(600)));
    load(&mut panel, 1);
    assert!(panel.frame().rows.iter().any(|row| matches!(row, RowView::Line { line, .. } if line.key == key(600))));
    panel.toggle_group(GroupKey::Lines(key(10)));
    assert_eq!(panel.layout_height(), 10 * ROW_HEIGHT, "it can still be collapsed");
}

#[test]
fn a_step_stays_collapsed_when_lines_are_loaded_into_a_list_that_does_not_show_steps() {
    let mut panel = panel();
    let step = GroupKey::Step(1, STEP);
    panel.toggle_group(step);
    panel.set_filter(RowFilter { kind: OutputFilter::Logs, ..RowFilter::default() });
    panel.pause(50 * ROW_HEIGHT);
    let items = vec![output_line(1, "line 1", Level::Info)];
    panel.load(LineRange { attempt: 1, first: 1, count: 1 }, LinesPage { items, total_lines: 302, complete: true });
    panel.set_filter(RowFilter::default());
    assert_eq!(panel.collapsed(step), Some(Collapsed::Yes));
}

#[test]
fn a_far_jump_past_a_collapsed_group_shows_the_line_at_that_position() {
    let text = |number: i64| match number {
        100 => "::group::Large".to_owned(),
        450 => "::endgroup::".to_owned(),
        _ => format!("line {number}"),
    };
    let total = 10_000;
    let tail: Vec<Event> =
        (total - 99..=total).map(|number| log_event(Seq(number), number, &format!("{}\n", text(number)))).collect();
    let mut panel = Panel::new(Buffer::new(Vec::new(), &tail, Seq(total), BufferLimits::default()));
    panel.resize(80, HEIGHT);
    let load = |panel: &mut Panel| {
        while let Some(LineRequest::Lines(part)) = panel.frame().wanted {
            let last = (part.first + part.count - 1).min(total);
            let items = (part.first..=last).map(|number| output_line(number, &text(number), Level::Info)).collect();
            panel.load(part, LinesPage { items, total_lines: total, complete: true });
        }
    };
    panel.go_to(key(1));
    load(&mut panel);
    panel.toggle_group(GroupKey::Lines(key(100)));
    load(&mut panel);
    let later = panel.layout.rows().iter().position(|row| *row == PanelRow::Later).expect("lines follow");
    let after = panel.buffer.lines().back().expect("a line").key.number + 1;
    panel.scrolled(panel.layout.top(later) + 2_000 * ROW_HEIGHT);
    load(&mut panel);
    assert_eq!(panel.first_visible(), Some(key(after + 2_000)));
}
