//! What is wrong with a text or with a value in it, and where.

use std::fmt::{self, Display, Formatter};

use serde::de;

/// A text or a value is not what it has to be.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct JsonError {
    /// From the outermost member or item inwards.
    path: Vec<Segment>,
    /// The byte of the text that is wrong, if it is known yet.
    at: Option<usize>,
    problem: String,
}

/// One step of a path.
#[derive(Clone, Debug)]
enum Segment {
    Name(String),
    Index(usize),
}

impl JsonError {
    /// Makes the error for the byte `at`.
    #[must_use]
    pub fn new(at: usize, problem: impl Into<String>) -> Self {
        Self { path: Vec::new(), at: Some(at), problem: problem.into() }
    }

    /// Adds where it is, unless that is known more exactly.
    pub(super) fn at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// Adds that it is in the member of that name.
    pub(super) fn under(mut self, name: &str) -> Self {
        self.path.insert(0, Segment::Name(name.to_owned()));
        self
    }

    /// Adds that it is in that item.
    pub(super) fn under_item(mut self, index: usize) -> Self {
        self.path.insert(0, Segment::Index(index));
        self
    }

    /// Returns what is wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Returns the field as a path such as `payload.steps[2].run`; an empty text for the whole.
    pub fn field(&self) -> String {
        let mut field = String::new();
        for segment in &self.path {
            match segment {
                Segment::Name(name) if field.is_empty() => field.push_str(name),
                segment => field.push_str(&segment.to_string()),
            }
        }
        field
    }

    /// Returns the line and the column of the text, both from 1.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let at = text.floor_char_boundary(self.at.unwrap_or(0));
        let before = &text[..at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    /// Returns a sentence that names the field of a body, or the position where no field is wrong but the text.
    pub fn describe(&self, text: &str) -> String {
        let (field, problem) = (self.field(), &self.problem);
        match (field.as_str(), self.position(text)) {
            ("", (1, 1)) => format!("the body: {problem}"),
            ("", (line, column)) => format!("the body: {problem} at line {line}, column {column}"),
            (field, _) => format!("{field}: {problem}"),
        }
    }
}

impl Display for Segment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, ".{name}"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl de::Error for JsonError {
    fn custom<T: Display>(problem: T) -> Self {
        Self { path: Vec::new(), at: None, problem: problem.to_string() }
    }
}
