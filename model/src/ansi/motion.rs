//! Escape sequences for cursor movements and erasures, within a row and between the rows of a screen.

/// A cursor movement within a row or to the row below, or an edit within a row.
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
    /// Inserts this many blank columns at the cursor (ICH).
    Insert(u16),
    /// Deletes this many columns, starting at the cursor (DCH).
    Delete(u16),
}

impl Motion {
    /// Returns the motion that a control sequence represents, or `None` if the sequence is not a motion within a row.
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
            ('@', _) => Self::Insert(count),
            ('P', _) => Self::Delete(count),
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
            Self::Insert(count) => (count, '@'),
            Self::Delete(count) => (count, 'P'),
        };
        out.push_str("\u{1b}[");
        if count > 0 {
            out.push_str(&count.to_string());
        }
        out.push(letter);
    }
}

/// A motion that requires a screen: a cursor movement between rows, a change of several rows, or a change of the
/// screen's state.
///
/// Rows and columns are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScreenMotion {
    /// Moves up by this many rows (CUU).
    Up(u16),
    /// Moves down by this many rows (CUD, VPR).
    Down(u16),
    /// Moves to the first column of the row that is this many rows above (CPL).
    StartAbove(u16),
    /// Moves to the first column of the row that is this many rows below (CNL).
    StartBelow(u16),
    /// Moves to a row, in the same column (VPA).
    Row(u16),
    /// Moves to a position (CUP, HVP).
    Position { row: u16, column: u16 },
    /// Moves up by one row, and scrolls down at the top (RI).
    ReverseIndex,
    /// Erases from the cursor to the end of the screen (ED 0).
    EraseBelow,
    /// Erases from the beginning of the screen up to and including the cursor (ED 1).
    EraseAbove,
    /// Erases the screen (ED 2).
    EraseScreen,
    /// Inserts blank rows at the cursor's row (IL).
    InsertRows(u16),
    /// Deletes rows, starting at the cursor's row (DL).
    DeleteRows(u16),
    /// Scrolls up by this many rows (SU).
    ScrollUp(u16),
    /// Scrolls down by this many rows (SD).
    ScrollDown(u16),
    /// Limits scrolling to the rows from `top` to `bottom`, or from `top` to the last row if `bottom` is `None`
    /// (DECSTBM).
    Region { top: u16, bottom: Option<u16> },
    /// Saves the cursor's position and style (DECSC, SCOSC).
    Save,
    /// Restores the position and style that were saved last (DECRC, SCORC).
    Restore,
    /// Switches to the alternate screen, which full-screen programs use.
    EnterAlternate,
    /// Switches back from the alternate screen.
    LeaveAlternate,
    /// Resets the terminal (RIS).
    Reset,
}

impl ScreenMotion {
    /// Returns the motion that a control sequence represents, or `None` if the sequence is not a screen motion.
    /// `parameters` contains the sequence's first two parameters, and `count` is the number of its parameters.
    pub(super) fn of_control(letter: char, parameters: [u16; 2], count: usize) -> Option<Self> {
        let [first, second] = parameters;
        let times = first.max(1);
        Some(match (letter, first) {
            ('A' | 'k', _) => Self::Up(times),
            ('B' | 'e', _) => Self::Down(times),
            ('E', _) => Self::StartBelow(times),
            ('F', _) => Self::StartAbove(times),
            ('d', _) => Self::Row(times - 1),
            ('H' | 'f', _) => Self::Position { row: times - 1, column: second.max(1) - 1 },
            ('J', 0) => Self::EraseBelow,
            ('J', 1) => Self::EraseAbove,
            ('J', 2) => Self::EraseScreen,
            ('L', _) => Self::InsertRows(times),
            ('M', _) => Self::DeleteRows(times),
            ('S', _) => Self::ScrollUp(times),
            // With more parameters, the sequence is a request for mouse tracking instead.
            ('T', _) if count == 1 => Self::ScrollDown(times),
            ('r', _) => Self::Region { top: times - 1, bottom: second.checked_sub(1) },
            ('s', 0) if count == 1 => Self::Save,
            ('u', 0) if count == 1 => Self::Restore,
            _ => return None,
        })
    }

    /// Returns the motion that results from setting (`h`) or resetting (`l`) a DEC private mode, or `None` if the mode
    /// has no effect on the screen.
    pub(super) const fn of_mode(letter: char, mode: u16) -> Option<Self> {
        match (letter, mode) {
            ('h', 47 | 1047 | 1049) => Some(Self::EnterAlternate),
            ('l', 47 | 1047 | 1049) => Some(Self::LeaveAlternate),
            _ => None,
        }
    }
}
