//! The errors of the command line. Where possible, their messages suggest what to do.

use std::io;
use std::process::ExitCode;

use super::credentials::CredentialsError;
use super::output;
use super::settings::SettingsError;
use super::submission::SubmissionError;

/// The reasons why a subcommand can fail.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// There is no token for the server.
    #[error("not logged in to {server}: run `tailwater login {server}`, or set TAILWATER_TOKEN")]
    NotLoggedIn { server: String },
    /// The server did not respond.
    #[error("failed to reach {server}: {cause}")]
    Unreachable { server: String, cause: String },
    /// The server rejected the token.
    #[error("{server} rejected the token (401): run `tailwater login {server}` to store another one")]
    TokenRefused { server: String },
    /// The server, or a proxy in front of it, responded with an error.
    #[error("{message} ({code})")]
    Refused { status: u16, code: String, message: String },
    /// The response is not one that a Tailwater server would send.
    #[error("{server} does not respond like a Tailwater server: {what}")]
    NotTailwater { server: String, what: String },
    /// The arguments are invalid.
    #[error("{0}")]
    Usage(String),
    /// The file to submit is invalid.
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    /// The credentials file cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The settings file cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file could not be read or written.
    #[error("failed to {what}: {source}")]
    File { what: String, source: io::Error },
    /// The checksum of a download differs from the one reported by the server.
    #[error("{name} is damaged: its checksum is {actual}, not {expected}; the partial download was removed")]
    Damaged { name: String, expected: String, actual: String },
    /// The output could not be written.
    #[error("failed to write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// Returns whether the same request may succeed if it is sent again later.
    pub(super) const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns whether the error means that the reader of the output has closed the pipe, as `head` does.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints the error, and returns `failure` as the exit code. A closed output pipe is not reported, and counts as
    /// success.
    pub(super) fn report(&self, failure: u8) -> ExitCode {
        if self.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        output::note(&self.to_string());
        ExitCode::from(failure)
    }
}
