use super::*;

fn part(lines: &[i64], matches: i64, next: Option<i64>, done: bool) -> SearchPage {
    SearchPage { lines: lines.to_vec(), matches, next, done, ..SearchPage::default() }
}

fn key(attempt: i32, number: i64) -> LineKey {
    LineKey { attempt, number }
}

#[test]
fn parts_of_two_attempts_add_up() {
    let mut findings = Findings::default();
    assert_eq!((findings.next(1), findings.total()), (Some(1), 0));
    findings.begin(1, 1);
    findings.take(1, &part(&[3, 5], 2, None, false));
    findings.take(1, &part(&[8], 3, None, true));
    findings.begin(2, 1);
    findings.take(2, &part(&[3], 1, Some(4), true));
    assert_eq!((findings.next(1), findings.next(2), findings.total()), (None, Some(4), 4));
    assert_eq!(
        (findings.rank(key(1, 8)), findings.rank(key(2, 3)), findings.rank(key(2, 4))),
        (Some(3), Some(4), None)
    );
}

#[test]
fn a_continued_search_replaces_the_findings_in_unfinished_lines() {
    let mut findings = Findings::default();
    findings.begin(1, 1);
    findings.take(1, &part(&[2, 6, 7], 3, Some(6), true));
    findings.begin(1, 6);
    assert_eq!(findings.total(), 1);
    findings.take(1, &part(&[6, 9], 2, None, true));
    assert_eq!((findings.total(), findings.lines().map(|line| line.number).collect::<Vec<_>>()), (3, vec![2, 6, 9]));
}

#[test]
fn the_matches_of_each_step_are_counted_once() {
    let step = |id: &str, matches| StepMatches { stage: Stage::Execute, step_id: Some(id.into()), matches };
    let with = |page: SearchPage, steps: &[StepMatches]| SearchPage { steps: steps.to_vec(), ..page };
    let mut findings = Findings::default();
    findings.begin(1, 1);
    findings.take(1, &with(part(&[2], 1, Some(5), false), &[step("a", 1)]));
    findings.take(1, &with(part(&[6, 7, 8], 4, Some(7), true), &[step("a", 1), step("b", 2)]));
    let counts = |findings: &Findings| ["a", "b", "c"].map(|id| findings.of_step(1, Stage::Execute, id));
    assert_eq!(counts(&findings), [2, 2, 0]);
    // The lines from line 7 on are searched again.
    findings.begin(1, 7);
    assert_eq!(counts(&findings), [2, 0, 0]);
    findings.take(1, &with(part(&[7, 8, 9], 3, None, true), &[step("b", 3)]));
    assert_eq!((counts(&findings), findings.of_step(2, Stage::Execute, "a")), ([2, 3, 0], 0));
    assert_eq!(findings.of_step(1, Stage::Prepare, "a"), 0);
}

#[test]
fn matches_whose_numbers_are_not_reported_are_counted() {
    let mut findings = Findings::default();
    findings.begin(1, 1);
    findings.take(1, &part(&[1, 2], 2, None, false));
    findings.take(1, &part(&[], 900, Some(1000), true));
    findings.begin(1, 1000);
    findings.take(1, &part(&[1001], 1, None, true));
    assert_eq!(findings.total(), 901);
}

#[test]
fn the_number_of_matches_before_a_line_is_estimated_where_their_numbers_are_not_reported() {
    let mut findings = Findings::default();
    findings.begin(1, 1);
    findings.take(1, &part(&[10, 20], 2, Some(101), false));
    findings.take(1, &part(&[], 102, Some(1101), false));
    findings.take(1, &SearchPage { total_lines: 2100, ..part(&[], 102, None, true) });
    findings.begin(2, 1);
    findings.take(2, &part(&[7], 1, Some(9), true));
    for (number, index) in [(1, 0), (10, 0), (11, 1), (20, 1), (21, 2), (561, 52), (1101, 102), (2000, 102)] {
        assert_eq!(findings.index(key(1, number)), index, "line {number}");
    }
    assert_eq!((findings.index(key(2, 7)), findings.index(key(2, 8))), (102, 103));
    for (index, number) in [(0, 10), (1, 20), (2, 21), (52, 561), (101, 1090)] {
        assert_eq!(findings.line_at(index), Some(key(1, number)), "index {index}");
    }
    assert_eq!((findings.line_at(102), findings.line_at(103)), (Some(key(2, 7)), None));
    assert_eq!(findings.end(), key(2, 9));
}

