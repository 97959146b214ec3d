//! The state of a search: the terms that the reader searches for, and the lines that the server has found.
//!
//! This module is pure. The server searches the whole log, because the browser stores only a window of it.
//! [`super::search_bar`] sends the requests and shows the results; [`super::panel`] marks the matches in the rows.

mod findings;
mod marks;

pub use findings::{FindLine, Findings};
pub use marks::{MatchMarks, split, without_first};

/// The terms and options of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchTerms {
    /// The text or the regular expression, or an empty string if there is no search.
    pub text: String,
    /// Whether `text` is a regular expression.
    pub is_regex: bool,
    /// Whether the search is case-sensitive.
    pub matches_case: bool,
}

impl SearchTerms {
    /// The names of all parameters of a search.
    pub const PARAMETERS: [&str; 3] = ["q", "regex", "ignoreCase"];

    /// Returns the names and values of the search parameters. The page's URL and requests to the server contain the
    /// same parameters.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, &str)> {
        let mut parameters = vec![("q", self.text.as_str())];
        parameters.extend(self.is_regex.then_some(("regex", "true")));
        parameters.extend((!self.matches_case).then_some(("ignoreCase", "true")));
        parameters
    }
}
