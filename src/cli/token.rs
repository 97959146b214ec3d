//! `tailwater token create|list|revoke`: manages API tokens, which programs use instead of a password.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use model::{ApiToken, ApiTokensPage, CreatedApiToken, NewApiToken, Role, TokenId};
use reqwest::Method;

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Ink, Output, note};
use super::table::{self, Cell};
use crate::words;

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Create a token and print it. It is not shown again.
    Create(CreateToken),
    /// List the tokens, newest first: your own or, if you are an administrator, all.
    List(ListTokens),
    /// Revoke a token. Programs that use it are refused, and their open streams are closed.
    Revoke(RevokeToken),
}

/// The arguments of `tailwater token create`.
#[derive(Debug, Args)]
pub(super) struct CreateToken {
    #[command(flatten)]
    server: ServerArgs,
    /// The name of the token, which should describe its use.
    #[arg(value_name = "NAME")]
    name: String,
    /// The role of the token [default: that of the token that you use].
    #[arg(long, value_name = "ROLE", value_parser = any_role())]
    role: Option<Role>,
    /// The number of days after which the token expires.
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = NewApiToken::DEFAULT_DAYS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(NewApiToken::MAX_DAYS)),
    )]
    expires: u32,
    /// The types of the jobs that a worker can claim with the token [default: all].
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    kinds: Vec<String>,
    /// The repositories of the jobs that a worker can claim with the token [default: all].
    #[arg(long = "repository", value_name = "NAME", value_delimiter = ',')]
    repositories: Vec<String>,
    /// The capabilities that a worker with the token may claim to have [default: all].
    #[arg(long = "capability", value_name = "NAME", value_delimiter = ',')]
    capabilities: Vec<String>,
}

/// The arguments of `tailwater token list`.
#[derive(Debug, Args)]
pub(super) struct ListTokens {
    #[command(flatten)]
    server: ServerArgs,
    /// List only the tokens of this user; `admin` stands for the admin token.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print the tokens as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

/// The arguments of `tailwater token revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeToken {
    #[command(flatten)]
    server: ServerArgs,
    /// The token's id, as shown by `list`.
    #[arg(value_name = "ID")]
    id: TokenId,
}

fn any_role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str))
        .map(|word| Role::from_word(&word).expect("only these words are accepted"))
}

impl TokenVerb {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        match self {
            Self::Create(create) => create.run(colour).await,
            Self::List(list) => list.run(colour).await,
            Self::Revoke(RevokeToken { server, id }) => {
                let client = server.client()?;
                client.send(client.request(Method::DELETE, &format!("/tokens/{id}"))).await?;
                Output::stdout(colour).line(&format!("the token {id} was revoked"))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl CreateToken {
    /// Prints only the token to standard output, so that scripts can store it.
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let new = NewApiToken {
            name: self.name,
            role: self.role,
            expires_in_days: Some(self.expires),
            description: None,
            allowed_job_types: Some(self.kinds),
            allowed_repositories: Some(self.repositories),
            capabilities: Some(self.capabilities),
        };
        let created: CreatedApiToken = client.parse(&client.post("/tokens", &new).await?)?;
        let ApiToken { name, role, expires_at, .. } = &created.about;
        let expires = words::date_time(*expires_at, 0);
        note(&format!("{name} was created with the role {role}; it expires on {expires} UTC and is not shown again"));
        Output::stdout(colour).line(&created.token)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ListTokens {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let query: Vec<_> = self.user.map(|user| ("user", user)).into_iter().collect();
        let body = client.get("/tokens", &query).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let page: ApiTokensPage = client.parse(&body)?;
        let head =
            ["ID", "USER", "TOKEN", "ROLE", "LAST USED", "EXPIRES", "NAME"].map(|title| Cell::ink(Ink::Grey, title));
        let row = |token: &ApiToken| {
            let time = |time| format!("{} UTC", words::date_time(time, 0));
            [
                Cell::plain(&token.id.to_string()),
                Cell::plain(&token.user_id),
                Cell::plain(&token.hint),
                Cell::plain(token.role.as_str()),
                Cell::plain(&token.last_used_at.map_or_else(|| "never".to_owned(), time)),
                Cell::plain(&time(token.expires_at)),
                Cell::plain(&token.name),
            ]
        };
        let rows: Vec<_> = std::iter::once(head).chain(page.items.iter().map(row)).collect();
        for line in table::lines(&rows, &stdout, None) {
            stdout.line(&line)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
