//! `tailwater job ID`: prints a short description of one job.

use std::process::ExitCode;

use clap::Args;
use engine::clock;
use model::{Job, JobId};

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Ink, Output, plain};
use crate::words;

/// The arguments of `tailwater job`, which shows the job's status and result.
#[derive(Debug, Args)]
pub(super) struct ShowJob {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's id.
    #[arg(value_name = "ID", value_parser = super::job_id)]
    job: JobId,
    /// Print the job as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
}

impl ShowJob {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let body = client.get(&format!("/jobs/{}", self.job), &[]).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            stdout.line(&body)?;
            return Ok(ExitCode::SUCCESS);
        }
        let job: Job = client.parse(&body)?;
        let status = stdout.paint(Ink::of(job.status), words::status(job.status));
        stdout.line(&format!("{status}  {}", plain(&job.title)))?;
        for (name, value) in facts(&job, client.server()) {
            let name = stdout.paint(Ink::Grey, &format!("{name:<10}"));
            stdout.line(&format!("{name}{}", plain(&value)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the facts to print about a job, each with its label. Unknown facts are omitted.
fn facts(job: &Job, server: &str) -> Vec<(&'static str, String)> {
    let time = |time| format!("{} UTC", words::date_time(time, 0));
    let mut facts = vec![("id", job.id.to_string()), ("submitted", time(job.created_at))];
    let optional = [
        ("by", job.created_by_user_id.clone()),
        ("position", job.queue_position.map(words::count)),
        ("waiting", job.pause.as_ref().map(words::paused)),
        ("waiting", job.concurrency_wait.as_ref().map(words::waits_for_key)),
        ("started", job.started_at.map(time)),
        ("finished", job.finished_at.map(time)),
        ("took", Some(words::run_time(job.phase(), clock::now)).filter(|time| !time.is_empty())),
        ("worker", job.claimed_by.as_deref().map(|worker| words::worker(worker).to_owned())),
        ("attempt", (job.attempt > 0).then(|| format!("{} of {}", job.attempt, job.max_attempts))),
        ("exit code", job.exit_code.map(|code| code.to_string())),
        ("failed", job.error_message.clone()),
        (
            "cancel",
            job.cancel_requested_at
                .map(|at| format!("requested {}{}", time(at), because(job.cancel_reason.as_deref()))),
        ),
        ("output", job.log_lines.map(|lines| output(lines, job.log_bytes.unwrap_or(0)))),
        ("removed", job.output_removed_at.map(|at| format!("output and artifacts, on {}", time(at)))),
        ("page", Some(format!("{server}/tasks/queue/{}", job.id))),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    facts
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(", {reason}")).unwrap_or_default()
}

fn output(lines: i64, bytes: i64) -> String {
    format!("{}, {}", words::plural(lines, "line"), words::bytes(bytes))
}
