//! Decides whether the command runs in a terminal, and the size of that terminal.

use clap::Args;
use engine::queue::TerminalSize;

/// The arguments that decide whether the command runs in a terminal. If both are given, the last one takes precedence.
#[derive(Debug, Args)]
pub(super) struct TerminalArgs {
    /// Run the command in a pseudo-terminal, for unbuffered output, colours and progress bars [default: if the output
    /// goes to a terminal].
    #[arg(long, overrides_with = "no_terminal")]
    terminal: bool,
    /// Do not run the command in a terminal.
    #[arg(long, overrides_with = "terminal")]
    no_terminal: bool,
}

impl TerminalArgs {
    /// Returns whether the command runs in a terminal. `is_on_terminal` states whether the output is printed on a
    /// terminal.
    pub(super) const fn is_terminal(&self, is_on_terminal: bool) -> bool {
        self.terminal || (is_on_terminal && !self.no_terminal)
    }
}

/// Returns the variables that give the command's terminal the size of the terminal on which the output is printed. An
/// unknown value is omitted, so that the server uses its default.
pub(super) fn size_variables(size: Option<(u32, usize)>) -> impl Iterator<Item = (&'static str, String)> {
    let variable = |(name, number): (&'static str, Option<u16>)| {
        // A terminal that was opened by a program may report 0 columns or rows. This means that the terminal's size is
        // unknown.
        let number = number.filter(|number| *number > 0)?.min(TerminalSize::MAX);
        Some((name, number.to_string()))
    };
    let columns = size.and_then(|(columns, _)| u16::try_from(columns).ok());
    let rows = size.and_then(|(_, rows)| u16::try_from(rows).ok());
    [("COLUMNS", columns), ("LINES", rows)].into_iter().filter_map(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: Option<(u32, usize)>, expected: &[(&str, &str)]) {
        let variables: Vec<_> = size_variables(size).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(variables, expected);
    }

    #[test]
    fn the_size_is_that_of_the_callers_terminal_as_far_as_the_server_permits_it() {
        check(Some((80, 25)), &[("COLUMNS", "80"), ("LINES", "25")]);
        check(Some((5000, 0)), &[("COLUMNS", "1000")]);
        check(None, &[]);
    }

    #[test]
    fn an_argument_takes_precedence_over_the_callers_terminal() {
        for (terminal, no_terminal, expected) in
            [(false, false, [true, false]), (true, false, [true, true]), (false, true, [false, false])]
        {
            let arguments = TerminalArgs { terminal, no_terminal };
            assert_eq!([true, false].map(|is_on_terminal| arguments.is_terminal(is_on_terminal)), expected);
        }
    }
}
