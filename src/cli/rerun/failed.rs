//! `tailwater rerun --failed`: reruns all failed jobs that match a filter.
//!
//! The jobs are counted first, and then the server submits all of them again in one request. This request includes only
//! jobs that were submitted before the count, so a new job that fails immediately is not run again. Jobs that were
//! already run again are skipped, so repeating the command does not run a job twice.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use model::{BulkAction, BulkFilter, BulkReply, BulkRequest, JobStatus, Timestamp};
use reqwest::Method;

use crate::cli::client::ApiClient;
use crate::cli::confirm::confirm;
use crate::cli::duration;
use crate::cli::error::CliError;
use crate::cli::outcome::OURS;
use crate::cli::output::{Colour, Output, note};
use crate::words;

/// The maximum number of skipped jobs that are listed by id. Any others are only counted.
const NAMED: usize = 10;

/// The maximum number of jobs that run again without confirmation.
const FEW: i64 = 10;

/// The maximum time until the server has submitted all jobs again. The server submits up to 10,000 jobs, one after
/// another, and syncs each of them to disk.
const DONE_WITHIN: Duration = Duration::from_mins(10);

/// The arguments that select failed jobs instead of jobs with certain ids.
#[derive(Debug, Args)]
#[command(next_help_heading = "Failed jobs")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct FailedJobs {
    /// Run all failed jobs again, also those that have used up their attempts, and exit without waiting for them. Jobs
    /// that were already run again are skipped.
    #[arg(long, conflicts_with = "jobs")]
    pub(super) failed: bool,
    /// Only jobs of this type, such as `command`.
    #[arg(long = "type", value_name = "TYPE", requires = "failed", conflicts_with = "jobs")]
    kind: Option<String>,
    /// Only jobs submitted since TIME: a timestamp (2026-01-31T12:00:00Z) or an age (24h).
    #[arg(long, value_name = "TIME", value_parser = duration::since, requires = "failed", conflicts_with = "jobs")]
    since: Option<Timestamp>,
    /// Only jobs that this user submitted.
    #[arg(long, value_name = "USER", requires = "failed", conflicts_with = "jobs")]
    user: Option<String>,
    /// Only jobs whose title, commands or id contain this text.
    #[arg(long, value_name = "TEXT", requires = "failed", conflicts_with = "jobs")]
    search: Option<String>,
    /// Also run jobs again that were already run again.
    #[arg(long, requires = "failed", conflicts_with = "jobs")]
    include_rerun: bool,
    /// Only show how many jobs would run again.
    #[arg(long, requires = "failed", conflicts_with = "jobs")]
    dry_run: bool,
    /// Do not ask for confirmation if there are more than 10 jobs.
    #[arg(long, short, requires = "failed", conflicts_with = "jobs")]
    yes: bool,
}

impl FailedJobs {
    /// Runs the jobs again, and prints the result as JSON or as text.
    pub(super) async fn run_again(self, client: &ApiClient, json: bool, colour: Colour) -> Result<ExitCode, CliError> {
        let mut stdout = Output::stdout(colour);
        let mut request = BulkRequest {
            action: BulkAction::Resubmit,
            filter: BulkFilter {
                status: Some(vec![JobStatus::Failed, JobStatus::DeadLetter]),
                kind: self.kind,
                q: self.search,
                user: self.user,
                created_after: self.since,
                created_before: None,
            },
            reason: None,
            include_resubmitted: self.include_rerun,
            dry_run: true,
        };
        let (body, counted) = send(client, &request).await?;
        for text in already_run_again(&counted) {
            note(&text);
        }
        let jobs = words::plural(counted.matched, "failed job");
        if counted.has_more && !self.dry_run {
            let problem = format!("more than {jobs} match; select fewer with --since, --type, --user or --search");
            return Err(CliError::Usage(problem));
        }
        if self.dry_run || counted.matched == 0 {
            let more = if counted.has_more { "more than " } else { "" };
            stdout.line(&if json { body } else { format!("{more}{jobs} would run again") })?;
            return Ok(ExitCode::SUCCESS);
        }
        if counted.matched > FEW && !self.yes && !confirm(&format!("Run {jobs} again?"))? {
            return Err(CliError::Usage("no job was run again".to_owned()));
        }
        (request.dry_run, request.filter.created_before) = (false, Some(counted.before));
        let (body, reply) = send(client, &request).await?;
        stdout.line(&if json { body } else { format!("{} again", ran(&reply)) })?;
        let problems = problems(&reply);
        for problem in &problems {
            note(problem);
        }
        Ok(ExitCode::from(if problems.is_empty() { 0 } else { OURS }))
    }
}

