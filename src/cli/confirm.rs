//! Asks for confirmation on the terminal.

use std::io::{self, IsTerminal, Write};

use super::hidden;

/// Asks a question that is answered with yes or no, where no is the default. Without a terminal there is nobody to ask,
/// as in a script, and the answer is yes.
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
