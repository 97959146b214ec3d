//! Asks for confirmation on the terminal.

use std::io::{self, IsTerminal, Write};

use super::hidden;

/// Asks a yes-or-no question and returns whether the answer is yes. An empty answer means no. Without a terminal, as in
/// a script, nobody can be asked, so the result is `true`.
pub(super) fn confirm(question: &str) -> io::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    Ok(is_yes(&hidden::read_line()?))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_explicit_yes_confirms() {
        for (answer, confirms) in [("y", true), (" YES ", true), ("", false), ("n", false), ("yep", false)] {
            assert_eq!(is_yes(answer), confirms, "{answer:?}");
        }
    }
}
