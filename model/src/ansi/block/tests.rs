use super::*;
use crate::ansi::oracle::seeds;
use crate::ansi::plain_text;
use fastrand::Rng;
use std::collections::BTreeMap;

/// Draws text that may contain newlines, in pieces of at most `longest` bytes. Returns the visible text of the lines
/// that were drawn on a screen. The text is `None` for a line that owns no rows.
fn drawn(mut screen: BlockScreen, text: &str, longest: usize) -> BTreeMap<i64, Option<String>> {
    let (mut number, mut lines) = (1, BTreeMap::new());
    for line in text.split_inclusive('\n') {
        let (mut rest, ends) = line.strip_suffix('\n').map_or((line, false), |line| (line, true));
        while !rest.is_empty() {
            let cut = rest.ceil_char_boundary(longest.min(rest.len()));
            screen.draw(number, &rest[..cut], LineEnd::Open);
            rest = &rest[cut..];
        }
        if ends {
            screen.draw(number, "", LineEnd::Complete);
            number += 1;
        }
        lines.extend(screen.take_changes().into_iter().map(|(number, redrawn)| match redrawn {
            Redrawn::Rows(rows) => (number, Some(plain_text(&rows.text).into_owned())),
            Redrawn::Overdrawn { .. } => (number, None),
        }));
    }
    lines
}

/// Returns the visible text of each line. If the line was drawn on a screen, this is the text that the screen shows.
/// Otherwise, it is the text that was printed.
fn shown(screen: BlockScreen, text: &str, longest: usize) -> Vec<Option<String>> {
    let drawn = drawn(screen, text, longest);
    let line = |(number, line): (i64, &str)| {
        let printed = || Some(plain_text(line.strip_suffix('\n').unwrap_or(line)).into_owned());
        drawn.get(&number).map_or_else(printed, Clone::clone)
    };
    (1..).zip(text.split_inclusive('\n')).map(line).collect()
}

/// Returns the visible text of each line if a [`Screen`] draws all lines, beginning with the first.
fn on_screen(height: u16, start: ScreenStart, text: &str) -> Vec<Option<String>> {
    let (mut screen, mut lines) = (Screen::new(height, start), BTreeMap::new());
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        match line.strip_suffix('\n') {
            Some(line) => screen.draw(number, line, LineEnd::Complete),
            None => screen.draw(number, line, LineEnd::Open),
        }
        lines.extend(screen.take_changes());
    }
    let text = |line: Redrawn| match line {
        Redrawn::Rows(rows) => Some(plain_text(&rows.text).into_owned()),
        Redrawn::Overdrawn { .. } => None,
    };
    lines.into_values().map(text).collect()
}

fn random_text(random: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..random.usize(..80) {
        text.push_str(match random.u8(..14) {
            0..=4 => "\n",
            5 => "\x1b[2A",
            6 => "\x1b[B\x1b[K",
            7 => "\x1b[31m",
            8 => "\r",
            9 => "\x1b7",
            10 => "\x1b8",
            11 => "\x1b[2;1H",
            12 => "word",
            _ => "layer 1",
        });
    }
    text
}

#[test]
fn a_screen_that_begins_with_the_first_movement_shows_what_one_from_the_first_line_shows() {
    for seed in seeds(2000) {
        let mut random = Rng::with_seed(seed);
        let height = random.u16(1..6);
        let start = if random.bool() { ScreenStart::Empty } else { ScreenStart::Unknown };
        let plain = "plain\n".repeat(random.usize(..8));
        let text = format!("{plain}{}", random_text(&mut random));
        // Trailing spaces and blank rows at the end of a line cannot be seen.
        let trimmed = |lines: Vec<Option<String>>| -> Vec<Option<String>> {
            lines.into_iter().map(|line| line.map(|line| line.trim_end().to_owned())).collect()
        };
        let expected = trimmed(on_screen(height, start, &text));
        let longest = random.usize(1..20);
        let shown = trimmed(shown(BlockScreen::new(height, start), &text, longest));
        assert_eq!(shown, expected, "{text:?} on {height} rows, TAILWATER_SEED={seed}");
    }
}

#[test]
fn blocks_follow_each_other_without_gaps() {
    assert_eq!(block_of(1), 1..=BLOCK_LINES);
    assert_eq!(block_of(BLOCK_LINES), 1..=BLOCK_LINES);
    assert_eq!(block_of(BLOCK_LINES + 1), BLOCK_LINES + 1..=2 * BLOCK_LINES);
    assert!(block_of(i64::MAX).contains(&i64::MAX));
}

#[test]
fn output_without_movements_needs_no_screen_and_little_memory() {
    let mut screen = BlockScreen::new(5, ScreenStart::Empty);
    for number in 1..1000 {
        assert!(!screen.draw(number, "50 %\r\x1b[K\x1b[31mdone", LineEnd::Complete));
    }
    assert!(screen.recent.len() <= 6, "{}", screen.recent.len());
    for (line, piece) in [(1000, "x\r"), (1001, "xx"), (1002, "\u{301}\u{301}")] {
        for _ in 0..1000 {
            screen.draw(line, &piece.repeat(1000), LineEnd::Open);
        }
        let bytes = screen.recent.back().expect("the line is unfinished").text.len();
        assert!(bytes < 2 * MAX_OPEN_BYTES, "{piece:?}: {bytes}");
    }
    assert!(screen.take_changes().is_empty());
}

#[test]
fn after_the_limit_lines_are_no_longer_drawn() {
    let mut screen = BlockScreen::new(5, ScreenStart::Empty);
    let row = "x".repeat(1000);
    let mut number = 0;
    while screen.draw(number + 1, &format!("\x1b[A{row}"), LineEnd::Complete) {
        number += 1;
        drop(screen.take_changes());
    }
    assert!(screen.is_full());
    let bytes = usize::try_from(number).expect("it is small") * (row.len() + 3);
    assert!((MAX_BLOCK_BYTES..MAX_BLOCK_BYTES + 2000).contains(&bytes), "{bytes}");
    assert!(!screen.draw(number + 2, "\x1b[AX", LineEnd::Complete));
    assert!(screen.take_changes().is_empty());
}
