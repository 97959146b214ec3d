use super::*;
use crate::live_output::simulated::{Simulated, gap_event, log_event, milestone};
use crate::model::Level;

const UNLIMITED: Limits = Limits { lines: usize::MAX / 20, bytes: usize::MAX / 20 };

fn empty(limits: Limits) -> Buffer {
    Buffer::new(Vec::new(), &[], Seq::START, limits)
}

fn texts(buffer: &Buffer) -> Vec<(i64, String)> {
    buffer.lines().iter().map(|line| (line.key.number, line.text.clone())).collect()
}

/// Loads what lies before the window, as the page does: up to `limit` events at a time.
fn load_earlier(buffer: &mut Buffer, events: &[Event], limit: usize) -> bool {
    let Some(before) = buffer.earlier() else { return false };
    let end = events.partition_point(|event| event.seq < before);
    let part = &events[end.saturating_sub(limit)..end];
    buffer.prepend(part, part.first().map_or(before, |event| event.seq));
    true
}

fn load_later(buffer: &mut Buffer, events: &[Event], limit: usize) -> bool {
    let Some(after) = buffer.later() else { return false };
    let start = events.partition_point(|event| event.seq <= after);
    let part = &events[start..events.len().min(start + limit)];
    buffer.extend(part, part.last().map_or(after, |event| event.seq));
    true
}

#[test]
fn random_cuts_of_two_streams_give_the_lines_that_were_printed() {
    for seed in 1..300 {
        let simulated = Simulated::new(seed);
        let mut buffer = empty(UNLIMITED);
        buffer.append(simulated.events.clone(), WhenFull::DropOldest);
        assert_eq!(texts(&buffer), simulated.lines, "seed {seed}");
        assert_eq!(buffer.totals().lines(), i64::try_from(simulated.lines.len()).expect("few"), "seed {seed}");
        assert_eq!(buffer.totals().bytes(), simulated.bytes, "seed {seed}");
    }
}

#[test]
fn loading_backwards_from_the_end_gives_the_same_lines() {
    for seed in 1..300 {
        let simulated = Simulated::new(seed);
        let events = &simulated.events;
        let tail = usize::try_from(seed).expect("small") % events.len();
        let end = events.last().map_or(Seq::START, |event| event.seq);
        let mut buffer = Buffer::new(Vec::new(), &events[events.len() - tail..], end, UNLIMITED);
        while load_earlier(&mut buffer, events, 3) {}
        assert_eq!(texts(&buffer), simulated.lines, "seed {seed}");
    }
}

#[test]
fn an_event_that_comes_twice_changes_nothing() {
    let simulated = Simulated::new(7);
    let mut buffer = empty(UNLIMITED);
    buffer.append(simulated.events.clone(), WhenFull::DropOldest);
    buffer.append(simulated.events.clone(), WhenFull::DropOldest);
    assert_eq!(texts(&buffer), simulated.lines);
    let end = buffer.end();
    buffer.extend(&simulated.events, end);
    buffer.prepend(&simulated.events, Seq(1));
    assert_eq!(texts(&buffer), simulated.lines);
}

#[test]
fn what_is_held_is_bounded_and_always_a_part_of_what_was_printed() {
    let limits = Limits { lines: 20, bytes: 400 };
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
        assert_eq!(texts(&buffer).last().cloned(), last, "the newest line is held, seed {seed}");
        assert!(texts(&buffer).iter().all(|line| simulated.lines.contains(line)), "seed {seed}");
        assert_eq!(buffer.earlier().is_some(), buffer.first > Seq(1), "seed {seed}");
    }
}

#[test]
fn a_reader_who_walks_to_the_beginning_and_back_sees_every_line_whole() {
    let limits = Limits { lines: 20, bytes: 100_000 };
    for seed in 1..200 {
        let simulated = Simulated::new(seed);
        let mut buffer = empty(limits);
        buffer.append(simulated.events.clone(), WhenFull::DropOldest);
        let mut seen = std::collections::BTreeMap::new();
        let mut look = |buffer: &Buffer| {
            for line in buffer.lines() {
                seen.insert(line.key.number, line.text.clone());
            }
        };
        look(&buffer);
        for _ in 0..1000 {
            if !load_earlier(&mut buffer, &simulated.events, 2) {
                break;
            }
            look(&buffer);
        }
        assert_eq!(buffer.earlier(), None, "seed {seed}");
        for _ in 0..1000 {
            if !load_later(&mut buffer, &simulated.events, 2) {
                break;
            }
            look(&buffer);
        }
        assert_eq!(buffer.later(), None, "seed {seed}");
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), simulated.lines, "seed {seed}");
        // Back at the end, live output goes on.
        let next = Seq(buffer.end().0 + 1);
        buffer.append(vec![log_event(next, 9_999, "news\n")], WhenFull::DropOldest);
        assert_eq!(texts(&buffer).last(), Some(&(9_999, "news".to_owned())), "seed {seed}");
    }
}

