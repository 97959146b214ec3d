//! `tailwater rerun ID`: runs a job again as a new job.

use std::process::ExitCode;

use clap::Args;
use model::{Job, JobId};
use serde_json::json;

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Output};
use super::run::{Signals, attend};

/// The arguments of `tailwater rerun`. The new job has the same commands, settings, secrets and input files.
#[derive(Debug, Args)]
pub(super) struct Rerun {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's id.
    #[arg(value_name = "ID", value_parser = super::job_id)]
    job: JobId,
    /// Print the new job's id and exit without waiting for the job.
    #[arg(long)]
    detach: bool,
    /// Print the events (with --detach: the new job) as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

impl Rerun {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let signals = Signals::listen()?;
        let body = client.post(&format!("/jobs/{}/resubmit", self.job), &json!({})).await?;
        let job: Job = client.parse(&body)?;
        if self.detach {
            Output::stdout(colour).line(&if self.json { body } else { job.id.to_string() })?;
            return Ok(ExitCode::SUCCESS);
        }
        attend(&client, job.id, signals, self.json, colour).await
    }
}
