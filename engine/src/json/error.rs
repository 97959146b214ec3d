//! Errors in JSON or YAML text, with the path and the location of the invalid value.

use std::fmt::{self, Display, Formatter};

use serde::de;

/// The error for invalid text or an invalid value.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct JsonError {
    /// The path to the invalid value, outermost segment first.
    path: Vec<Segment>,
    /// The byte offset of the error, if it is already known.
    at: Option<usize>,
    problem: String,
}

/// One segment of a path.
#[derive(Clone, Debug)]
enum Segment {
    Name(String),
    Index(usize),
}

impl JsonError {
    /// Creates an error for the byte at offset `at`.
    #[must_use]
    pub fn new(at: usize, problem: impl Into<String>) -> Self {
        Self { path: Vec::new(), at: Some(at), problem: problem.into() }
    }

    /// Sets the byte offset of the error, unless a more precise one is already known.
    pub(super) fn at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// Prepends the name of the member that contains the error to the path.
    pub(super) fn under(mut self, name: &str) -> Self {
        self.path.insert(0, Segment::Name(name.to_owned()));
        self
    }

    /// Prepends the index of the item that contains the error to the path.
    pub(super) fn under_item(mut self, index: usize) -> Self {
        self.path.insert(0, Segment::Index(index));
        self
    }

    /// Returns the description of the problem.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// Returns the path of the invalid field, such as `payload.steps[2].run`, or an empty string if the text as a whole
    /// is invalid.
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

    /// Returns the line and column of the error in `text`, both starting at 1.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let at = text.floor_char_boundary(self.at.unwrap_or(0));
        let before = &text[..at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    /// Returns an error message that contains the path of the invalid field, or the line and column of the error if the
    /// text as a whole is invalid.
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
