use fastrand::Rng;
use model::{Event, LinesPage, Payload, Seq};

use super::*;
use crate::live_output::buffer::{Buffer, BufferLimits};
use crate::live_output::simulated::{gap_event, log_event, output_line};

const HEIGHT: u32 = 400;

/// The time, the log and the number of a line.
type Place = (i64, usize, i64);

/// A simulation of logs that are partly in memory. Each log is given as the times of its lines.
struct Simulation {
    times: Vec<Vec<i64>>,
    panels: Vec<Panel>,
    merged: MergedPanel,
    requests: usize,
}

fn number(index: usize) -> i64 {
    i64::try_from(index).expect("the number is small") + 1
}

fn line_event(line: i64, time: i64) -> Event {
    let mut event = log_event(Seq(line), line, &format!("line {line}\n"));
    if let Payload::Log(payload) = &mut event.payload {
        payload.time = Timestamp(time);
    }
    event
}

impl Simulation {
    /// Creates a simulation in which the last `tail` lines of each log are in memory.
    fn new(times: Vec<Vec<i64>>, tail: usize) -> Self {
        let panel = |times: &Vec<i64>| {
            let first = times.len().saturating_sub(tail);
            let events: Vec<Event> =
                times.iter().enumerate().skip(first).map(|(index, time)| line_event(number(index), *time)).collect();
            let end = Seq(number(times.len()) - 1);
            let mut panel = Panel::new(Buffer::new(Vec::new(), &events, end, BufferLimits::default()));
            panel.resize(80, HEIGHT);
            panel
        };
        let panels = times.iter().map(panel).collect();
        let mut merged = MergedPanel::new();
        merged.resize(HEIGHT);
        let mut simulation = Self { times, panels, merged, requests: 0 };
        simulation.settle();
        simulation
    }

    fn change(&mut self, change: impl FnOnce(&mut MergedPanel, &[&Panel])) {
        let panels: Vec<&Panel> = self.panels.iter().collect();
        change(&mut self.merged, &panels);
    }

    fn frame(&self) -> MergedFrame {
        self.merged.frame(&self.panels.iter().collect::<Vec<_>>())
    }

    /// Like the screen, loads the lines that the list requests, until the list requests no more lines.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.change(|merged, panels| {
                merged.update(panels);
                if let Some((log, key)) = merged.far_line(panels) {
                    merged.go_to(panels, log, key);
                }
            });
            let places: Vec<_> = (0..self.panels.len()).map(|log| self.merged.place_in(log)).collect();
            for (panel, place) in self.panels.iter_mut().zip(places) {
                if self.merged.follows() || place.is_some() {
                    panel.place_at(place);
                }
            }
            let wanted = self.frame().wanted;
            if wanted.is_empty() {
                return;
            }
            for wanted in wanted {
                self.load(wanted);
            }
        }
        panic!("the list requests lines endlessly: {:?}", self.frame().wanted);
    }

    fn load(&mut self, wanted: MergedWanted) {
        self.requests += 1;
        let (log, wanted) = match wanted {
            MergedWanted::Lines(log, wanted) => {
                self.merged.note_load();
                (log, wanted)
            }
            MergedWanted::AtTime(log, Timestamp(time)) => {
                self.merged.begin_asking(log);
                self.change(|merged, panels| merged.end_asking(panels, log, true));
                let times = &self.times[log];
                let line = times.partition_point(|of_line| *of_line < time).min(times.len() - 1);
                (log, self.panels[log].wanted_around(LineKey { attempt: 1, number: number(line) }))
            }
        };
        let LineRequest::Lines(part) = wanted else { panic!("there is no filter") };
        let item = |(index, time): (usize, &i64)| {
            let mut line = output_line(number(index), &format!("line {}", number(index)), model::Level::Info);
            line.time = Timestamp(*time);
            line
        };
        let first = usize::try_from(part.first - 1).expect("lines are numbered from 1");
        let count = usize::try_from(part.count).expect("the number is positive");
        let items = self.times[log].iter().enumerate().skip(first).take(count).map(item).collect();
        let total_lines = number(self.times[log].len()) - 1;
        self.panels[log].load(part, LinesPage { items, total_lines, complete: true });
    }

    /// Returns all lines in the order of the merged list.
    fn all(&self) -> Vec<Place> {
        let of_log = |(log, times): (usize, &Vec<i64>)| {
            times.iter().enumerate().map(|(index, time)| (*time, log, number(index))).collect::<Vec<Place>>()
        };
        let mut all: Vec<Place> = self.times.iter().enumerate().flat_map(of_log).collect();
        all.sort_unstable();
        all
    }

    /// Returns the drawn lines. Panics if lines are missing between them, or if they do not fill the visible part.
    fn drawn(&self) -> Vec<Place> {
        let frame = self.frame();
        let line = |(log, row): &(usize, RowView)| match row {
            RowView::Line { line, .. } => Some((line.time.0, *log, line.key.number)),
            _ => None,
        };
        let lines: Vec<Place> = frame.rows.iter().filter_map(line).collect();
        let all = self.all();
        let first = all.iter().position(|place| Some(place) == lines.first()).expect("a line is drawn");
        assert_eq!(lines, all[first..first + lines.len()], "no line is missing");
        assert!(lines.len() >= all.len().min(20), "the panel is full: {}", lines.len());
        lines
    }
}

