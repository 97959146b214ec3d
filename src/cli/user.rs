//! `tailwater user add|list|role|password|link|disable|enable|remove`: manages the users of a server.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use model::{CreatedLoginLink, NewLoginLink, NewUser, Role, User, UserChanges, UsersPage};
use reqwest::Method;

use super::client::{ApiClient, ServerArgs};
use super::error::CliError;
use super::hidden;
use super::output::{Colour, Ink, Output, note};
use super::table::{self, Cell};
use crate::words;

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Add a user.
    ///
    /// The password is read from standard input, without its trailing line break. On a terminal, the command asks for
    /// it twice and does not show it. It must have at least 10 characters. With `--link`, the person chooses the
    /// password.
    Add(AddUser),
    /// List the users.
    List(ListUsers),
    /// Change the role of a user, and log the user out everywhere.
    Role(SetRole),
    /// Set the password of a user, and log the user out everywhere. The password is read as by `add`.
    Password(NamedUser),
    /// Create a one-time login link for a user, and print it.
    ///
    /// The person who opens the link logs in once, without a password, and can choose a new one. The link begins with
    /// the address of the server that this command uses. It replaces the user's previous link.
    Link(LinkUser),
    /// Disable a user: the user cannot log in, and the user's tokens are refused.
    Disable(NamedUser),
    /// Enable a user that was disabled.
    Enable(NamedUser),
    /// Remove a user, together with the user's sessions and tokens.
    Remove(NamedUser),
}

/// The arguments of `tailwater user add`. The password is not among them, because other users can see a program's
/// arguments.
#[derive(Debug, Args)]
pub(super) struct AddUser {
    #[command(flatten)]
    user: NamedUser,
    /// The role of the user.
    #[arg(long, value_name = "ROLE", default_value = "operator", value_parser = role_of_people())]
    role: Role,
    /// Ask for no password, and print a one-time link with which the person logs in and chooses one.
    #[arg(long)]
    link: bool,
}

/// The arguments of `tailwater user link`.
#[derive(Debug, Args)]
pub(super) struct LinkUser {
    #[command(flatten)]
    user: NamedUser,
    /// The number of hours after which the link expires, at most 168.
    #[arg(long, value_name = "HOURS", default_value_t = NewLoginLink::DEFAULT_HOURS)]
    expires: u32,
    /// End the user's login link, and create no other one.
    #[arg(long, conflicts_with = "expires")]
    revoke: bool,
}

/// The arguments of `tailwater user list`.
#[derive(Debug, Args)]
pub(super) struct ListUsers {
    #[command(flatten)]
    server: ServerArgs,
    /// Print the users as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

/// The arguments of `tailwater user role`.
#[derive(Debug, Args)]
pub(super) struct SetRole {
    #[command(flatten)]
    user: NamedUser,
    /// The new role of the user.
    #[arg(value_name = "ROLE", value_parser = role_of_people())]
    role: Role,
}

/// A user of a server.
#[derive(Debug, Args)]
pub(super) struct NamedUser {
    #[command(flatten)]
    server: ServerArgs,
    /// The user's name: letters, digits, `.`, `_`, `-` and `@`.
    #[arg(value_name = "NAME")]
    name: String,
}

fn role_of_people() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::OF_PEOPLE.map(Role::as_str))
        .map(|word| Role::from_word(&word).expect("only these words are accepted"))
}

impl UserVerb {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        match self {
            Self::Add(add) => add.run(colour).await,
            Self::List(list) => list.run(colour).await,
            Self::Role(SetRole { user, role }) => {
                let changes = UserChanges { role: Some(role), ..UserChanges::default() };
                user.change(changes, &format!("has the role {role}"), colour).await
            }
            Self::Password(user) => {
                let password = hidden::new_password(&format!("New password of {}", user.name))?;
                let changes = UserChanges { password: Some(password), ..UserChanges::default() };
                user.change(changes, "has a new password", colour).await
            }
            Self::Link(LinkUser { user, revoke: true, .. }) => user.revoke_link(colour).await,
            Self::Link(LinkUser { user, expires, .. }) => {
                let client = user.server.client()?;
                create_link(&client, &user.name, NewLoginLink { expires_in_hours: Some(expires) }, colour).await
            }
            Self::Disable(user) => {
                let changes = UserChanges { disabled: Some(true), ..UserChanges::default() };
                user.change(changes, "was disabled", colour).await
            }
            Self::Enable(user) => {
                let changes = UserChanges { disabled: Some(false), ..UserChanges::default() };
                user.change(changes, "was enabled", colour).await
            }
            Self::Remove(user) => user.remove(colour).await,
        }
    }
}

