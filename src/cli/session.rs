//! `tailwater session list|end`: lists and ends the sessions of browsers.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::{Session, SessionId, SessionsPage};
use reqwest::Method;

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Ink, Output};
use super::table::{self, Cell};
use crate::words;

#[derive(Debug, Subcommand)]
pub(super) enum SessionVerb {
    /// List the sessions, newest first: your own or, if you are an administrator, all.
    List(ListSessions),
    /// End a session. The browser is logged out, and its open streams are closed.
    End(EndSession),
}

/// The arguments of `tailwater session list`.
#[derive(Debug, Args)]
pub(super) struct ListSessions {
    #[command(flatten)]
    server: ServerArgs,
    /// List only the sessions of this user; `admin` stands for the admin token.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print the sessions as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

/// The arguments of `tailwater session end`.
#[derive(Debug, Args)]
pub(super) struct EndSession {
    #[command(flatten)]
    server: ServerArgs,
    /// The session's id, as shown by `list`.
    #[arg(value_name = "ID")]
    id: SessionId,
}

impl SessionVerb {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        match self {
            Self::List(list) => list.run(colour).await,
            Self::End(EndSession { server, id }) => {
                let client = server.client()?;
                client.send(client.request(Method::DELETE, &format!("/sessions/{id}"))).await?;
                Output::stdout(colour).line(&format!("the session {id} was ended"))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl ListSessions {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let query: Vec<_> = self.user.map(|user| ("user", user)).into_iter().collect();
        let body = client.get("/sessions", &query).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let page: SessionsPage = client.parse(&body)?;
        let head = ["ID", "USER", "LAST USED", "FROM", "BROWSER"].map(|title| Cell::ink(Ink::Grey, title));
        let row = |session: &Session| {
            let used = format!("{} UTC", words::date_time(session.last_used_at, 0));
            [
                Cell::plain(&session.id.to_string()),
                Cell::plain(&session.user_id),
                Cell::plain(&used),
                Cell::plain(&session.address),
                Cell::plain(&words::browser(&session.browser)),
            ]
        };
        let rows: Vec<_> = std::iter::once(head).chain(page.items.iter().map(row)).collect();
        for line in table::lines(&rows, &stdout, None) {
            stdout.line(&line)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
