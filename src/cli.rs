//! The command-line interface, with one file per subcommand.
//!
//! `serve` runs the server, `worker` runs jobs of a server, and `config`, `logout` and `completions` need no server.
//! All other subcommands use the server's public API: [`client`] sends requests, [`attend`] waits for new jobs,
//! [`follow`] reads a log and resumes after interruptions, [`printer`] writes the log, and [`output`] prevents a job's
//! text from controlling the terminal.

mod artifacts;
mod attend;
mod cancel;
mod client;
mod completions;
mod config;
mod confirm;
mod credentials;
mod duration;
mod error;
mod exposed;
mod follow;
mod guard;
mod hidden;
mod job;
mod job_host;
mod job_settings;
mod jobs;
mod login;
mod logout;
mod logs;
mod order;
mod outcome;
mod output;
mod pause;
mod printer;
mod progress;
mod redact;
mod rerun;
mod run;
mod secret;
mod send;
mod serve;
mod session;
mod settings;
mod sse;
mod status;
mod submission;
mod submit;
mod table;
mod token;
mod user;
mod worker;
mod workers;

use std::borrow::Cow;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use model::JobId;

use crate::server::site::EmbeddedSite;
use error::CliError;
use output::Colour;

/// The exit code of a subcommand that failed. `run` and `rerun` use [`outcome::OURS`] instead, because the commands
/// that they run may themselves exit with code 1.
const FAILURE: u8 = 1;

/// A self-hosted job queue with live output in the browser.
#[derive(Debug, Parser)]
#[command(name = "tailwater", version, about)]
struct Cli {
    /// When to use colours; `auto` also respects `NO_COLOR`.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve the web UI and the API, and run jobs.
    Serve(Box<serve::Serve>),
    /// Run jobs of a server, usually on another machine.
    ///
    /// The worker needs an API token with the role `worker`. The first SIGTERM or Ctrl-C lets running jobs finish and
    /// claims no further ones; the second one stops the jobs. If the server cannot be reached, running jobs continue,
    /// and their output is sent later.
    Worker(Box<worker::RunWorker>),
    /// Run a command on the server and show its output live, as if it ran locally.
    ///
    /// The exit code is that of the command, or 128 plus the number of the signal that killed it. Other exit codes are:
    /// 123 if the job was cancelled; 124 if it timed out; 125 if tailwater itself failed; 126 if the command could not
    /// be run or its worker died; 130 if you pressed Ctrl-C a second time. The first Ctrl-C cancels the job.
    Run(run::Run),
    /// Run finished jobs again as new jobs and show their output live.
    ///
    /// The new jobs have the same commands, settings, secrets and input files. All of them are submitted first, and
    /// then their output is shown one after the other. The exit codes are the same as those of `run`: the first job
    /// that did not succeed determines the code, where a job that could not be run again counts as 125.
    ///
    /// With --failed, all failed jobs run again, or those that the other options select. Their number is printed
    /// instead of their output, and standard error names each job that could not be run again, with the reason.
    #[command(visible_alias = "retry")]
    Rerun(rerun::Rerun),
    /// Submit a job from a YAML or JSON file and print its id.
    Submit(submit::Submit),
    /// List jobs, newest first.
    Jobs(jobs::Jobs),
    /// Show one job.
    Job(job::ShowJob),
    /// Show the output of a job.
    ///
    /// Both streams are written to standard output, in the order in which the job printed them. If the connection is
    /// lost or the server restarts, the command reconnects and continues without losing or repeating a line.
    Logs(logs::LogsArgs),
    /// Cancel a job.
    Cancel(cancel::Cancel),
    /// Show the state of the server on one screen: jobs, workers, pauses and disk.
    Status(status::ShowStatus),
    /// List the workers and what they run.
    Workers(workers::ListWorkers),
    /// Pause the queue, a type of jobs, or a worker. Jobs that are running continue.
    Pause(pause::PauseWork),
    /// End a pause. Waiting jobs start in the same order as before.
    Resume(pause::ResumeWork),
    /// List and download the artifacts of a job.
    Artifacts(artifacts::Artifacts),
    /// Set, list and remove the secrets that jobs can use.
    #[command(subcommand)]
    Secret(secret::SecretVerb),
    /// Add, list, change and remove users.
    #[command(subcommand)]
    User(user::UserVerb),
    /// List and end the sessions of browsers.
    #[command(subcommand)]
    Session(session::SessionVerb),
    /// Create, list and revoke API tokens.
    #[command(subcommand)]
    Token(token::TokenVerb),
    /// Show what the server would mask in a piece of text.
    ///
    /// The text is read from a file or from standard input, and printed with all secrets masked. The server does not
    /// store it.
    Redact(redact::Redact),
    /// Store a server's address and token for the other commands.
    ///
    /// The command asks for the token, or reads it from standard input: `tailwater login < data/admin-token`.
    Login(login::Login),
    /// Remove the address and token that `login` stored.
    Logout,
    /// Show the effective settings of `serve` and the source of each.
    Config(config::ShowConfig),
    /// Print the completion script for a shell.
    Completions(completions::Completions),
}