/// Sends a request. Returns the response's body, and the parsed body.
async fn send(client: &ApiClient, request: &BulkRequest) -> Result<(String, BulkReply), CliError> {
    let request = client.request(Method::POST, "/jobs/bulk").json(request);
    let reply = client.send_within(DONE_WITHIN, request).await?;
    let body = client.text(reply).await?;
    let reply = client.parse(&body)?;
    Ok((body, reply))
}

/// Returns messages about the jobs that are skipped because they were already run again.
fn already_run_again(reply: &BulkReply) -> Vec<String> {
    let named = reply.resubmissions.iter().take(NAMED);
    let mut messages: Vec<String> =
        named.map(|job| format!("{} is skipped: it was already run again as {}", job.id, job.resubmitted_as)).collect();
    let rest = reply.resubmitted.saturating_sub(i64::try_from(messages.len()).unwrap_or(i64::MAX));
    if rest > 0 {
        let (are, were) = if rest == 1 { ("is", "it was") } else { ("are", "they were") };
        messages.push(format!("{} {are} skipped: {were} already run again", words::plural(rest, "further job")));
    }
    if !messages.is_empty() {
        messages.push("--include-rerun runs skipped jobs again too".to_owned());
    }
    messages
}

/// Returns a phrase that states how many jobs run again: `1 failed job runs`, `2 failed jobs run`.
fn ran(reply: &BulkReply) -> String {
    let verb = if reply.done == 1 { "runs" } else { "run" };
    format!("{} {verb}", words::plural(reply.done, "failed job"))
}

/// Returns messages about the jobs that were not run again: one for each job that the server names, and one with the
/// number of the remaining jobs.
fn problems(reply: &BulkReply) -> Vec<String> {
    let mut problems: Vec<String> =
        reply.unchanged.iter().map(|job| format!("{} was not run again: {}", job.id, job.reason)).collect();
    let named = i64::try_from(reply.unchanged.len()).unwrap_or(i64::MAX);
    let unnamed = reply.skipped.saturating_add(reply.failed).saturating_sub(named);
    if unnamed > 0 {
        problems.push(format!("{} more could not be run again", words::plural(unnamed, "job")));
    }
    let tried = reply.done.saturating_add(reply.skipped).saturating_add(reply.failed);
    if tried < reply.matched {
        let rest = words::plural(reply.matched - tried, "further job");
        problems.push(format!("{rest} would have failed for the same reason; run the command again later"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use model::{JobId, Resubmission, UnchangedJob};

    use super::*;

    #[test]
    fn jobs_that_were_already_run_again_are_named_or_counted() {
        assert_eq!(already_run_again(&BulkReply::default()), Vec::<String>::new());
        let id = JobId(uuid::Uuid::nil());
        let resubmissions = vec![Resubmission { id, resubmitted_as: id }; 12];
        let messages = already_run_again(&BulkReply { resubmitted: 15, resubmissions, ..BulkReply::default() });
        assert_eq!(messages[0], format!("{id} is skipped: it was already run again as {id}"));
        let rest =
            ["5 further jobs are skipped: they were already run again", "--include-rerun runs skipped jobs again too"];
        assert_eq!(messages[NAMED..], rest);
    }

    #[test]
    fn every_job_that_was_not_run_again_is_named_or_counted() {
        let id = JobId(uuid::Uuid::nil());
        let unchanged = vec![UnchangedJob { id, reason: "there is no secret KEY".to_owned() }];
        let reply = BulkReply { matched: 10, done: 2, skipped: 1, failed: 3, unchanged, ..BulkReply::default() };
        let expected = [
            format!("{id} was not run again: there is no secret KEY"),
            "3 jobs more could not be run again".to_owned(),
            "4 further jobs would have failed for the same reason; run the command again later".to_owned(),
        ];
        assert_eq!(problems(&reply), expected);
        assert_eq!(problems(&BulkReply { matched: 2, done: 2, ..BulkReply::default() }), Vec::<String>::new());
    }
}
