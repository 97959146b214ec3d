//! `tailwater secret set|list|remove`: manages the secrets of a server.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::{NamedSecret, NewSecretValue, SecretsPage};
use reqwest::Method;

use super::client::ServerArgs;
use super::error::CliError;
use super::hidden;
use super::output::{Colour, Ink, Output, note};
use super::table::{self, Cell};
use crate::words;

/// The maximum number of bytes that are read as a value. It is greater than the server's limit, so the server refuses a
/// longer value.
const MAX_VALUE: u64 = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum SecretVerb {
    /// Set the value of a secret, and create the secret if it does not exist.
    ///
    /// The value is read from standard input, without its trailing line break, for example `tailwater secret set
    /// DEPLOY_TOKEN < token.txt`. On a terminal, the command asks for the value and does not show it.
    Set(SetSecret),
    /// List the secrets. Values are never shown.
    List(ListSecrets),
    /// Remove a secret. Its value stays masked while it is among the latest 16 KiB of replaced and removed values.
    Remove(RemoveSecret),
}

/// The arguments of `tailwater secret set`. The value is not among them, because other users can see a program's
/// arguments.
#[derive(Debug, Args)]
pub(super) struct SetSecret {
    #[command(flatten)]
    server: ServerArgs,
    /// The secret's name: letters, digits and `_`, not starting with a digit.
    #[arg(value_name = "NAME")]
    name: String,
    /// Read the value from a file, unchanged.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The arguments of `tailwater secret list`.
#[derive(Debug, Args)]
pub(super) struct ListSecrets {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the secrets as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

/// The arguments of `tailwater secret remove`.
#[derive(Debug, Args)]
pub(super) struct RemoveSecret {
    #[command(flatten)]
    server: ServerArgs,
    /// The secret's name.
    #[arg(value_name = "NAME")]
    name: String,
}

impl SecretVerb {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        match self {
            Self::Set(set) => set.run(colour).await,
            Self::List(list) => list.run(colour).await,
            Self::Remove(remove) => remove.run(colour).await,
        }
    }
}

impl SetSecret {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let value = self.value()?;
        let request = client.request(Method::PUT, &path(&self.name)?).json(&NewSecretValue { value });
        let reply = client.send(request).await?;
        let secret: NamedSecret = client.parse(&client.text(reply).await?)?;
        Output::stdout(colour).line(&format!("{} was set", secret.name))?;
        if !secret.masked_everywhere {
            note(words::NOT_MASKED_EVERYWHERE);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn value(&self) -> Result<String, CliError> {
        if let Some(path) = &self.file {
            let failed = |source| CliError::File { what: format!("read {}", path.display()), source };
            return fs::File::open(path).and_then(read).map_err(failed);
        }
        if io::stdin().is_terminal() {
            let value = hidden::ask(&format!("Value of {}", self.name))?;
            return Ok(value).and_then(non_empty);
        }
        let mut value = read(io::stdin())?;
        for line_break in ["\n", "\r"] {
            value = value.strip_suffix(line_break).map(str::to_owned).unwrap_or(value);
        }
        non_empty(value)
    }
}

impl ListSecrets {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let body = client.get("/secrets", &[]).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let page: SecretsPage = client.parse(&body)?;
        let head = ["NAME", "LAST SET", "SET BY"].map(|title| Cell::ink(Ink::Grey, title));
        let row = |secret: &NamedSecret| {
            let time = format!("{} UTC", words::date_time(secret.updated_at, 0));
            [Cell::plain(&secret.name), Cell::plain(&time), Cell::plain(&secret.updated_by_user_id)]
        };
        let rows: Vec<_> = std::iter::once(head).chain(page.items.iter().map(row)).collect();
        for line in table::lines(&rows, &stdout, None) {
            stdout.line(&line)?;
        }
        for secret in page.items.iter().filter(|secret| !secret.readable) {
            note(&format!("{}: {}", secret.name, words::UNREADABLE_SECRET));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl RemoveSecret {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        client.send(client.request(Method::DELETE, &path(&self.name)?)).await?;
        Output::stdout(colour).line(&format!("{} was removed", self.name))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the path of a secret in the API. The name is checked here, because a name with `/` would lead to another
/// path.
fn path(name: &str) -> Result<String, CliError> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(CliError::Usage(format!(
            "{name:?} is not a valid name for a secret; use letters, digits and '_', and do not start with a digit"
        )));
    }
    Ok(format!("/secrets/{name}"))
}

fn read(source: impl Read) -> io::Result<String> {
    let mut value = String::new();
    source.take(MAX_VALUE).read_to_string(&mut value)?;
    Ok(value)
}

fn non_empty(value: String) -> Result<String, CliError> {
    if value.is_empty() {
        return Err(CliError::Usage("no value was entered; nothing has changed".into()));
    }
    Ok(value)
}
