//! Compares drawn text with the content of a terminal emulator, in tests.

use super::row::TAB;
use super::width::width;
use super::{Scanner, Style};

/// The width of the emulated terminal in columns. No generated or recorded row is wider.
const WIDE: u16 = 1000;

/// The columns of a row. Each column is a tuple of its text, whether the text is bold, the foreground colour and the
/// background colour. Blank text has no style.
pub(super) type Cells = Vec<(String, bool, Option<u8>, Option<u8>)>;

fn blank() -> (String, bool, Option<u8>, Option<u8>) {
    (" ".to_owned(), false, None, None)
}

fn trimmed(mut cells: Cells) -> Cells {
    cells.truncate(cells.iter().rposition(|cell| cell.0 != " ").map_or(0, |last| last + 1));
    cells
}

/// Draws text in an emulator whose screen is `height` rows high. Returns the rows that have scrolled off the screen,
/// followed by the rows on the screen.
pub(super) fn emulate(text: &str, height: u16) -> Vec<Cells> {
    let (rows, columns) = (height.try_into().expect("not 0"), WIDE.try_into().expect("not 0"));
    let mut terminal = vt100::Parser::new(rows, columns, 10_000);
    terminal.process(text.as_bytes());
    terminal.screen_mut().set_scrollback(usize::MAX);
    let mut scrolled_off = terminal.screen().scrollback();
    let mut all = Vec::new();
    while scrolled_off > 0 {
        terminal.screen_mut().set_scrollback(scrolled_off);
        all.push(emulated_row(terminal.screen(), 0));
        scrolled_off -= 1;
    }
    terminal.screen_mut().set_scrollback(0);
    all.extend((0..height).map(|row| emulated_row(terminal.screen(), row)));
    all
}

fn emulated_row(screen: &vt100::Screen, row: u16) -> Cells {
    let number = |color| match color {
        vt100::Color::Idx(number) => nearest_colour(number),
        _ => None,
    };
    let cell = |column| {
        let Some(cell) = screen.cell(row, column) else { return blank() };
        let text = cell.contents();
        if text.is_empty() && !cell.is_wide_continuation() {
            return blank();
        }
        // The style of blanks is ignored, because the emulator gives erased cells the current style.
        if text.starts_with(' ') {
            return (text.to_owned(), false, None, None);
        }
        (text.to_owned(), cell.bold(), number(cell.fgcolor()), number(cell.bgcolor()))
    };
    trimmed((0..WIDE).map(cell).collect())
}

/// Maps one of the 256 colours to the nearest of the sixteen colours.
fn nearest_colour(number: u8) -> Option<u8> {
    let mut scanner = Scanner::default();
    scanner.skip(&format!("\u{1b}[38;5;{number}m"));
    scanner.style().foreground.number()
}

/// Returns the rows that `spans` returns for `text`, in the form that `emulate` uses.
pub(super) fn shown_rows(text: &str) -> Vec<Cells> {
    let mut rows = vec![Cells::new()];
    for span in super::spans(text, Style::default()) {
        let bold = span.style.classes().contains("bold");
        for character in span.text.chars() {
            if character == '\n' {
                rows.push(Cells::new());
                continue;
            }
            let cells = rows.last_mut().expect("there is at least one");
            if character == '\t' {
                cells.resize((cells.len() / TAB + 1) * TAB, blank());
                continue;
            }
            let width = width(character);
            let colours = (span.style.foreground.number(), span.style.background.number());
            match cells.iter_mut().rev().find(|cell| !cell.0.is_empty()) {
                Some(before) if width == 0 => before.0.push(character),
                _ if width == 0 => {}
                _ if character == ' ' => cells.push(blank()),
                _ => cells.push((character.to_string(), bold, colours.0, colours.1)),
            }
            if width == 2 {
                cells.push((String::new(), false, None, None));
            }
        }
    }
    rows.into_iter().map(trimmed).collect()
}

/// Returns the seeds of a randomised test: the seed that the environment specifies or, by default, `count` seeds.
pub(super) fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var("TAILWATER_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}