#[test]
fn a_line_that_stays_unfinished_does_not_hide_that_later_lines_have_been_searched() {
    let mut findings = Findings::default();
    findings.begin(1, 1);
    findings.take(1, &part(&[1, 30], 2, Some(1), false));
    assert_eq!(findings.end(), key(1, 31));
    findings.take(1, &SearchPage { total_lines: 99, ..part(&[70], 3, Some(1), true) });
    assert_eq!((findings.end(), findings.next(1), findings.total()), (key(1, 100), Some(1), 3));
    assert_eq!((findings.lines_to_search_again(1), findings.lines_to_search_again(2)), (99, 0));
    assert_eq!(findings.index(findings.end()), findings.total(), "no match is beyond the end");
    findings.begin(1, 1);
    assert_eq!((findings.end(), findings.total()), (key(1, 100), 0));
}

#[test]
fn an_unfinished_line_is_counted_once_among_lines_whose_numbers_are_not_reported() {
    let mut findings = Findings::default();
    findings.begin(1, 1);
    findings.take(1, &part(&[1, 2], 2, None, false));
    findings.take(1, &SearchPage { total_lines: 1000, ..part(&[], 900, Some(1000), true) });
    for seconds in 1..4 {
        findings.begin(1, 1000);
        findings.take(1, &SearchPage { total_lines: 1000, ..part(&[1000], 1, Some(1000), true) });
        assert_eq!(findings.total(), 901, "after {seconds} s");
    }
}

#[test]
fn everything_before_the_end_has_been_searched() {
    let mut findings = Findings::default();
    assert_eq!(findings.end(), key(1, 1));
    findings.begin(1, 1);
    assert_eq!(findings.end(), key(1, 1));
    findings.take(1, &part(&[3], 1, Some(50), false));
    assert_eq!(findings.end(), key(1, 50));
    findings.take(1, &part(&[60], 2, None, true));
    assert_eq!(findings.end(), key(2, 1));
    assert_eq!((findings.next(1), findings.next(2)), (None, Some(1)));
}

#[test]
fn moving_between_matches_ends_at_the_first_and_the_last_one() {
    let mut findings = Findings::default();
    assert_eq!((findings.first_from(key(1, 1)), findings.last_before(key(1, 1))), (Ok(None), Ok(None)));
    findings.begin(1, 1);
    findings.take(1, &part(&[3, 5], 2, None, true));
    findings.begin(2, 1);
    findings.take(2, &part(&[1], 1, None, true));
    for (at, from, before) in [
        (key(1, 1), Some(key(1, 3)), None),
        (key(1, 3), Some(key(1, 3)), None),
        (key(1, 4), Some(key(1, 5)), Some(key(1, 3))),
        (key(1, 6), Some(key(2, 1)), Some(key(1, 5))),
        (key(2, 1), Some(key(2, 1)), Some(key(1, 5))),
        (key(2, 2), None, Some(key(2, 1))),
    ] {
        assert_eq!((findings.first_from(at), findings.last_before(at)), (Ok(from), Ok(before)), "{at:?}");
    }
}

/// The matching lines of a log whose search reports at most `LIMIT` numbers, as the server's search does.
struct SearchedLog {
    matching: Vec<i64>,
    total_lines: i64,
}

impl SearchedLog {
    const LIMIT: usize = 10;
    const CHUNK: i64 = 100;