impl AddUser {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let Self { user: NamedUser { server, name }, role, link } = self;
        let client = server.client()?;
        let password = if link { None } else { Some(hidden::new_password(&format!("Password of {name}"))?) };
        let body = client.post("/users", &NewUser { name, role, password }).await?;
        let User { name, role, .. } = client.parse(&body)?;
        let added = format!("{name} was added with the role {role}");
        if link {
            note(&added);
            return create_link(&client, &name, NewLoginLink::default(), colour).await;
        }
        Output::stdout(colour).line(&added)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ListUsers {
    async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let body = client.get("/users", &[]).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let page: UsersPage = client.parse(&body)?;
        let head = ["NAME", "ROLE", "STATE", "CHANGED", "SOURCE"].map(|title| Cell::ink(Ink::Grey, title));
        let row = |user: &User| {
            let time = format!("{} UTC", words::date_time(user.updated_at, 0));
            let state = if user.disabled { "disabled" } else { "enabled" };
            let role = if user.without_role { "none" } else { user.role.as_str() };
            [&user.name, role, state, &time, user.source.as_str()].map(Cell::plain)
        };
        let rows: Vec<_> = std::iter::once(head).chain(page.items.iter().map(row)).collect();
        for line in table::lines(&rows, &stdout, None) {
            stdout.line(&line)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl NamedUser {
    async fn change(self, changes: UserChanges, done: &str, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let request = client.request(Method::PATCH, &path(&self.name)?).json(&changes);
        let user: User = read(&client, request).await?;
        Output::stdout(colour).line(&format!("{} {done}", user.name))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn remove(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        client.send(client.request(Method::DELETE, &path(&self.name)?)).await?;
        Output::stdout(colour).line(&format!("{} was removed", self.name))?;
        Ok(ExitCode::SUCCESS)
    }

    async fn revoke_link(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        client.send(client.request(Method::DELETE, &link_path(&self.name)?)).await?;
        Output::stdout(colour).line(&format!("{} has no login link", self.name))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Creates a login link, and prints only the link to standard output, so that scripts can send it.
async fn create_link(client: &ApiClient, name: &str, new: NewLoginLink, colour: Colour) -> Result<ExitCode, CliError> {
    let body = client.post(&link_path(name)?, &new).await?;
    let CreatedLoginLink { user_id, link, expires_at } = client.parse(&body)?;
    let expires = words::date_time(expires_at, 0);
    note(&format!("this link logs {user_id} in once, until {expires} UTC, and is not shown again"));
    Output::stdout(colour).line(&link)?;
    Ok(ExitCode::SUCCESS)
}

async fn read(client: &ApiClient, request: reqwest::RequestBuilder) -> Result<User, CliError> {
    let reply = client.send(request).await?;
    client.parse(&client.text(reply).await?)
}

/// Returns the path of a user's login link in the API.
fn link_path(name: &str) -> Result<String, CliError> {
    Ok(format!("{}/login-link", path(name)?))
}

/// Returns the path of a user in the API. The server checks the name, but a name with `/` has to be refused here,
/// because it would lead to another path.
fn path(name: &str) -> Result<String, CliError> {
    // The name of a user whom a reverse proxy or an OpenID Connect provider authenticates begins with `proxy:` or
    // `oidc:`.
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@:+|=".contains(c));
    if !is_plain || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(CliError::Usage(format!(
            "{name:?} is not a valid name for a user; use letters, digits, '.', '_', '-' and '@'"
        )));
    }
    Ok(format!("/users/{}", name.replace('|', "%7C")))
}
