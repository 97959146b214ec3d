//! `tailwater login`: stores a server and its token after the server has accepted the token.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::Args;
use model::JobsPage;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::client::{Client, DEFAULT_SERVER, parse_server};
use super::credentials::Credentials;
use super::error::CliError;
use super::output::{Colour, Output};

/// The maximum length of the line that contains the token, in bytes. A terminal cannot deliver longer lines.
const MAX_TOKEN: u64 = 4096;

/// The character that Ctrl-C produces while the terminal does not turn it into a signal.
const CTRL_C: char = '\u{3}';

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
        let client = Client::new(server.clone(), token.clone())?;
        let _: JobsPage = client.read("/jobs", &[("limit", "1".to_owned()), ("summary", "true".to_owned())]).await?;
        let path = Credentials { server: server.clone(), token }.store()?;
        Output::stdout(colour).line(&format!("Logged in to {server}. Credentials saved in {}.", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_token(server: &str) -> Result<String, CliError> {
    let stdin = io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        write!(io::stderr(), "Token for {server}: ")?;
        let hidden = Hidden::begin()?;
        stdin.lock().take(MAX_TOKEN).read_line(&mut line)?;
        drop(hidden);
        writeln!(io::stderr())?;
    } else {
        stdin.lock().take(MAX_TOKEN).read_line(&mut line)?;
    }
    let token = line.trim();
    if token.is_empty() || token.contains(CTRL_C) {
        return Err(CliError::Usage("no token was entered; nothing has changed".into()));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CliError::Usage("a token must be printable ASCII without spaces; nothing has changed".into()));
    }
    Ok(token.to_owned())
}

/// A guard that disables the terminal's echo until it is dropped. Meanwhile, Ctrl-C is an ordinary character, because a
/// signal would kill the program and leave the echo disabled.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // An error is ignored, because the terminal may have been closed.
        tcsetattr(io::stdin(), OptionalActions::Now, &self.before).ok();
    }
}