    /// Returns the parts of a search from a line on.
    fn parts(&self, from: i64) -> Vec<SearchPage> {
        let (mut parts, mut at, mut left, mut matches) = (Vec::new(), from, Self::LIMIT, 0);
        loop {
            let end = (at + Self::CHUNK).min(self.total_lines + 1);
            let found: Vec<i64> = self.matching.iter().copied().filter(|line| (at..end).contains(line)).collect();
            matches += count(found.len());
            let lines: Vec<i64> = found.into_iter().take(left).collect();
            left -= lines.len();
            let done = end > self.total_lines;
            let next = (!done).then_some(end);
            parts.push(SearchPage {
                lines,
                matches,
                next,
                done,
                total_lines: self.total_lines,
                ..SearchPage::default()
            });
            if done {
                return parts;
            }
            at = end;
        }
    }

    fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        findings.begin(1, 1);
        self.parts(1).iter().for_each(|part| findings.take(1, part));
        findings
    }

    /// Repeats a question about a line until it is answered, and asks the server in between.
    fn answer(&self, findings: &mut Findings, mut key: LineKey, question: FindLine) -> Option<i64> {
        for _ in 0..100 {
            match question(findings, key) {
                Ok(line) => return line.map(|line| line.number),
                Err(missing) => {
                    key = missing.key();
                    let mut window = missing.window();
                    let parts = self.parts(missing.from);
                    let needed = parts.iter().take_while(|part| window.take(missing, part)).count();
                    assert!(needed < parts.len(), "the last part needs no more parts");
                    findings.show(window);
                }
            }
        }
        panic!("the question was not answered");
    }
}

#[test]
fn moving_between_more_matches_than_the_search_reports_misses_none_and_knows_each_rank() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200 {
        let total_lines = random.i64(1..1500);
        let density = random.f64();
        let clusters = random.bool();
        let is_match = |line: &i64| !clusters || line / 150 % 3 == 1;
        let matching: Vec<i64> = (1..=total_lines).filter(|_| random.f64() < density).filter(is_match).collect();
        let log = SearchedLog { matching: matching.clone(), total_lines };
        let mut findings = log.findings();
        for _ in 0..40 {
            let line = random.i64(1..total_lines + 3);
            let from = log.answer(&mut findings, key(1, line), Findings::first_from);
            assert_eq!(from, matching.iter().copied().find(|at| *at >= line), "round {round}, from {line}");
            if let Some(from) = from {
                let rank = count(matching.partition_point(|at| *at <= from));
                assert_eq!(findings.rank(key(1, from)), Some(rank), "round {round}, line {from}");
            }
            let before = log.answer(&mut findings, key(1, line), Findings::last_before);
            assert_eq!(before, matching.iter().copied().rfind(|at| *at < line), "round {round}, before {line}");
            if let Some(before) = before {
                let rank = count(matching.partition_point(|at| *at <= before));
                assert_eq!(findings.rank(key(1, before)), Some(rank), "round {round}, line {before}");
            }
        }
        let last = log.answer(&mut findings, key(2, 1), Findings::last_before);
        assert_eq!(last, matching.last().copied(), "round {round}");
        let mut at = 1;
        for expected in &matching {
            at = log.answer(&mut findings, key(1, at), Findings::first_from).expect("there is a match");
            assert_eq!(at, *expected, "round {round}");
            at += 1;
        }
    }
}

#[test]
fn numbers_that_were_requested_are_kept_until_their_lines_are_searched_again() {
    let log = SearchedLog { matching: (1..=500).collect(), total_lines: 500 };
    let mut findings = log.findings();
    let newer = findings.clone();
    assert_eq!(log.answer(&mut findings, key(1, 300), Findings::first_from), Some(300));
    findings.update(&newer);
    assert_eq!(findings.rank(key(1, 300)), Some(300));
    let mut again = findings.clone();
    again.begin(1, 250);
    findings.update(&again);
    assert_eq!(findings.rank(key(1, 300)), None);
}

#[test]
fn ranges_with_matches_whose_numbers_are_not_reported_are_known() {
    let matching = (1..=30).chain(250..=260).collect();
    let findings = SearchedLog { matching, total_lines: 500 }.findings();
    let ranges: Vec<(i64, i64)> = findings.unreported().map(|(start, end)| (start.number, end.number)).collect();
    assert_eq!(ranges, [(11, 100), (201, 300)]);
}
