//! Rows for people: columns as wide as what stands in them. Pure.

use super::output::{Ink, Output, plain};
use crate::live_output::ansi;

/// What stands in one place of a row.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    ink: Option<Ink>,
}

impl Cell {
    /// A text as it is; whatever a terminal would take for a command is made visible.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: plain(text), ink: None }
    }

    /// A text in a colour.
    pub(super) fn ink(ink: Ink, text: &str) -> Self {
        Self { text: plain(text), ink: Some(ink) }
    }
}

/// Returns each row as a line. The last column takes what room it needs.
pub(super) fn lines<const N: usize>(rows: &[[Cell; N]], output: &Output) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| ansi::cells(&row[column].text)).max().unwrap_or(0);
    let widths: [u32; N] = std::array::from_fn(width);
    let line = |row: &[Cell; N]| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(&cell.ink.map_or_else(|| cell.text.clone(), |ink| output.paint(ink, &cell.text)));
            if column + 1 < N {
                let missing = widths[column] - ansi::cells(&cell.text) + 2;
                line.extend(std::iter::repeat_n(' ', usize::try_from(missing).unwrap_or(0)));
            }
        }
        line
    };
    rows.iter().map(line).collect()
}
