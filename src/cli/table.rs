//! Formats rows as a table. Each column except the last is as wide as its widest cell.

use model::ansi;

use super::output::{Ink, Output, plain};

/// The number of spaces between two columns.
const GAP: u32 = 2;

/// The content of one cell.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    ink: Option<Ink>,
}

impl Cell {
    /// Creates a cell with plain text. Escape sequences in `text` are removed, and its control characters are replaced
    /// by visible characters.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: plain(text), ink: None }
    }

    /// Creates a cell with coloured text.
    pub(super) fn ink(ink: Ink, text: &str) -> Self {
        Self { text: plain(text), ink: Some(ink) }
    }
}

/// Returns each row as a line. The last cell is truncated if the line would be wider than `max_width` terminal columns.
pub(super) fn lines<const N: usize>(rows: &[[Cell; N]], output: &Output, max_width: Option<u32>) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| ansi::cells(&row[column].text)).max().unwrap_or(0);
    let widths: [u32; N] = std::array::from_fn(width);
    let before: u32 = widths.iter().take(N - 1).map(|width| width + GAP).sum();
    let line = |row: &[Cell; N]| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let text = if column + 1 < N {
                &cell.text
            } else {
                cut(&cell.text, max_width.map(|width| width.saturating_sub(before)))
            };
            line.push_str(&cell.ink.map_or_else(|| text.to_owned(), |ink| output.paint(ink, text)));
            if column + 1 < N {
                let missing = widths[column] - ansi::cells(&cell.text) + GAP;
                line.extend(std::iter::repeat_n(' ', usize::try_from(missing).unwrap_or(0)));
            }
        }
        line
    };
    rows.iter().map(line).collect()
}

/// Returns the longest prefix of `text` that fits into the given width, in terminal columns.
fn cut(text: &str, width: Option<u32>) -> &str {
    let Some(width) = width else { return text };
    let fits = |end: &usize| ansi::cells(&text[..*end]) <= width;
    let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
    &text[..ends.take_while(fits).last().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_truncated_by_their_width_in_columns() {
        for (width, expected) in
            [(None, "a漢字b"), (Some(9), "a漢字b"), (Some(5), "a漢字"), (Some(4), "a漢"), (Some(0), "")]
        {
            assert_eq!(cut("a漢字b", width), expected, "{width:?}");
        }
    }
}
