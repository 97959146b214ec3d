//! `tailwater jobs`: prints a table of jobs, once or continuously.

mod changes;

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use engine::clock;
use model::{Job, JobId, JobStatus, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{ApiClient, ServerArgs};
use super::error::CliError;
use super::output::{Colour, Ink, Output};
use super::table::{self, Cell};
use crate::words;
use changes::ListChanges;

/// The maximum number of jobs per request, which is the API's limit.
const PAGE: usize = 200;

/// The interval at which the screen is redrawn if no job changes, to update the durations of running jobs.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// The interval at which the list is requested again if no job changes. A pause of the queue changes no job.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// The pause before the list is requested again after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The arguments of `tailwater jobs`, which lists jobs, newest first.
#[derive(Debug, Args)]
pub(super) struct Jobs {
    #[command(flatten)]
    server: ServerArgs,
    // The help text is not a doc comment, because clippy would require backticks around `dead_letter`, and the help
    // would print them.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = status,
        help = "Show only jobs with these statuses: queued, running, succeeded, failed, cancelled, dead_letter"
    )]
    status: Vec<JobStatus>,
    /// The maximum number of jobs.
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// Keep running and show changes; if the output is not a terminal, write a line for each change.
    #[arg(long)]
    watch: bool,
    /// Print the jobs as JSON, as returned by the API, one per line.
    #[arg(long)]
    json: bool,
}

/// A job in two forms: as sent by the server, and parsed.
struct FetchedJob {
    json: String,
    job: Job,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobsReply {
    items: Vec<Box<RawValue>>,
    has_more: bool,
}

impl Jobs {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let mut stdout = Output::stdout(colour);
        let jobs = self.list(&client).await?;
        match (self.watch, self.json, stdout.is_terminal()) {
            (false, true, _) => print_json(&jobs, &mut stdout)?,
            (false, false, _) => print_table(&jobs, &mut stdout, None).map(drop)?,
            (true, false, true) => self.watch_screen(&client, jobs, &mut stdout).await?,
            (true, ..) => self.watch_changes(&client, jobs, &mut stdout).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn list(&self, client: &ApiClient) -> Result<Vec<FetchedJob>, CliError> {
        let mut jobs = Vec::new();
        loop {
            let limit = (self.limit - jobs.len()).min(PAGE);
            if limit == 0 {
                return Ok(jobs);
            }
            let mut query =
                vec![("limit", limit.to_string()), ("offset", jobs.len().to_string()), ("summary", "true".to_owned())];
            if !self.status.is_empty() {
                query.push(("status", self.status.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(",")));
            }
            let page: JobsReply = client.read("/jobs", &query).await?;
            for item in page.items {
                jobs.push(FetchedJob { job: client.parse(item.get())?, json: item.get().to_owned() });
            }
            if !page.has_more {
                return Ok(jobs);
            }
        }
    }

    /// Redraws the table in place whenever a job changes, and otherwise once per [`DRAW_EVERY`].
    async fn watch_screen(
        &self,
        client: &ApiClient,
        mut jobs: Vec<FetchedJob>,
        stdout: &mut Output,
    ) -> Result<(), CliError> {
        let (mut changes, mut drawn) = (ListChanges::follow(client.clone()), 0);
        loop {
            let next = self.look_again(client, &mut changes);
            tokio::pin!(next);
            jobs = loop {
                drawn = draw(&mut jobs, drawn, stdout)?;
                tokio::select! {
                    next = &mut next => break next?,
                    () = tokio::time::sleep(DRAW_EVERY) => {}
                }
            };
        }
    }

    /// Writes a line for every job that was added or has changed.
    async fn watch_changes(
        &self,
        client: &ApiClient,
        mut jobs: Vec<FetchedJob>,
        stdout: &mut Output,
    ) -> Result<(), CliError> {
        let mut changes = ListChanges::follow(client.clone());
        let mut known: HashMap<JobId, Timestamp> = HashMap::new();
        loop {
            let before = std::mem::take(&mut known);
            known.extend(jobs.iter().map(|listed| (listed.job.id, listed.job.updated_at)));
            jobs.retain(|listed| before.get(&listed.job.id) != Some(&listed.job.updated_at));
            // The oldest change is written first.
            jobs.sort_by_key(|listed| listed.job.updated_at);
            if self.json {
                print_json(&jobs, stdout)?;
            } else if !jobs.is_empty() {
                print_table(&jobs, stdout, None)?;
            }
            jobs = self.look_again(client, &mut changes).await?;
        }
    }

    /// Waits for a change, at most for [`ASK_EVERY`], and fetches the list again. If the server is unavailable, retries
    /// until it responds.
    async fn look_again(&self, client: &ApiClient, changes: &mut ListChanges) -> Result<Vec<FetchedJob>, CliError> {
        tokio::time::timeout(ASK_EVERY, changes.next()).await.unwrap_or(Ok(()))?;
        loop {
            match self.list(client).await {
                // If the server is unavailable, the stream of changes also breaks, and `ListChanges` prints a message.
                Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
                listed => return listed,
            }
        }
    }
}

fn status(text: &str) -> Result<JobStatus, String> {
    let known = || JobStatus::ALL.map(JobStatus::as_str).join(", ");
    JobStatus::from_word(text).ok_or_else(|| format!("expected one of {}", known()))
}

/// Draws the table over the previous table, which had `drawn` lines. Returns the number of lines of the new table.
fn draw(jobs: &mut Vec<FetchedJob>, drawn: usize, stdout: &mut Output) -> io::Result<usize> {
    if drawn > 0 {
        // These sequences move the cursor to the first line of the table, and erase everything from there to the end of
        // the screen.
        stdout.raw(format!("\x1b[{drawn}A\x1b[J").as_bytes())?;
    }
    // Only rows that fit on the screen are drawn, because rows that have scrolled off its top cannot be redrawn.
    let size = stdout.size();
    jobs.truncate(size.map_or(usize::MAX, |(_, rows)| rows.saturating_sub(1)));
    print_table(jobs, stdout, size.map(|(columns, _)| columns))
}

fn print_json(jobs: &[FetchedJob], stdout: &mut Output) -> io::Result<()> {
    jobs.iter().try_for_each(|listed| stdout.line(&listed.json))
}

/// Prints the table and returns its number of lines.
fn print_table(jobs: &[FetchedJob], stdout: &mut Output, width: Option<u32>) -> io::Result<usize> {
    let now = clock::now();
    let rows: Vec<_> = jobs.iter().map(|listed| row(&listed.job, now)).collect();
    let lines = table::lines(&rows, stdout, width);
    if lines.is_empty() {
        stdout.line("no jobs")?;
        return Ok(1);
    }
    lines.iter().try_for_each(|line| stdout.line(line))?;
    Ok(lines.len())
}

fn row(job: &Job, now: Timestamp) -> [Cell; 5] {
    let paused = if job.pause.is_some() { ", paused" } else { "" };
    let status = format!("{} {}{paused}", words::status_sign(job.status), words::status(job.status));
    [
        Cell::ink(Ink::of(job.status), &status),
        Cell::plain(&job.id.to_string()),
        Cell::ink(Ink::Grey, &words::ago(now.millis_since(job.created_at))),
        Cell::ink(Ink::Grey, &words::run_time(job.phase(), || now)),
        Cell::plain(&job.title),
    ]
}
