//! Escape sequences for cursor movements and erasures within a row.

/// A cursor movement or an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// Moves right by this many columns (CUF, HPR).
    Right(u16),
    /// Moves left by this many columns, but not beyond the first (BS, CUB).
    Left(u16),
    /// Moves to a column, counted from 0 (CR, CHA, HPA).
    Column(u16),
    /// Moves right by this many tab stops (CHT).
    NextTab(u16),
    /// Moves left by this many tab stops (CBT).
    PreviousTab(u16),
    /// Moves to the same column of the row below (VT, FF, IND).
    Down,
    /// Moves to the first column of the row below (NEL).
    NextRow,
    /// Erases from the cursor to the end of the row (EL 0).
    EraseRight,
    /// Erases from the beginning of the row up to and including the cursor (EL 1).
    EraseLeft,
    /// Erases the row (EL 2).
    EraseRow,
    /// Erases this many columns, starting at the cursor (ECH).
    Erase(u16),
}

impl Motion {
    /// Returns the motion that a control sequence stands for, or `None` if it is not a motion within the row.
    pub(super) const fn of_control(letter: char, parameter: u16) -> Option<Self> {
        let count = if parameter == 0 { 1 } else { parameter };
        Some(match (letter, parameter) {
            ('C' | 'a', _) => Self::Right(count),
            ('D' | 'j', _) => Self::Left(count),
            ('G' | '`', _) => Self::Column(count - 1),
            ('I', _) => Self::NextTab(count),
            ('Z', _) => Self::PreviousTab(count),
            ('K', 0) => Self::EraseRight,
            ('K', 1) => Self::EraseLeft,
            ('K', 2) => Self::EraseRow,
            ('X', _) => Self::Erase(count),
            _ => return None,
        })
    }

    /// Appends the escape sequence for the motion to `out`.
    pub fn write(self, out: &mut String) {
        let (count, letter) = match self {
            Self::Left(1) => return out.push('\u{8}'),
            Self::Column(0) => return out.push('\r'),
            Self::Down => return out.push('\u{b}'),
            Self::NextRow => return out.push('\u{85}'),
            Self::Right(count) => (count, 'C'),
            Self::Left(count) => (count, 'D'),
            Self::Column(column) => (column.saturating_add(1), 'G'),
            Self::NextTab(count) => (count, 'I'),
            Self::PreviousTab(count) => (count, 'Z'),
            Self::EraseRight => (0, 'K'),
            Self::EraseLeft => (1, 'K'),
            Self::EraseRow => (2, 'K'),
            Self::Erase(count) => (count, 'X'),
        };
        out.push_str("\u{1b}[");
        if count > 0 {
            out.push_str(&count.to_string());
        }
        out.push(letter);
    }
}
