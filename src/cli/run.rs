//! `tailwater run -- make test`: a command, run by the server as if it ran here.
//!
//! Its output comes live, each stream to its own; its exit code is ours; Ctrl-C cancels it. The arguments are quoted for the
//! shell, so that the command gets exactly these: nothing in them is ever a piece of shell.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::client::{Client, ServerArgs};
use super::duration;
use super::error::CliError;
use super::follow::{Until, Wanted, follow};
use super::outcome::{CLOSED_PIPE, LEFT, Outcome};
use super::output::{Colour, Output, note};
use super::printer::{Form, Printer, Streams};
use crate::model::{Job, JobId};

/// Words that a POSIX shell, bash or zsh takes for its own where a command begins; quoted, they are names like others.
const RESERVED: [&str; 22] = [
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "do",
    "done",
    "case",
    "esac",
    "while",
    "until",
    "for",
    "in",
    "function",
    "select",
    "time",
    "coproc",
    "repeat",
    "foreach",
    "end",
    "nocorrect",
    "noglob",
];

/// Ends like the job: with the exit code of the command, 128 and the number of a signal, 123 if the job was cancelled, 124 if
/// its time was up, 126 if it could not be run; 125 says that tailwater itself failed, 130 that you left by a second Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    server: ServerArgs,
    /// What people call the job [default: the command].
    #[arg(long)]
    title: Option<String>,
    /// A variable of the command; NAME alone takes its value from here.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The shell that starts it, a program that takes -c [default: sh].
    #[arg(long)]
    shell: Option<String>,
    /// How long it may take, such as 90s or 1h30m.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Where it runs, below the job's workspace.
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<String>,
    /// Print the job's id and leave; the job runs on.
    #[arg(long)]
    detach: bool,
    /// Write the events, or with --detach the job, as the API has them.
    #[arg(long)]
    json: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Run {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        // Before the job is there: a Ctrl-C that comes while it is submitted is not lost.
        let signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let body = client.post("/jobs", &self.submission()?).await?;
        let job: Job = client.parse(&body)?;
        let mut stdout = Output::stdout(colour);
        if self.detach {
            stdout.line(&if self.json { body } else { job.id.to_string() })?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut stderr = Output::stderr(colour);
        if stderr.is_terminal() {
            stderr.line(&format!("tailwater: {}/tasks/queue/{}", client.server(), job.id))?;
        }
        tokio::spawn(cancel_on(signals, client.clone(), job.id));
        let form = if self.json { Form::Json } else { Form::AsItIs };
        let wanted = Wanted { job: job.id, after: "0".into(), step: None, stream: None, until: Until::End };
        let mut outcome = Outcome::default();
        let printer = Printer::new(form, Streams::Apart, stdout, stderr);
        match printer.print(follow(client.clone(), wanted), |event| outcome.see(event)).await {
            Ok(()) => {}
            Err(error) if error.is_closed_pipe() => {
                // What `command | head` does to a command that runs here.
                cancel(&client, job.id, "its output is not read any more").await?;
                return Ok(ExitCode::from(CLOSED_PIPE));
            }
            Err(error) => return Err(error),
        }
        if let Some(remark) = outcome.remark() {
            note(&remark);
        }
        Ok(ExitCode::from(outcome.exit_code()))
    }

    fn submission(&self) -> Result<Value, CliError> {
        let env = self.env.iter().map(|pair| variable(pair)).collect::<Result<Map<_, _>, _>>()?;
        let mut step = json!({"id": "run", "run": command_line(&self.command)?});
        step["shell"] = json!(self.shell.as_deref().unwrap_or("sh"));
        step["workingDirectory"] = json!(self.cwd.as_deref().unwrap_or("."));
        let mut payload = json!({"env": env, "steps": [step]});
        if let Some(title) = &self.title {
            payload["title"] = json!(title);
        }
        if let Some(timeout) = self.timeout {
            payload["timeoutSeconds"] = json!(timeout.as_secs());
        }
        Ok(json!({"type": "command", "payload": payload}))
    }
}

/// Returns the words as a line that a shell takes for exactly these words.
fn command_line(words: &[String]) -> Result<String, CliError> {
    let nul = |_| CliError::Usage("an argument holds a NUL, which no command can be given".into());
    let line = shlex::try_join(words.iter().map(String::as_str)).map_err(nul)?;
    let first = words.first().map_or("", String::as_str);
    match line.strip_prefix(first) {
        Some(rest) if RESERVED.contains(&first) => Ok(format!("'{first}'{rest}")),
        _ => Ok(line),
    }
}

fn variable(pair: &str) -> Result<(String, Value), CliError> {
    if let Some((name, value)) = pair.split_once('=') {
        return Ok((name.to_owned(), value.into()));
    }
    let value = std::env::var(pair).map_err(|error| CliError::Usage(format!("--env {pair}: {error}")))?;
    Ok((pair.to_owned(), value.into()))
}

/// Cancels the job at the first signal; leaves at the second.
async fn cancel_on((mut interrupt, mut terminate): (Signal, Signal), client: Client, job: JobId) {
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    next().await;
    note("cancelling the job; press Ctrl-C again to leave it alone");
    let asking = tokio::spawn(async move {
        if let Err(error) = cancel(&client, job, "interrupted at the command line").await {
            note(&format!("the job was not cancelled: {error}"));
        }
    });
    next().await;
    asking.abort();
    note(&format!(
        "left; the job may still run: `tailwater cancel {job}` ends it, `tailwater logs -f {job}` follows it"
    ));
    std::process::exit(LEFT.into());
}

/// Asks for a job's cancellation; that it is over already is no failure.
async fn cancel(client: &Client, job: JobId, reason: &str) -> Result<(), CliError> {
    match client.post(&format!("/jobs/{job}/cancel"), &json!({"reason": reason})).await {
        Err(CliError::Refused { status: 409, .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_argument_arrives_as_it_was_given() {
        let arguments =
            ["", " ", "a b", "$(id)", "`id`", "'", "\"", "\\", "a\nb", "*", "~", "é 漢", "!x", "^", "-n", ";", "#"];
        let mut words = vec!["printf".to_owned(), "<%s>".to_owned()];
        words.extend(arguments.map(str::to_owned));
        let line = command_line(&words).expect("there is no NUL");
        for shell in ["sh", "bash"] {
            let output = Command::new(shell).args(["-c", &line]).output().expect("the shell is there");
            let expected: String = arguments.map(|argument| format!("<{argument}>")).concat();
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{shell}");
        }
    }

    #[test]
    fn a_command_that_is_called_like_a_word_of_the_shell_is_a_command() {
        for word in RESERVED.into_iter().chain(["{", "}", "!", "[[", "A=1"]) {
            let line = command_line(&[word.to_owned()]).expect("there is no NUL");
            for shell in ["/bin/sh", "/bin/bash"] {
                // A path without programs: some of these words are some as well.
                let mut shell_of_line = Command::new(shell);
                shell_of_line.args(["-c", &line]).env("PATH", "/nowhere");
                let status = shell_of_line.output().expect("the shell is there").status;
                assert_eq!(status.code(), Some(127), "{shell}: {line}");
            }
        }
        assert_eq!(command_line(&["make".into(), "test".into()]).expect("there is no NUL"), "make test");
    }
}
