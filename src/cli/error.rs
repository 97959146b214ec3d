//! What can go wrong on the command line, in words that say what to do about it.

use std::io;
use std::process::ExitCode;

use super::credentials::CredentialsError;
use super::output;
use super::settings::SettingsError;
use super::submission::SubmissionError;

/// Why a verb could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Nobody has said which token to show.
    #[error("not logged in to {server}: run `tailwater login {server}`, or set TAILWATER_TOKEN")]
    NotLoggedIn { server: String },
    /// No reply came.
    #[error(
        "failed to reach {server}: {cause}; `tailwater serve` starts a server here, --server or TAILWATER_SERVER names another"
    )]
    Unreachable { server: String, cause: String },
    /// The server does not know the token.
    #[error("{server} refuses the token (401): `tailwater login {server}` takes another one")]
    TokenRefused { server: String },
    /// The server answered with an error, in its own words.
    #[error("{message} ({code})")]
    Refused { status: u16, code: String, message: String },
    /// Something answered that is not what was expected.
    #[error("{server} does not answer as a Tailwater server does: {what}")]
    NotTailwater { server: String, what: String },
    /// What was given makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file to submit.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The file of credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The file of settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file to be read or written.
    #[error("failed to {what}: {source}")]
    File { what: String, source: io::Error },
    /// A download that is not what the server said it is.
    #[error("{name} is damaged: its checksum is {actual}, not {expected}; what was received has been removed")]
    Damaged { name: String, expected: String, actual: String },
    /// Where the output goes takes no more.
    #[error("failed to write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// Returns whether asking again later may help.
    pub(super) const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns whether whoever read the output has gone, as `head` does.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Tells what went wrong and returns the exit code; a closed pipe ends quietly.
    pub(super) fn report(&self, failure: u8) -> ExitCode {
        if self.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        output::note(&self.to_string());
        ExitCode::from(failure)
    }
}
