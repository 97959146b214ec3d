use model::{Event, Payload, Seq, Stage, StreamName};

use super::*;
use crate::live_output::buffer::{Buffer, BufferLimits, WhenFull};
use crate::live_output::simulated::log_event;

fn buffer(output: &str) -> Buffer {
    let mut buffer = Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default());
    buffer.append(vec![log_event(Seq(1), 1, output)], WhenFull::DropOldest);
    buffer
}

fn key(number: i64) -> LineKey {
    LineKey { attempt: 1, number }
}

/// Returns the shown lines. A title is preceded by `+` if its lines are hidden and by `-` if they are shown, and is
/// followed by the number of these lines.
fn shown_of(lines: &VecDeque<LiveLine>, groups: &Groups) -> Vec<String> {
    let mut outline = Outline::new(groups, lines, StepTitles::Shown);
    let shown: Vec<Shown> = (0..lines.len()).map(|at| outline.enter(at)).collect();
    let states = outline.end();
    let row = |(at, shown): (usize, Shown)| match shown {
        Shown::Output => Some(lines[at].text.clone()),
        Shown::Title => {
            let sign = if states[&at].collapsed == Collapsed::Yes { '+' } else { '-' };
            let title = lines[at].title(&lines[at].text);
            Some(format!("{sign}{title} {}", states[&at].lines))
        }
        Shown::Collapsed | Shown::GroupEnd => None,
    };
    shown.into_iter().enumerate().filter_map(row).collect()
}

#[track_caller]
fn check(output: &str, expected: &[&str]) {
    assert_eq!(shown_of(buffer(output).lines(), &Groups::default()), expected, "{output:?}");
}

#[track_caller]
fn check_collapsed(output: &str, titles: &[i64], expected: &[&str]) {
    let mut groups = Groups::default();
    for title in titles {
        groups.set(GroupKey::Lines(key(*title)), Collapsed::Yes);
    }
    assert_eq!(shown_of(buffer(output).lines(), &groups), expected, "{output:?}");
}

#[test]
fn a_group_extends_from_its_title_to_its_end() {
    check("a\n::group::G\nb\nc\n::endgroup::\nd\n", &["a", "-G 2", "b", "c", "d"]);
    check("##[group]G\nb\n##[endgroup]\n", &["-G 1", "b"]);
    check_collapsed("a\n::group::G\nb\nc\n::endgroup::\nd\n", &[2], &["a", "+G 2", "d"]);
    check_collapsed("::group::G\n::endgroup::\nd\n", &[1], &["+G 0", "d"]);
}

#[test]
fn a_line_can_end_a_section_and_begin_the_next_one() {
    let marker = |edge: &str, name: &str| format!("\x1b[0Ksection_{edge}:1:{name}\r\x1b[0K");
    let (begin, end) = (marker("start", "a"), marker("end", "a"));
    let next = format!("{end}{}B", marker("start", "b"));
    let output = format!("{begin}A\na\n{next}\nb\nb\n{}\nz\n", marker("end", "b"));
    check(&output, &["-A 1", "a", "-B 2", "b", "b", "z"]);
    check_collapsed(&output, &[1], &["+A 1", "-B 2", "b", "b", "z"]);
    check_collapsed(&output, &[1, 3], &["+A 1", "+B 2", "z"]);
    check(&format!("{begin}{end}B\nz\n"), &["-B 0", "z"]);
    for cut in 1..next.len() {
        let mut buffer = Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default());
        let (first, second) = (format!("{begin}A\n{}", &next[..cut]), format!("{}\n", &next[cut..]));
        let events = vec![log_event(Seq(1), 1, &first), log_event(Seq(2), 2, &second)];
        buffer.append(events, WhenFull::DropOldest);
        assert_eq!(shown_of(buffer.lines(), &Groups::default()), ["-A 0", "-B 0"], "cut at {cut}");
    }
}

#[test]
fn groups_can_contain_others() {
    let output = "::group::A\na\n::group::B\nb\n::endgroup::\na\n::endgroup::\nz\n";
    check(output, &["-A 5", "a", "-B 1", "b", "a", "z"]);
    check_collapsed(output, &[3], &["-A 5", "a", "+B 1", "a", "z"]);
    check_collapsed(output, &[1], &["+A 5", "z"]);
    check_collapsed(output, &[1, 3], &["+A 5", "z"]);
}

#[test]
fn a_group_without_an_end_extends_to_the_end_of_its_step() {
    check("::group::A\na\n::group::B\nb\n", &["-A 3", "a", "-B 1", "b"]);
    let mut buffer = buffer("::group::A\na\n");
    let mut next = log_event(Seq(2), 3, "b\n");
    if let Payload::Log(payload) = &mut next.payload {
        payload.step_index = 1;
    }
    buffer.append(vec![next], WhenFull::DropOldest);
    let mut groups = Groups::default();
    groups.set(GroupKey::Lines(key(1)), Collapsed::Yes);
    assert_eq!(shown_of(buffer.lines(), &groups), ["+A 1", "b"]);
}

#[test]
fn an_end_without_a_beginning_is_output() {
    check("a\n::endgroup::\nb\n", &["a", "::endgroup::", "b"]);
    check("::group::A\n::endgroup::\n::endgroup::\n", &["-A 0", "::endgroup::"]);
    check("::group::A\n\x1b[0Ksection_end:1:s\r\x1b[0Kx\n", &["-A 1", "x"]);
}

