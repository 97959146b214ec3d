//! Makes new jobs behave as if their commands ran locally: prints their output, cancels them on a signal, and computes
//! their exit codes.
//!
//! Several jobs run independently of each other, but their output is printed one job after the other, because lines of
//! different jobs would be hard to tell apart. No output is lost, because the server stores the output of all jobs.

mod signals;

use model::JobId;
use serde_json::json;

use super::client::ApiClient;
use super::error::CliError;
use super::follow::{OutputDelivery, Until, WantedEvents, follow};
use super::outcome::{CLOSED_PIPE, LEFT, OURS, Outcome};
use super::output::{Colour, Output, note};
use super::printer::{Form, Printer, Streams};
pub(super) use signals::Signals;

/// The client and the settings with which new jobs are attended to. Attending to a job means printing its output,
/// cancelling it on a signal, and computing its exit code.
pub(super) struct Attending {
    pub(super) client: ApiClient,
    /// Whether the events are printed as JSON.
    pub(super) json: bool,
    /// Whether to omit the addresses of the jobs' pages.
    pub(super) quiet: bool,
    pub(super) colour: Colour,
}

impl Attending {
    /// Prints the output of a new job until the job has finished, and returns the exit code. The job is cancelled on
    /// the first signal, or if its output can no longer be written.
    pub(super) async fn job(&self, job: JobId, signals: Signals) -> Result<u8, CliError> {
        tokio::spawn(cancel_on(signals, self.client.clone(), vec![job]));
        self.print(job, &[job]).await
    }

    /// Prints the output of several new jobs, and returns the exit code of each. If the output of one job cannot be
    /// read, the output of the others is still printed. All jobs are cancelled on the first signal, or if their output
    /// can no longer be written.
    pub(super) async fn jobs(&self, jobs: &[JobId], signals: Signals) -> Result<Vec<u8>, CliError> {
        tokio::spawn(cancel_on(signals, self.client.clone(), jobs.to_vec()));
        let mut codes = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            let code = match self.print(*job, &jobs[index..]).await {
                Err(error @ CliError::Output(_)) => return Err(error),
                Err(error) => {
                    note(&format!("{job}: {error}"));
                    OURS
                }
                Ok(code) => code,
            };
            codes.push(code);
            if code == CLOSED_PIPE {
                break;
            }
        }
        codes.resize(jobs.len(), CLOSED_PIPE);
        Ok(codes)
    }

    /// Prints the output of a job until the job has finished, and returns the exit code. If the output can no longer be
    /// written, cancels the jobs in `waiting`, which are this job and the jobs that have not been printed yet.
    async fn print(&self, job: JobId, waiting: &[JobId]) -> Result<u8, CliError> {
        let mut stderr = Output::stderr(self.colour);
        if stderr.is_terminal() && !self.quiet {
            stderr.line(&format!("tailwater: {}/tasks/queue/{job}", self.client.server()))?;
        }
        let form = if self.json { Form::Json } else { Form::AsItIs };
        let (until, printed) = (Until::End, OutputDelivery::of(self.json));
        let wanted = WantedEvents { job, after: "0".into(), step: None, stream: None, until, printed };
        let mut outcome = Outcome::default();
        let output = Printer::new(form, Streams::Apart, Output::stdout(self.colour), stderr);
        match output.print(follow(self.client.clone(), wanted), |event| outcome.see(event)).await {
            Ok(()) => {}
            Err(error) if error.is_closed_pipe() => {
                // A local command would be killed by SIGPIPE in this case, as in `command | head`.
                cancel(&self.client, waiting, "the output of `tailwater` was closed").await?;
                return Ok(CLOSED_PIPE);
            }
            Err(error @ CliError::Output(_)) => {
                // The terminal was closed or the disk is full. A local command could not continue either.
                cancel(&self.client, waiting, "the output of `tailwater` could not be written").await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        if let Some(remark) = outcome.remark() {
            note(&remark);
        }
        Ok(outcome.exit_code())
    }
}

/// Cancels the jobs on the first signal, and exits the program on the second.
async fn cancel_on(mut signals: Signals, client: ApiClient, jobs: Vec<JobId>) {
    signals.next().await;
    let (subject, object) = if jobs.len() == 1 { ("the job", "it") } else { ("the jobs", "them") };
    note(&format!("cancelling {subject}; press Ctrl-C again to exit without waiting for {object}"));
    let asking = tokio::spawn({
        let jobs = jobs.clone();
        async move {
            if let Err(error) = cancel(&client, &jobs, "interrupted at the command line").await {
                note(&format!("{subject} could not be cancelled: {error}"));
            }
        }
    });
    signals.next().await;
    asking.abort();
    let ids = jobs.iter().map(JobId::to_string).collect::<Vec<_>>().join(" ");
    note(&format!("exited; {subject} may still be running: use `tailwater cancel` or `tailwater logs -f` with {ids}"));
    std::process::exit(LEFT.into());
}

/// Requests the cancellation of jobs. A job that has already finished does not cause an error.
async fn cancel(client: &ApiClient, jobs: &[JobId], reason: &str) -> Result<(), CliError> {
    // The last job is cancelled first. If an earlier job were cancelled first, a later one might start in its place.
    for job in jobs.iter().rev() {
        match client.post(&format!("/jobs/{job}/cancel"), &json!({"reason": reason})).await {
            Err(CliError::Refused { status: 409, .. }) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