fn random_times(random: &mut Rng, lines: usize) -> Vec<i64> {
    let mut time = random.i64(0..2_000);
    (0..lines)
        .map(|_| {
            time += if random.u8(..50) == 0 { random.i64(0..4_000) } else { random.i64(0..4) };
            time
        })
        .collect()
}

#[test]
fn lines_are_merged_by_time() {
    let simulation = Simulation::new(vec![vec![10, 30, 31], vec![5, 20, 30, 40]], 100);
    assert_eq!(simulation.drawn(), [(5, 1, 1), (10, 0, 1), (20, 1, 2), (30, 0, 2), (30, 1, 3), (31, 0, 3), (40, 1, 4)]);
    assert_eq!((simulation.requests, simulation.frame().above, simulation.frame().below), (0, 0, 0));
}

#[test]
fn only_the_period_that_all_windows_cover_is_shown() {
    // The window of the first log begins at time 901, and the window of the second log begins at time 601.
    let simulation = Simulation::new(vec![(1..=1000).collect(), (501..=700).collect()], 100);
    let drawn = simulation.drawn();
    assert_eq!(
        (drawn[0], drawn.last()),
        ((901 + 100 - i64::try_from(drawn.len()).expect("few"), 0, drawn[0].2), Some(&(1000, 0, 1000)))
    );
    assert_eq!(
        simulation.merged.list.rows().len(),
        100,
        "lines of the second log are earlier than the first log's window"
    );
    let space = simulation.merged.list.space(Side::Earlier).expect("lines are missing");
    assert_eq!(space.lines, 900 + 200);
}

#[test]
fn scrolling_up_loads_the_lines_of_the_log_that_limits_the_list() {
    for seed in 0..4 {
        let mut random = Rng::with_seed(seed);
        let times =
            vec![random_times(&mut random, 3_000), random_times(&mut random, 300), random_times(&mut random, 1_200)];
        let mut simulation = Simulation::new(times, 100);
        simulation.merged.pause();
        simulation.settle();
        let all = simulation.all();
        for _ in 0..200 {
            let before = simulation.drawn();
            let top = simulation.frame().scroll_to.saturating_sub(1_000);
            simulation.merged.scrolled(top);
            simulation.settle();
            let after = simulation.drawn();
            assert!(after[0] <= before[0], "seed {seed}: the list moves up");
            if after[0] == all[0] && simulation.frame().scroll_to == 0 {
                break;
            }
        }
        assert_eq!(simulation.drawn()[0], all[0], "seed {seed}: the start is reached");
    }
}