#[test]
fn a_heading_ends_the_group_of_the_previous_heading() {
    let output = "--- One\na\n+++ Two\nb\n~~~ Three\nc\n";
    check(output, &["-One 1", "a", "-Two 1", "b", "-Three 1", "c"]);
    check_collapsed(output, &[1, 5], &["+One 1", "-Two 1", "b", "+Three 1"]);
    // A heading inside another group begins a group that ends together with that group. It does not end the group of an
    // outer heading.
    let output = "--- One\n::group::Inner\na\n--- Two\nb\n::endgroup::\nc\n--- Three\n";
    check(output, &["-One 6", "-Inner 3", "a", "-Two 1", "b", "c", "-Three 0"]);
}

#[test]
fn file_names_in_a_diff_are_not_headings() {
    let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
    let lines: Vec<&str> = diff.lines().collect();
    check(diff, &lines);
    let mut buffer = buffer("--- a/x\n");
    let mut error = log_event(Seq(2), 2, "warning\n");
    if let Payload::Log(payload) = &mut error.payload {
        payload.stream = StreamName::Stderr;
    }
    buffer.append(vec![error, log_event(Seq(3), 3, "+++ b/x\n")], WhenFull::DropOldest);
    let shown = ["--- a/x", "warning", "+++ b/x"];
    assert_eq!(shown_of(buffer.lines(), &Groups::default()), shown, "a line of the other stream is between them");
    check("--- a\n+++ b\n--- Real\nx\n", &["--- a", "+++ b", "-Real 1", "x"]);
}

#[test]
fn sections_are_collapsed_if_their_options_request_it() {
    let section = |options: &str| {
        format!("\x1b[0Ksection_start:1:s{options}\r\x1b[0KTitle\nb\n\x1b[0Ksection_end:2:s\r\x1b[0K\nz\n")
    };
    check(&section(""), &["-Title 1", "b", "z"]);
    check(&section("[collapsed=true]"), &["+Title 1", "z"]);
    let mut groups = Groups::default();
    groups.set(GroupKey::Lines(key(1)), Collapsed::No);
    assert_eq!(shown_of(buffer(&section("[collapsed=true]")).lines(), &groups), ["-Title 1", "b", "z"]);
}

#[test]
fn markers_are_recognised_wherever_the_output_is_split() {
    let output = "::group::A\n\x1b[0Ksection_start:1:s[collapsed=true]\r\x1b[0KTitle\nb\n\x1b[0Ksection_end:2:s\r\x1b[0K\n\
                  --- H\nc\n";
    let whole = shown_of(buffer(output).lines(), &Groups::default());
    assert_eq!(whole, ["-A 5", "+Title 1", "-H 1", "c"]);
    for at in 1..output.len() {
        let first_line = i64::try_from(output[..at].matches('\n').count()).expect("the number is small") + 1;
        let events: Vec<Event> =
            vec![log_event(Seq(1), 1, &output[..at]), log_event(Seq(2), first_line, &output[at..])];
        let mut buffer = Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default());
        buffer.append(events, WhenFull::DropOldest);
        assert_eq!(shown_of(buffer.lines(), &Groups::default()), whole, "cut at {at}");
    }
}

#[test]
fn all_groups_can_be_collapsed_and_expanded() {
    let buffer = buffer("::group::A\na\n::endgroup::\n::group::B\nb\n::endgroup::\n");
    let mut groups = Groups::default();
    groups.set_all(Collapsed::Yes);
    assert_eq!(shown_of(buffer.lines(), &groups), ["+A 1", "+B 1"]);
    groups.set(GroupKey::Lines(key(4)), Collapsed::No);
    assert_eq!(shown_of(buffer.lines(), &groups), ["+A 1", "-B 1", "b"]);
    groups.set_all(Collapsed::No);
    assert_eq!(shown_of(buffer.lines(), &groups), ["-A 1", "a", "-B 1", "b"]);
}

#[test]
fn a_step_is_collapsed_only_if_the_list_shows_where_it_begins() {
    let buffer = buffer("a\n::group::A\nb\n");
    let step = StepRef { stage: Stage::Execute, index: 0 };
    let mut groups = Groups::default();
    groups.set(GroupKey::Step(1, step), Collapsed::Yes);
    assert_eq!(shown_of(buffer.lines(), &groups), Vec::<String>::new());
    groups.set(GroupKey::Step(2, step), Collapsed::Yes);
    let mut outline = Outline::new(&groups, buffer.lines(), StepTitles::Hidden);
    assert_eq!([outline.enter(0), outline.enter(1), outline.enter(2)], [Shown::Output, Shown::Title, Shown::Output]);
}

#[test]
fn a_title_shows_the_duration_and_the_highest_level_of_its_group() {
    let mut buffer = Buffer::new(Vec::new(), &[], Seq::START, BufferLimits::default());
    let second = |number: i64, text: &str| log_event(Seq(number * 1_000_000), number, text);
    let texts = ["::group::A\n", "error: broken\n", "warning: b\n", "::endgroup::\n", "::group::B\n", "c\n"];
    buffer.append((1..).zip(texts).map(|(number, text)| second(number, text)).collect(), WhenFull::DropOldest);
    let groups = Groups::default();
    let mut outline = Outline::new(&groups, buffer.lines(), StepTitles::Shown);
    for at in 0..buffer.lines().len() {
        outline.enter(at);
    }
    let states = outline.end();
    let state = |level, lines, millis| GroupState { collapsed: Collapsed::No, lines, millis, level };
    assert_eq!(states[&0], state(Level::Error, 2, Some(3_000)));
    assert_eq!(states[&4], state(Level::Info, 1, None));
}
