//! `tailwater cancel ID`: cancels a job.

use std::process::ExitCode;

use clap::Args;
use model::{Job, JobId, JobStatus};
use serde_json::json;

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Output};

/// The arguments of `tailwater cancel`. A queued job is cancelled immediately. A running job is cancelled after its
/// commands have been stopped.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's id.
    #[arg(value_name = "ID", value_parser = super::job_id)]
    job: JobId,
    /// The reason, shown to other users.
    #[arg(long)]
    reason: Option<String>,
    /// Print the job as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

impl Cancel {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let body = client.post(&format!("/jobs/{}/cancel", self.job), &json!({"reason": self.reason})).await?;
        let job: Job = client.parse(&body)?;
        let said = match job.status {
            _ if self.json => body,
            JobStatus::Cancelled => format!("{} is cancelled", job.id),
            _ => format!("{} is being cancelled", job.id),
        };
        Output::stdout(colour).line(&said)?;
        Ok(ExitCode::SUCCESS)
    }
}