#[test]
fn while_somebody_reads_in_a_full_window_what_comes_is_counted_and_not_taken_in() {
    let mut buffer = empty(Limits { lines: 3, bytes: 1000 });
    for line in 1..=3 {
        buffer.append(vec![log_event(Seq(line), line, "x\n")], WhenFull::Detach);
    }
    buffer.append(vec![log_event(Seq(4), 4, "y\n"), milestone(Seq(5), Level::Info)], WhenFull::Detach);
    assert_eq!(texts(&buffer).len(), 3);
    assert_eq!((buffer.later(), buffer.end(), buffer.totals().lines()), (Some(Seq(3)), Seq(5), 4));
    assert_eq!((buffer.lines_after(), buffer.milestones().len()), (1, 1));
    buffer.jump(&[log_event(Seq(4), 4, "y\n"), milestone(Seq(5), Level::Info)], Seq(5));
    assert_eq!(texts(&buffer), [(4, "y".to_owned())]);
    assert_eq!((buffer.later(), buffer.earlier(), buffer.lines_before()), (None, Some(Seq(4)), 3));
}

#[test]
fn an_event_with_more_lines_than_may_be_held_can_be_walked_through() {
    let many: String = (1..=100).map(|number| format!("{number}\n")).collect();
    let events = [log_event(Seq(1), 1, &many), log_event(Seq(2), 101, "end\n")];
    let mut buffer = empty(Limits { lines: 20, bytes: 10_000 });
    buffer.append(events.to_vec(), WhenFull::DropOldest);
    assert_eq!(texts(&buffer).last().map(|line| line.0), Some(101));
    let mut smallest = i64::MAX;
    while load_earlier(&mut buffer, &events, 10) {
        let first = texts(&buffer)[0].0;
        assert!(first < smallest, "each load shows earlier lines");
        smallest = first;
    }
    assert_eq!(smallest, 1);
    let mut greatest = 0;
    while load_later(&mut buffer, &events, 10) {
        let last = texts(&buffer).last().expect("lines are held").0;
        assert!(last > greatest, "each load shows later lines");
        greatest = last;
    }
    assert_eq!(greatest, 101);
}

#[test]
fn milestones_are_kept_and_the_earlier_ones_are_not_taken_for_missing_output() {
    let milestones = vec![milestone(Seq(1), Level::Info), milestone(Seq(2), Level::Info)];
    let buffer = Buffer::new(milestones, &[log_event(Seq(3), 1, "x\n")], Seq(3), UNLIMITED);
    assert_eq!(buffer.earlier(), None);
    assert_eq!(buffer.milestones().len(), 2);
}

#[test]
fn a_gap_stands_in_its_place_and_its_lines_count_also_when_the_beginning_is_loaded_later() {
    let events = [log_event(Seq(1), 1, "a\nb\n"), gap_event(Seq(2), (4, 904), (3, 97)), log_event(Seq(3), 100, "z\n")];
    let mut live = empty(UNLIMITED);
    live.append(events.to_vec(), WhenFull::DropOldest);
    let mut loaded = Buffer::new(vec![events[1].clone()], &events[2..], Seq(3), UNLIMITED);
    assert_eq!((loaded.earlier(), loaded.lines_before()), (Some(Seq(3)), 99));
    loaded.prepend(&events[..2], Seq(1));
    for buffer in [live, loaded] {
        assert_eq!(texts(&buffer).iter().map(|line| line.0).collect::<Vec<_>>(), [1, 2, 100]);
        assert_eq!((buffer.totals().lines(), buffer.totals().bytes()), (100, 904));
        assert_eq!((buffer.milestones().len(), buffer.earlier(), buffer.later()), (1, None, None));
    }
}

#[test]
fn a_colour_goes_on_in_the_next_line_of_its_stream_also_when_the_beginning_is_loaded_later() {
    let events = [log_event(Seq(1), 1, "\x1b[31mred\n"), log_event(Seq(2), 2, "still\nand here\x1b[0m\nnot\n")];
    let styles = |buffer: &Buffer| buffer.lines().iter().map(|line| line.style.classes()).collect::<Vec<_>>();
    let mut live = empty(UNLIMITED);
    live.append(events.to_vec(), WhenFull::DropOldest);
    assert_eq!(styles(&live), ["", "fg1", "fg1", ""]);
    let mut loaded = Buffer::new(Vec::new(), &events[1..], Seq(2), UNLIMITED);
    assert_eq!(styles(&loaded), ["", "", ""]);
    loaded.prepend(&events[..1], Seq(1));
    assert_eq!(styles(&loaded), ["", "fg1", "fg1", ""]);
}
