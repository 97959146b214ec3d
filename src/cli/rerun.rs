//! `tailwater rerun ID...`, also called `retry`: runs finished jobs again as new jobs.

mod failed;

use std::process::ExitCode;

use clap::Args;
use model::{Job, JobId};
use serde_json::json;

use super::attend::{Attending, Signals};
use super::client::{ApiClient, ServerArgs};
use super::error::CliError;
use super::outcome::OURS;
use super::output::{Colour, Output, note};
use failed::FailedJobs;

/// The arguments of `tailwater rerun`.
#[derive(Debug, Args)]
pub(super) struct Rerun {
    #[command(flatten)]
    server: ServerArgs,
    /// The ids of the jobs.
    #[arg(value_name = "ID", required_unless_present = "failed", value_parser = super::job_id)]
    jobs: Vec<JobId>,
    /// Print the ids of the new jobs and exit without waiting for the jobs.
    #[arg(long)]
    detach: bool,
    /// Print the events as JSON, as returned by the API, one per line; with --detach, the new jobs; with --failed, the
    /// result.
    #[arg(long)]
    json: bool,
    /// Do not show the addresses of the jobs' pages.
    #[arg(long, short)]
    quiet: bool,
    // These arguments come last, because clap would also apply their heading to the arguments after them.
    #[command(flatten)]
    failed: FailedJobs,
}

impl Rerun {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        if self.failed.failed {
            return self.failed.run_again(&client, self.json, colour).await;
        }
        let signals = Signals::listen()?;
        let mut stdout = Output::stdout(colour);
        // The new job for each argument, or `None` if the job could not be run again.
        let mut new_jobs = Vec::with_capacity(self.jobs.len());
        for original in &self.jobs {
            match resubmit(&client, *original).await {
                Ok((job, body)) => {
                    if self.detach {
                        stdout.line(&if self.json { body } else { job.to_string() })?;
                    } else if self.jobs.len() > 1 && !self.json && !self.quiet {
                        note(&format!("{original} runs again as {job}"));
                    }
                    new_jobs.push(Some(job));
                }
                Err(error @ CliError::Refused { .. }) => {
                    note(&format!("{original} cannot be run again: {error}"));
                    new_jobs.push(None);
                }
                // The remaining requests would fail too, so they are not sent. The output of the new jobs that already
                // exist is still printed.
                Err(error) => {
                    note(&error.to_string());
                    break;
                }
            }
        }
        new_jobs.resize(self.jobs.len(), None);
        if self.detach {
            return Ok(ExitCode::from(if new_jobs.contains(&None) { OURS } else { 0 }));
        }
        let attended: Vec<JobId> = new_jobs.iter().flatten().copied().collect();
        let mut codes = Attending { client, json: self.json, quiet: self.quiet, colour }
            .jobs(&attended, signals)
            .await?
            .into_iter();
        Ok(ExitCode::from(first_failure(new_jobs.iter().map(|job| job.and_then(|_| codes.next()).unwrap_or(OURS)))))
    }
}

/// Submits a finished job again. Returns the id of the new job and the response's body.
async fn resubmit(client: &ApiClient, original: JobId) -> Result<(JobId, String), CliError> {
    let old: Job = client.read(&format!("/jobs/{original}"), &[]).await?;
    if !old.status.is_terminal() {
        let message = format!("it has not finished yet ({})", old.status.as_str());
        return Err(CliError::Refused { status: 409, code: "job_state_conflict".to_owned(), message });
    }
    let body = client.post(&format!("/jobs/{original}/resubmit"), &json!({})).await?;
    let job: Job = client.parse(&body)?;
    Ok((job.id, body))
}

/// Returns the first exit code that reports a failure, or 0.
fn first_failure(mut codes: impl Iterator<Item = u8>) -> u8 {
    codes.find(|code| *code != 0).unwrap_or(0)
}