#[test]
fn the_list_jumps_to_any_line_and_any_position_of_the_scrollbar() {
    for seed in 0..6 {
        let mut random = Rng::with_seed(seed);
        let lengths = [5_000, 40, 20_000, 700];
        let times = lengths.map(|length| random_times(&mut random, length)).to_vec();
        let mut simulation = Simulation::new(times, 200);
        for _ in 0..15 {
            let log = random.usize(..4);
            let line = random.usize(..lengths[log]);
            let key = LineKey { attempt: 1, number: number(line) };
            let place = (simulation.times[log][line], log, key.number);
            simulation.change(|merged, panels| merged.go_to(panels, log, key));
            simulation.settle();
            assert!(simulation.drawn().contains(&place), "seed {seed}: {place:?} is drawn");
            assert!(!simulation.merged.seeks());

            let height = simulation.merged.list.height();
            let top = random.u32(..height);
            simulation.merged.pause();
            simulation.merged.scrolled(top);
            simulation.settle();
            simulation.drawn();
        }
        simulation.change(MergedPanel::go_to_start);
        simulation.settle();
        assert_eq!((simulation.drawn()[0], simulation.frame().scroll_to), (simulation.all()[0], 0), "seed {seed}");
        assert!(simulation.requests < 15 * 2 * 20, "seed {seed}: {} requests", simulation.requests);
    }
}

#[test]
fn the_list_follows_its_end_until_it_is_paused() {
    let mut simulation = Simulation::new(vec![(1..=500).collect(), (1..=500).collect()], 1_000);
    let append = |simulation: &mut Simulation, line: i64| {
        simulation.times[1].push(line);
        simulation.panels[1].append(vec![line_event(line, line)]);
        simulation.settle();
    };
    append(&mut simulation, 501);
    assert_eq!(simulation.drawn().last(), Some(&(501, 1, 501)));
    let at_end = simulation.frame().scroll_to;
    assert_eq!(at_end, 1001 * ROW_HEIGHT - HEIGHT);
    simulation.merged.pause();
    append(&mut simulation, 502);
    assert_eq!(simulation.frame().scroll_to, at_end, "the rows stay where they are");
    simulation.merged.follow();
    simulation.settle();
    assert_eq!(simulation.frame().scroll_to, at_end + ROW_HEIGHT);
}

#[test]
fn logs_without_lines_are_merged() {
    let simulation = Simulation::new(vec![Vec::new(), Vec::new()], 10);
    let frame = simulation.frame();
    assert_eq!(
        (frame.rows, frame.above, frame.below, frame.scroll_to, frame.wanted),
        (Vec::new(), 0, 0, 0, Vec::new())
    );
}

#[test]
fn seeking_a_line_that_does_not_exist_ends() {
    let mut simulation = Simulation::new(vec![(1..=500).collect(), (1..=500).collect()], 100);
    simulation.change(|merged, panels| merged.go_to(panels, 0, LineKey { attempt: 1, number: 1_000_000 }));
    simulation.settle();
    assert!(!simulation.merged.seeks());
}

#[test]
fn a_log_that_ends_with_output_that_was_not_sent_does_not_hide_the_others() {
    let mut simulation = Simulation::new(vec![(1..=1_000).collect(), (1..=100).collect()], 2_000);
    let mut gap = gap_event(Seq(101), (0, 1_000), (101, 100));
    gap.created_at = Timestamp(900);
    simulation.times[1].extend(101..=200);
    simulation.panels[1].append(vec![gap]);
    simulation.settle();
    assert_eq!(simulation.drawn().last(), Some(&(1_000, 0, 1_000)));
    simulation.change(MergedPanel::go_to_start);
    simulation.settle();
    assert_eq!(simulation.drawn()[..2], [(1, 0, 1), (1, 1, 1)]);
}

#[test]
fn windows_that_do_not_overlap_are_joined_at_the_line_that_the_reader_wants_to_see() {
    // The second log is silent between 1,000 and 50,000.
    let silent = (1..=1_000).chain(50_000..=51_000).collect();
    let mut simulation = Simulation::new(vec![(1..=60_000).collect(), silent], 200);
    let key = LineKey { attempt: 1, number: 30_000 };
    simulation.change(|merged, panels| merged.go_to(panels, 0, key));
    simulation.settle();
    assert!(simulation.drawn().contains(&(30_000, 0, 30_000)));
    assert!(simulation.requests < 10, "{} requests", simulation.requests);
}
