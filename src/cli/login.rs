//! `tailwater login`: stores a server and its token after the server has accepted the token.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Args;
use model::JobsPage;

use super::client::{ApiClient, DEFAULT_SERVER, parse_server};
use super::credentials::Credentials;
use super::error::CliError;
use super::hidden;
use super::output::{Colour, Output};

/// The arguments of `tailwater login`. The token is not among them, because other users can see a program's arguments.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// The server's address.
    #[arg(value_name = "URL", env = "TAILWATER_SERVER", default_value = DEFAULT_SERVER)]
    server: String,
}

impl Login {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let server = parse_server(&self.server)?;
        let token = read_token(&server)?;
        let client = ApiClient::new(server.clone(), token.clone())?;
        let _: JobsPage = client.read("/jobs", &[("limit", "1".to_owned()), ("summary", "true".to_owned())]).await?;
        let path = Credentials { server: server.clone(), token }.store()?;
        Output::stdout(colour).line(&format!("Logged in to {server}. Credentials saved in {}.", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_token(server: &str) -> Result<String, CliError> {
    let line =
        if io::stdin().is_terminal() { hidden::ask(&format!("Token for {server}"))? } else { hidden::read_line()? };
    let token = line.trim();
    if token.is_empty() {
        return Err(CliError::Usage("no token was entered; nothing has changed".into()));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CliError::Usage("a token must be printable ASCII without spaces; nothing has changed".into()));
    }
    Ok(token.to_owned())
}
