//! `tailwater logs ID`: prints the output of a job.

mod search;

use std::process::ExitCode;

use clap::Args;
use model::{Job, JobId, StreamName, Timestamp};
use regex::Regex;

use super::client::ServerArgs;
use super::duration;
use super::error::CliError;
use super::follow::{OutputDelivery, Until, WantedEvents, follow};
use super::output::{Colour, Output};
use super::printer::{Form, Printer, Streams, Times};
use search::GrepSearch;

/// The arguments of `tailwater logs`. Both streams are written to standard output, in the order in which the job
/// printed them. If the connection is lost or the server restarts, the command reconnects and continues without losing
/// or repeating output.
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's id.
    #[arg(value_name = "ID", value_parser = super::job_id)]
    job: JobId,
    /// Follow the output until the job has finished.
    #[arg(long, short)]
    follow: bool,
    /// Show only the output of this step.
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Show only the output to stdout or stderr.
    #[arg(long, value_parser = stream)]
    stream: Option<StreamName>,
    /// Show only output since TIME: a timestamp (2026-01-31T12:00:00Z) or an age (10m).
    #[arg(long, value_name = "TIME", value_parser = duration::since)]
    since: Option<Timestamp>,
    /// Show only lines that match this regular expression; colours are ignored.
    #[arg(long, value_name = "REGEX", conflicts_with = "json")]
    grep: Option<Regex>,
    /// Show only lines that the last attempt of another job, which must have finished, did not print. Words with digits
    /// are considered equal to each other, so that times and counters do not matter.
    #[arg(long, value_name = "ID", value_parser = super::job_id, conflicts_with_all = ["json", "since", "follow"])]
    not_in: Option<JobId>,
    /// Start each line with its time.
    #[arg(long, conflicts_with = "json")]
    timestamps: bool,
    /// Print the events as JSON, as returned by the API, one per line.
    #[arg(long)]
    json: bool,
}

impl LogsArgs {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        // This request makes the command fail if the server is unreachable when the command starts. If the connection
        // is lost later, the command reconnects instead.
        let job: Job = client.read(&format!("/jobs/{}", self.job), &[]).await?;
        let times = if self.timestamps { Times::Shown } else { Times::Hidden };
        // If possible, the server searches the output. The server's search cannot select lines by time (`--since`) or
        // wait for further output (`--follow`).
        if self.not_in.is_some() || self.grep.is_some() && self.since.is_none() && !self.follow {
            let pattern = self.grep.map(|pattern| pattern.as_str().to_owned());
            let search = GrepSearch { pattern, not_in: self.not_in, step: self.step, stream: self.stream, times };
            search.print(&client, &job, &mut Output::stdout(colour)).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let wanted = WantedEvents {
            job: self.job,
            after: self.since.map_or_else(|| "0".to_owned(), |since| since.to_string()),
            step: self.step,
            stream: self.stream,
            until: if self.follow { Until::End } else { Until::Now },
            printed: OutputDelivery::of(self.json),
        };
        let form = match (self.json, self.grep, self.timestamps) {
            (true, ..) => Form::Json,
            (false, None, false) => Form::AsItIs,
            (false, pattern, _) => Form::Lines { pattern, times },
        };
        let printer = Printer::new(form, Streams::Together, Output::stdout(colour), Output::stderr(colour));
        printer.print(follow(client, wanted), |_| {}).await?;
        Ok(ExitCode::SUCCESS)
    }
}

fn stream(text: &str) -> Result<StreamName, String> {
    let known = [StreamName::Stdout, StreamName::Stderr].into_iter().find(|stream| stream.as_str() == text);
    known.ok_or_else(|| "expected stdout or stderr".to_owned())
}
