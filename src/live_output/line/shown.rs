//! The rows of a line, which other lines may redraw.

use model::ansi::{self, Redrawn, Style};
use model::level::MessageState;
use model::{Level, StreamName};

use super::{LiveLine, MAX_LINE_BYTES};

/// The content of a line's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ShownRows {
    /// The text that the line itself printed.
    #[default]
    AsPrinted,
    /// The rows that other lines have redrawn. The text begins with the default style.
    Redrawn {
        /// The text, with escape sequences for styles and links.
        text: Box<str>,
        /// Whether text was dropped because the rows were too long.
        cut: bool,
    },
    /// The line has no rows, because it was drawn on the rows of another line, or because another line took over its
    /// empty row.
    Overdrawn {
        /// The number of the other line.
        on: i64,
    },
}

impl LiveLine {
    /// Returns the text of the line's rows.
    #[must_use]
    pub fn shown_text(&self) -> &str {
        match &self.shown {
            ShownRows::AsPrinted => &self.text,
            ShownRows::Redrawn { text, .. } => text,
            ShownRows::Overdrawn { .. } => "",
        }
    }

    /// Returns the style of the first character of the line's rows.
    #[must_use]
    pub fn shown_style(&self) -> Style {
        match &self.shown {
            ShownRows::AsPrinted => self.style,
            ShownRows::Redrawn { .. } | ShownRows::Overdrawn { .. } => Style::default(),
        }
    }

    /// Returns whether text was dropped because the line's rows were too long.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        match &self.shown {
            ShownRows::AsPrinted => self.cut,
            ShownRows::Redrawn { cut, .. } => *cut,
            ShownRows::Overdrawn { .. } => false,
        }
    }

    /// Returns whether the line has rows of its own.
    #[must_use]
    pub const fn has_rows(&self) -> bool {
        self.drawn_on().is_none()
    }

    /// Returns the number of the line whose rows show this line, or `None` if this line has rows of its own.
    #[must_use]
    pub const fn drawn_on(&self) -> Option<i64> {
        match self.shown {
            ShownRows::Overdrawn { on } => Some(on),
            ShownRows::AsPrinted | ShownRows::Redrawn { .. } => None,
        }
    }

    /// Returns whether the rows differ from the text that the line itself printed.
    #[must_use]
    pub fn is_redrawn(&self) -> bool {
        match &self.shown {
            ShownRows::AsPrinted => false,
            ShownRows::Redrawn { text, .. } => ansi::plain_text(text) != ansi::plain_text(&self.text),
            ShownRows::Overdrawn { .. } => true,
        }
    }

    /// Returns whether two states of a line look the same.
    #[must_use]
    pub fn looks_like(&self, other: &Self) -> bool {
        (&self.text, &self.shown) == (&other.text, &other.shown)
    }

    /// Returns a copy of the line that shows the text that the line itself printed.
    #[must_use]
    pub fn as_printed(&self) -> Self {
        let mut line = self.clone();
        line.show_as_printed();
        line
    }

    /// Shows the text that the line itself printed.
    pub fn show_as_printed(&mut self) {
        self.show(ShownRows::AsPrinted);
    }

    /// Replaces the content of the line's rows.
    pub fn redraw(&mut self, redrawn: Redrawn) {
        self.show(match redrawn {
            // An incomplete line is never treated as unchanged, because its remaining text may be drawn on other rows.
            Redrawn::Rows(rows) if self.ended && self.style == Style::default() && rows.text == self.text => {
                ShownRows::AsPrinted
            }
            Redrawn::Rows(rows) => {
                let end = rows.text.floor_char_boundary(MAX_LINE_BYTES);
                ShownRows::Redrawn { text: rows.text[..end].into(), cut: rows.cut || end < rows.text.len() }
            }
            Redrawn::Overdrawn { on } => ShownRows::Overdrawn { on },
        });
    }

    fn show(&mut self, shown: ShownRows) {
        if self.shown != shown {
            self.shown = shown;
            self.look_again();
        }
    }

    /// Returns the number of bytes of text that the line stores.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let redrawn = match &self.shown {
            ShownRows::Redrawn { text, .. } => text.len(),
            ShownRows::AsPrinted | ShownRows::Overdrawn { .. } => 0,
        };
        self.text.len() + redrawn
    }

    /// Returns the title of the group that the line begins, or an empty string if it begins none. `plain` is the
    /// visible text of its rows.
    #[must_use]
    pub fn title<'a>(&self, plain: &'a str) -> &'a str {
        let begins = self.markers.iter().rfind(|marker| matches!(marker, model::group::GroupMarker::Begin(..)));
        begins.map_or("", |marker| marker.title(plain))
    }

    /// Returns the level of redrawn rows, or `None` if the rows were not redrawn or still show `printed`, the visible
    /// text that the line itself printed. Redrawn rows do not continue a message.
    pub(super) fn level_of_rows(&self, printed: &str) -> Option<Level> {
        let ShownRows::Redrawn { text, .. } = &self.shown else { return None };
        let plain = ansi::plain_text(text);
        (plain != printed).then(|| level_of(&plain, self.stream))
    }
}

fn level_of(plain: &str, stream: StreamName) -> Level {
    MessageState::default().read(plain, stream).level
}
