//! `tailwater logout`: removes the credentials stored by `login`.

use std::process::ExitCode;

use super::credentials::Credentials;
use super::error::CliError;
use super::output::{Colour, Output};

/// Removes the stored credentials. The token itself stays valid.
pub(super) fn run(colour: Colour) -> Result<ExitCode, CliError> {
    let said = match Credentials::remove()? {
        Some(path) => format!("Removed {}", path.display()),
        None => "Not logged in".to_owned(),
    };
    Output::stdout(colour).line(&said)?;
    Ok(ExitCode::SUCCESS)
}
