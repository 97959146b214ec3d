use model::{Seq, Stage, StagePayload, StageStatus};

use super::*;
use crate::live_output::buffer::{BufferLimits, WhenFull};
use crate::live_output::simulated::{event, gap_event, lifecycle_event, log_event};

fn gap(seq: i64) -> Event {
    gap_event(Seq(seq), (30, 90), (4, 0))
}

fn buffer() -> Buffer {
    let mut buffer = Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default());
    let stage = StagePayload { stage: Stage::Execute, status: StageStatus::Failed, attempt: 1, duration_ms: None };
    let events = vec![
        lifecycle_event(Seq(1), Level::Info),
        gap(2),
        log_event(Seq(3), 1, "fine\nerror: not fine\nwarning: so so\n"),
        lifecycle_event(Seq(4), Level::Error),
        event(Seq(5), Level::Info, "", Payload::Stage(stage)),
    ];
    buffer.append(events, WhenFull::DropOldest);
    buffer
}

fn check(filter: OutputFilter, lines: usize, events: &[i64]) {
    let buffer = buffer();
    assert_eq!(buffer.lines().iter().filter(|line| filter.takes_line(line)).count(), lines, "{filter:?}");
    let all = buffer.lifecycle_events();
    let seqs: Vec<i64> = all.iter().filter(|event| filter.takes_event(event, all)).map(|event| event.seq.0).collect();
    assert_eq!(seqs, events, "{filter:?}");
}

#[test]
fn each_filter_shows_the_rows_that_its_name_suggests() {
    check(OutputFilter::All, 3, &[1, 2, 4]);
    check(OutputFilter::Stages, 0, &[1, 4, 5]);
    check(OutputFilter::Logs, 3, &[2]);
    check(OutputFilter::Warnings, 2, &[4]);
}

#[test]
fn counts_cover_the_whole_log_where_it_is_known() {
    let counts = Counts::of(&buffer(), &Findings::default());
    assert_eq!(OutputFilter::ALL.map(|filter| counts.get(filter)), [6, 3, 4, 3]);
    assert!(counts.more_warnings, "after a gap, it is unknown whether a line began earlier");
}

#[test]
fn counts_report_possible_warnings_outside_the_window() {
    let tail = [log_event(Seq(9), 101, "warning: x\n")];
    let buffer = Buffer::new(vec![lifecycle_event(Seq(1), Level::Info)], &tail, Seq(9), BufferLimits::default());
    let counts = Counts::of(&buffer, &Findings::default());
    assert_eq!((counts.logs, counts.warnings, counts.more_warnings), (101, 1, true));
}

#[test]
fn the_server_finds_the_lines_that_another_job_did_not_print() {
    let job: JobId = "01890000-0000-7000-8000-000000000000".parse().expect("an id");
    let filter = RowFilter { kind: OutputFilter::Warnings, unlike: Some(job), ..RowFilter::default() };
    assert!(filter.is_narrowed() && filter.is_by_text() && filter.selects_lines());
    let query = "level=warn,error&notIn=01890000-0000-7000-8000-000000000000";
    assert_eq!(filter.query(None, None).as_deref(), Some(query));
    assert!(!filter.takes_event(&lifecycle_event(Seq(1), Level::Error), &[]), "only lines are compared");
}

#[test]
fn a_filter_by_attempt_shows_only_the_lines_and_events_of_the_attempt() {
    let filter = |attempt| RowFilter { attempt: Some(attempt), ..RowFilter::default() };
    let buffer = buffer();
    let lines = |attempt| buffer.lines().iter().filter(|line| filter(attempt).takes_line(line)).count();
    assert_eq!((lines(1), lines(2)), (3, 0));
    let stages = RowFilter { kind: OutputFilter::Stages, ..filter(1) };
    let all = buffer.lifecycle_events();
    let shown = all.iter().filter(|event| stages.takes_event(event, all)).map(|event| event.seq.0);
    assert_eq!(shown.collect::<Vec<_>>(), [5], "neither gaps nor events of the whole job");
    assert_eq!(filter(1).query(None, None).as_deref(), Some("continuations=true"));
    assert!(filter(1).selects_lines() && !filter(1).is_by_text());
    let stderr = RowFilter { stream: Some(model::StreamName::Stderr), ..filter(2) };
    assert_eq!(stderr.query(None, None).as_deref(), Some("stream=stderr"));
}