/// The files that a release build embeds. A debug build embeds none.
#[derive(Debug, Default)]
pub struct Embedded {
    /// The static files of the pages.
    pub site: Option<EmbeddedSite>,
    /// The executable of the supervisor, which runs each step of a job.
    pub supervisor: Option<Cow<'static, [u8]>>,
}

/// Parses the command line and runs its subcommand.
pub fn run(embedded: Embedded) -> ExitCode {
    let (matches, file) = match settings::matches(command()) {
        Ok(read) => read,
        Err(error) => return CliError::from(error).report(FAILURE),
    };
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let colour = cli.color;
    let (done, failure) = match cli.verb {
        Verb::Serve(serve) => return serve.run(embedded, file.as_ref()),
        Verb::Worker(worker) => (worker.run(&embedded), FAILURE),
        Verb::Run(run) => (in_runtime(run.run(colour)), outcome::OURS),
        Verb::Rerun(rerun) => (in_runtime(rerun.run(colour)), outcome::OURS),
        Verb::Submit(submit) => (in_runtime(submit.run(colour)), FAILURE),
        Verb::Jobs(jobs) => (in_runtime(jobs.run(colour)), FAILURE),
        Verb::Job(job) => (in_runtime(job.run(colour)), FAILURE),
        Verb::Logs(logs) => (in_runtime(logs.run(colour)), FAILURE),
        Verb::Cancel(cancel) => (in_runtime(cancel.run(colour)), FAILURE),
        Verb::Status(status) => (in_runtime(status.run(colour)), FAILURE),
        Verb::Workers(workers) => (in_runtime(workers.run(colour)), FAILURE),
        Verb::Pause(pause) => (in_runtime(pause.run(colour)), FAILURE),
        Verb::Resume(resume) => (in_runtime(resume.run(colour)), FAILURE),
        Verb::Artifacts(artifacts) => (in_runtime(artifacts.run(colour)), FAILURE),
        Verb::Redact(redact) => (in_runtime(redact.run(colour)), FAILURE),
        Verb::Secret(secret) => (in_runtime(secret.run(colour)), FAILURE),
        Verb::User(user) => (in_runtime(user.run(colour)), FAILURE),
        Verb::Session(session) => (in_runtime(session.run(colour)), FAILURE),
        Verb::Token(token) => (in_runtime(token.run(colour)), FAILURE),
        Verb::Login(login) => (in_runtime(login.run(colour)), FAILURE),
        Verb::Logout => (logout::run(colour), FAILURE),
        Verb::Config(config) => (config.run(&matches, file.as_ref(), colour), FAILURE),
        Verb::Completions(completions) => (completions.run(colour), FAILURE),
    };
    done.unwrap_or_else(|error| error.report(failure))
}

/// Prints the requested help, or the error in the arguments, and exits. The exit code for incorrect usage is 2. For
/// `run` and `rerun`, it is 125, because 2 could be the exit code of the command to run.
fn refuse(error: &clap::Error) -> ! {
    let verb = verb_of(std::env::args_os().skip(1));
    let is_run = verb.is_some_and(|verb| ["run", "rerun", "retry"].iter().any(|running| verb == *running));
    if !(error.use_stderr() && is_run) {
        error.exit();
    }
    error.print().ok();
    std::process::exit(outcome::OURS.into())
}

/// Returns the subcommand: the first argument that is neither an option nor an option's value, or `None` if there is
/// none.
fn verb_of(mut arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--color") => drop(arguments.next()),
            Some(option) if option.starts_with('-') => {}
            _ => return Some(argument),
        }
    }
    None
}

/// Returns the definition of the whole command line.
fn command() -> clap::Command {
    settings::add_arguments(Cli::command())
}

/// Runs a subcommand that sends requests to a server.
fn in_runtime(verb: impl Future<Output = Result<ExitCode, CliError>>) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(verb);
    // Unlike dropping the runtime, this call does not wait for pending operations such as resolving a host name.
    runtime.shutdown_background();
    done
}

/// Parses a job's id.
fn job_id(text: &str) -> Result<JobId, String> {
    text.parse().map_err(|_| "expected a complete job id; `tailwater jobs` lists them".to_owned())
}
