//! Tests properties of the screen with generated text.

use super::*;
use crate::ansi::oracle::{Cells, emulate, seeds, shown_rows};
use fastrand::Rng;

/// Generates text whose motions the screen and the emulator apply in the same way, and whose characters have the same
/// width in both.
fn random_text(random: &mut Rng, pieces: u64) -> String {
    let mut text = String::new();
    for _ in 0..random.u64(..pieces) {
        let number = random.u64(..5);
        let other = random.u64(..12);
        let piece = match random.u64(..36) {
            0..=5 => "\n".to_owned(),
            6 | 7 => "\r".to_owned(),
            8 | 9 => format!("\x1b[{number}A"),
            10 => format!("\x1b[{number}B"),
            11 => format!("\x1b[{number}E"),
            12 => format!("\x1b[{number}F"),
            13 => format!("\x1b[{number};{other}H"),
            14 => format!("\x1b[{number}d"),
            15 => format!("\x1b[{}J", random.u64(..2)),
            16 => format!("\x1b[{}K", random.u64(..3)),
            17 => random.choice(["\x1b7", "\x1b8"]).expect("there are some").to_owned(),
            18 => random.choice(["\x1bM", "\x0b", "\x0c"]).expect("there are some").to_owned(),
            19 => format!("\x1b[{number}{}", random.choice(['L', 'M']).expect("there are some")),
            20 => format!("\x1b[{number}{}", random.choice(['S', 'T']).expect("there are some")),
            21 => format!("\x1b[{number}{}", random.choice(['@', 'P']).expect("there are some")),
            22 => format!("\x1b[1;{}r", random.u64(2..6)),
            23 => "\x1b[r".to_owned(),
            24 => format!("\x1b[{other}G"),
            25 => format!("\x1b[{number}X"),
            26..=28 => {
                format!("\x1b[{}m", random.choice([0, 1, 22, 31, 32, 39, 44, 49, 91, 102]).expect("there are some"))
            }
            29 => random.choice(["é", "█", "日"]).expect("there are some").to_owned(),
            _ => random.choice(["a", "bc", "100 %", "Pulling", "=>"]).expect("there are some").to_owned(),
        };
        text.push_str(&piece);
    }
    text
}

/// Returns the rows on the screen.
pub(super) fn on_screen(screen: &mut Screen, height: u16) -> Vec<Cells> {
    let row = |row: &grid::ScreenRow| {
        let mut text = String::new();
        row.content.render(&mut Pen::new(Style::default()), Style::default(), &mut text);
        shown_rows(&text).remove(0)
    };
    let mut rows: Vec<Cells> = screen.grid.rows_mut().iter().map(row).collect();
    rows.resize(height.into(), Cells::new());
    rows
}

/// Returns the rows of all visible lines, without blank ones.
pub(super) fn shown(drawing: &Drawing) -> Vec<Cells> {
    let rows = drawing.texts().into_iter().flat_map(|line| shown_rows(line.1));
    rows.filter(|row| !row.is_empty()).collect()
}

#[test]
fn random_text_matches_a_terminal_emulator_row_by_row() {
    for seed in seeds(1500) {
        let mut random = Rng::with_seed(seed);
        let height = random.u16(2..8);
        let text = random_text(&mut random, 60);
        let mut drawing = drawn(height, &text);
        let expected = emulate(&text.replace('\n', "\r\n"), height);
        let screen = &expected[expected.len() - usize::from(height)..];
        assert_eq!(on_screen(&mut drawing.screen, height), screen, "{text:?}, TAILWATER_SEED={seed}");
        let expected: Vec<Cells> = expected.into_iter().filter(|row| !row.is_empty()).collect();
        assert_eq!(shown(&drawing), expected, "{text:?}, TAILWATER_SEED={seed}");
    }
}

/// Draws text in pieces of random lengths, and stores the changes after some of the pieces.
fn drawn_in_pieces(height: u16, text: &str, random: &mut Rng) -> Drawing {
    let mut drawing = Drawing::new(height, ScreenStart::Empty);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let longest = random.usize(first.len_utf8()..20);
        let (piece, after) = rest.split_at(rest.floor_char_boundary(longest));
        drawing.draw(piece);
        if random.bool() {
            drawing.update();
        }
        rest = after;
    }
    drawing.update();
    drawing
}

/// Generates text from random bytes, many of which belong to sequences.
fn random_bytes(random: &mut Rng) -> String {
    const FREQUENT: &[u8] = b"\x1b[];0123456789?ABHJKLMSTrsuh78cPX@mab \\\x07\n\r\x08\x0b";
    let mut bytes = Vec::new();
    for _ in 0..random.usize(..120) {
        match random.u8(..12) {
            0 => bytes.push(random.u8(..)),
            1 | 2 => bytes.push(0x1b),
            3 | 4 => bytes.extend_from_slice(b"\x1b["),
            5 => bytes.extend_from_slice(
                random
                    .choice(["日\u{200d}", "e\u{301}", "\x1b]8;;https://a.example/\x1b\\", "\x1b[?1049h"])
                    .expect("some")
                    .as_bytes(),
            ),
            _ => bytes.push(*random.choice(FREQUENT).expect("there are some")),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn the_result_does_not_depend_on_where_the_text_is_cut() {
    for seed in seeds(3000) {
        let mut random = Rng::with_seed(seed);
        let height = random.u16(1..8);
        let text = if random.bool() { random_text(&mut random, 60) } else { random_bytes(&mut random) };
        let whole = drawn(height, &text);
        let pieces = drawn_in_pieces(height, &text, &mut random);
        assert_eq!(pieces.texts(), whole.texts(), "{text:?}, TAILWATER_SEED={seed}");
    }
}

#[test]
fn random_bytes_are_drawn_as_visible_text_in_a_bounded_number_of_rows() {
    for seed in seeds(5000) {
        let mut random = Rng::with_seed(seed);
        let height = random.u16(1..8);
        let text: String = (0..random.u8(1..6)).map(|_| random_bytes(&mut random)).collect();
        let start = if random.bool() { ScreenStart::Empty } else { ScreenStart::Unknown };
        let mut drawing = Drawing::new(height, start);
        drawing.draw(&text);
        drawing.update();
        assert!(drawing.screen.grid.rows_mut().len() <= height.into(), "{text:?}, TAILWATER_SEED={seed}");
        for (_, line) in drawing.plain() {
            let is_shown = |shown: char| matches!(shown, '\t' | '\n') || !shown.is_control();
            assert!(line.chars().all(is_shown), "{text:?} as {line:?}, TAILWATER_SEED={seed}");
        }
    }
}

#[test]
fn every_line_is_either_shown_or_overdrawn_on_a_line_that_is_shown() {
    for seed in seeds(3000) {
        let mut random = Rng::with_seed(seed);
        let height = random.u16(1..8);
        let text = if random.bool() { random_text(&mut random, 60) } else { random_bytes(&mut random) };
        let drawing = drawn_in_pieces(height, &text, &mut random);
        let begun = i64::try_from(text.split_inclusive('\n').count()).expect("it is small");
        assert_eq!(drawing.lines.keys().copied().collect::<Vec<_>>(), (1..=begun).collect::<Vec<_>>(), "{text:?}");
        for mut line in 1..=begun {
            let mut steps = 0;
            while let Redrawn::Overdrawn { on } = drawing.lines[&line] {
                (line, steps) = (on, steps + 1);
                assert!(steps <= begun, "{text:?}, TAILWATER_SEED={seed}");
            }
        }
    }
}
