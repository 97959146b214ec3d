//! The command line: one verb a file.
//!
//! `serve` is the server; `config` shows its settings. All other verbs ask a server over its API, as any program could:
//! [`client`] sends, [`follow`] reads a log and resumes it, [`printer`] writes it, [`output`] knows what may reach a terminal.

mod artifacts;
mod cancel;
mod client;
mod completions;
mod config;
mod credentials;
mod duration;
mod error;
mod exposed;
mod follow;
mod guard;
mod job;
mod jobs;
mod login;
mod logout;
mod logs;
mod order;
mod outcome;
mod output;
mod printer;
mod run;
mod send;
mod serve;
mod settings;
mod sse;
mod submission;
mod submit;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::model::JobId;
use crate::server::site::EmbeddedSite;
use error::CliError;
use output::Colour;

/// The exit code of a verb that failed; `run` has its own, since 1 is a command's.
const FAILURE: u8 = 1;

/// A self-hosted job queue whose operators watch their commands' output live in the browser.
#[derive(Debug, Parser)]
#[command(name = "tailwater", version, about)]
struct Cli {
    /// When to use colours; `auto` also heeds `NO_COLOR`.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves the pages and the API, and runs jobs.
    Serve(Box<serve::Serve>),
    /// Runs a command on the server and follows it, as if it ran here.
    ///
    /// Ends like the command: with its exit code, or 128 and the number of the signal that ended it. 123: it was cancelled.
    /// 124: its time was up. 125: tailwater itself failed. 126: it could not be run, or its worker died. 130: you pressed
    /// Ctrl-C a second time; the first one cancels the job.
    Run(run::Run),
    /// Submits a job from a file of YAML or JSON and prints its id.
    Submit(submit::Submit),
    /// Lists jobs, newest first.
    Jobs(jobs::Jobs),
    /// Shows one job.
    Job(job::ShowJob),
    /// Shows what a job has printed.
    ///
    /// Both streams go to standard output, in the order in which they were printed. A cut connection or a restarted server
    /// is waited for; no line is lost and none comes twice.
    Logs(logs::Logs),
    /// Cancels a job.
    Cancel(cancel::Cancel),
    /// Lists and downloads the files kept of a job.
    Artifacts(artifacts::Artifacts),
    /// Stores a server's address and token for the other verbs.
    ///
    /// The token is asked for, or read from standard input: `tailwater login < data/admin-token`.
    Login(login::Login),
    /// Removes what `login` stored.
    Logout,
    /// Shows the settings of `serve` in force, and where each of them comes from.
    Config(config::Config),
    /// Prints the completions of a shell.
    Completions(completions::Completions),
}

/// Does what the command line asks for. A server gets its pages' files from `embedded_site`.
pub fn run(embedded_site: Option<EmbeddedSite>) -> ExitCode {
    let (matches, file) = match settings::matches(command()) {
        Ok(read) => read,
        Err(error) => return CliError::from(error).report(FAILURE),
    };
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let colour = cli.color;
    let (done, failure) = match cli.verb {
        Verb::Serve(serve) => return serve.run(embedded_site, file.as_ref()),
        Verb::Run(run) => (in_runtime(run.run(colour)), outcome::OURS),
        Verb::Submit(submit) => (in_runtime(submit.run(colour)), FAILURE),
        Verb::Jobs(jobs) => (in_runtime(jobs.run(colour)), FAILURE),
        Verb::Job(job) => (in_runtime(job.run(colour)), FAILURE),
        Verb::Logs(logs) => (in_runtime(logs.run(colour)), FAILURE),
        Verb::Cancel(cancel) => (in_runtime(cancel.run(colour)), FAILURE),
        Verb::Artifacts(artifacts) => (in_runtime(artifacts.run(colour)), FAILURE),
        Verb::Login(login) => (in_runtime(login.run(colour)), FAILURE),
        Verb::Logout => (logout::run(colour), FAILURE),
        Verb::Config(config) => (config.run(&matches, file.as_ref(), colour), FAILURE),
        Verb::Completions(completions) => (completions.run(colour), FAILURE),
    };
    done.unwrap_or_else(|error| error.report(failure))
}

/// Shows the help that was asked for, or says what is wrong with the arguments, and exits. The code of a wrong use is 2, but 125
/// for `run`, whose 2 would be the command's.
fn refuse(error: &clap::Error) -> ! {
    let is_run = verb_of(std::env::args_os().skip(1)).is_some_and(|verb| verb == "run");
    if !(error.use_stderr() && is_run) {
        error.exit();
    }
    error.print().ok();
    std::process::exit(outcome::OURS.into())
}

/// Returns the verb among the arguments: the first one that is neither an option nor its value.
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

/// Returns everything that can be said.
fn command() -> clap::Command {
    settings::add_arguments(Cli::command())
}

/// Runs a verb that asks a server.
fn in_runtime(verb: impl Future<Output = Result<ExitCode, CliError>>) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(verb);
    // What is still asked of the server, such as a name to resolve, is not waited for.
    runtime.shutdown_background();
    done
}

/// Parses a job's id.
fn job_id(text: &str) -> Result<JobId, String> {
    text.parse().map_err(|_| "takes a job's whole id; `tailwater jobs` lists them".to_owned())
}
