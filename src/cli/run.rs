//! `tailwater run -- make test`: runs a command on the server as if it ran locally.
//!
//! The output arrives live with separate streams, the exit code is that of the command, and Ctrl-C cancels the job. If
//! the output is printed on a terminal, the command runs in a terminal of the same size. [`command`] builds the shell
//! script from the arguments, [`place`] determines where the command runs, [`stdin`] checks standard input, and
//! [`terminal`] decides whether the command runs in a terminal.

mod command;
mod place;
mod stdin;
mod terminal;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use model::Job;
use serde_json::{Map, Value, json};

use super::attend::{Attending, Signals};
use super::client::{ApiClient, ServerArgs};
use super::duration;
use super::error::CliError;
use super::outcome::{CLOSED_PIPE, LEFT};
use super::output::{Colour, Output, note};
use super::progress::ProgressBars;
use super::send;
use place::Place;
use stdin::Input;
use terminal::{TerminalArgs, size_variables};

/// The arguments of `tailwater run`. [`super::outcome`] defines its exit codes.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Run {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's title [default: the command].
    #[arg(long)]
    title: Option<String>,
    /// Set an environment variable of the command; NAME alone takes the value from the current environment.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Pass a secret stored on the server to the command in an environment variable; may be repeated.
    ///
    /// VARIABLE=NAME passes the secret NAME in the variable VARIABLE. `tailwater secret list` shows the secrets.
    #[arg(long = "secret", value_name = "[VARIABLE=]NAME")]
    secrets: Vec<String>,
    /// Pass a secret to the command in a file, whose path is in an environment variable; may be repeated.
    #[arg(long = "secret-file", value_name = "[VARIABLE=]NAME")]
    secret_files: Vec<String>,
    /// The shell that runs the command: a program that accepts -c [default: sh].
    #[arg(long)]
    shell: Option<String>,
    /// The timeout, such as 90s or 1h30m.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// The command's working directory [default: the current directory if the server is on this machine, otherwise a
    /// new workspace].
    ///
    /// A relative path is resolved against the current directory. With --workspace or --send, or if the server is on
    /// another machine, it is resolved against the workspace.
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Run the command in a new, empty workspace.
    #[arg(long)]
    workspace: bool,
    /// Copy the files in DIR to a new workspace and run the command there; untracked files that git ignores are not
    /// copied.
    #[arg(long, value_name = "DIR")]
    send: Option<PathBuf>,
    #[command(flatten)]
    terminal: TerminalArgs,
    /// Print the job's id and exit without waiting for the job.
    #[arg(long)]
    detach: bool,
    /// Print the events (with --detach: the job) as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
    /// Show neither the progress of sending files nor the address of the job's page.
    #[arg(long, short)]
    quiet: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let input = Input::of_this_program();
        if input == Input::Data {
            return Err(CliError::Usage(stdin::REFUSED.into()));
        }
        let mut stdout = Output::stdout(colour);
        let mut submission = self.submission(&stdout)?;
        let client = self.server.client()?;
        // Signal handlers are installed before the job is submitted, so that Ctrl-C is not lost during the submission.
        let mut signals = Signals::listen()?;
        let (directory, capability) = self.working_directory(&client).await?;
        if let Some(directory) = directory {
            submission["payload"]["workingDirectory"] = directory.into();
        }
        if let Some(capability) = capability {
            submission["payload"]["requiredCapabilities"] = json!([capability]);
        }
        let bars = ProgressBars::of(self.quiet, self.json);
        let body = tokio::select! {
            body = send::submit(&client, &submission, self.send.as_deref(), bars) => body?,
            () = signals.next(), if self.send.is_some() => {
                note("interrupted while sending the files; the job was probably not submitted (check with `tailwater jobs`)");
                return Ok(ExitCode::from(LEFT));
            }
        };
        let job: Job = client.parse(&body)?;
        if self.detach {
            stdout.line(&if self.json { body } else { job.id.to_string() })?;
            say_unread(input);
            return Ok(ExitCode::SUCCESS);
        }
        let code = Attending { client, json: self.json, quiet: self.quiet, colour }.job(job.id, signals).await?;
        if code != CLOSED_PIPE {
            say_unread(input);
        }
        Ok(ExitCode::from(code))
    }

    /// Returns the working directory of the command, or `None` for the workspace. If only some workers have this
    /// directory, also returns the capability that identifies those workers. The description of the server's machine is
    /// requested only if the result depends on it.
    async fn working_directory(&self, client: &ApiClient) -> Result<(Option<String>, Option<String>), CliError> {
        let asked = self.cwd.as_deref();
        let of_workspace = || Ok((place::working_directory(Place::Workspace, Path::new(""), asked)?, None));
        if self.workspace || self.send.is_some() || asked.is_some_and(Path::is_absolute) {
            return of_workspace();
        }
        let Some(machine) = place::of_this_machine(client).await? else {
            if !self.json {
                note(place::ELSEWHERE);
            }
            return of_workspace();
        };
        let failed = |source| CliError::File { what: "determine the current directory".into(), source };
        let directory = place::working_directory(Place::Here, &std::env::current_dir().map_err(failed)?, asked)?;
        Ok((directory, machine.capability))
    }

    fn submission(&self, stdout: &Output) -> Result<Value, CliError> {
        let mut env = self.env.iter().map(|pair| variable(pair)).collect::<Result<Map<_, _>, _>>()?;
        let is_on_terminal = stdout.is_terminal() && !self.detach && !self.json;
        let is_terminal = self.terminal.is_terminal(is_on_terminal);
        if is_terminal {
            for (name, value) in size_variables(stdout.size()) {
                env.entry(name).or_insert(value.into());
            }
        }
        let shell = self.shell.as_deref().unwrap_or("sh");
        let step = json!({"id": "run", "run": command::script(shell, &self.command)?, "shell": shell});
        let mut payload = json!({"env": env, "steps": [step]});
        if is_terminal {
            payload["terminal"] = json!(true);
        }
        for (field, secrets) in [("secrets", &self.secrets), ("secretFiles", &self.secret_files)] {
            if !secrets.is_empty() {
                payload[field] = json!(secrets);
            }
        }
        if let Some(title) = &self.title {
            payload["title"] = json!(title);
        }
        if let Some(timeout) = self.timeout {
            payload["timeoutSeconds"] = json!(timeout.as_secs());
        }
        Ok(json!({"type": "command", "payload": payload}))
    }
}

/// If this program's standard input was open when the command started and has not ended since, prints a note that the
/// command had no standard input.
fn say_unread(before: Input) {
    if before == Input::Open && Input::of_this_program() != Input::Nothing {
        note(stdin::UNREAD);
    }
}

fn variable(pair: &str) -> Result<(String, Value), CliError> {
    if let Some((name, value)) = pair.split_once('=') {
        return Ok((name.to_owned(), value.into()));
    }
    let value = std::env::var(pair).map_err(|error| CliError::Usage(format!("--env {pair}: {error}")))?;
    Ok((pair.to_owned(), value.into()))
}
