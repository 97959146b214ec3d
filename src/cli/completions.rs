//! `tailwater completions SHELL`: prints the completion script for a shell.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::generate;
use clap_complete::shells;

use super::error::CliError;
use super::output::{Colour, Output};

/// The arguments of `tailwater completions`. An example is
/// `tailwater completions bash > ~/.local/share/bash-completion/completions/tailwater`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(super) fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let (mut command, mut script) = (super::command(), Vec::new());
        match self.shell {
            Shell::Bash => generate(shells::Bash, &mut command, "tailwater", &mut script),
            Shell::Zsh => generate(shells::Zsh, &mut command, "tailwater", &mut script),
            Shell::Fish => generate(shells::Fish, &mut command, "tailwater", &mut script),
        }
        Output::stdout(colour).raw(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
