//! Prints the lines of a job's output that match a regular expression, or that do not occur in another job's output.
//!
//! The server performs the search. Only the selected lines are transferred, and lines that were not sent live are
//! searched too.

use model::{Job, JobId, StreamName};
use reqwest::Method;
use reqwest::header::ACCEPT;

use crate::cli::client::{ApiClient, with_query};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::printer::{Times, write_line};

/// Selects the lines to print.
pub(super) struct GrepSearch {
    /// The regular expression, or `None` for any text.
    pub(super) pattern: Option<String>,
    /// The job whose lines are excluded, or `None` if no lines are excluded.
    pub(super) not_in: Option<JobId>,
    /// The id of the step that printed the line, or `None` for any step.
    pub(super) step: Option<String>,
    /// The stream that the line was printed to, or `None` for any stream.
    pub(super) stream: Option<StreamName>,
    /// Whether each line starts with its time.
    pub(super) times: Times,
}

impl GrepSearch {
    /// Prints the matching lines of all attempts.
    pub(super) async fn print(&self, client: &ApiClient, job: &Job, output: &mut Output) -> Result<(), CliError> {
        for attempt in 1..=job.attempt {
            self.print_attempt(client, job, attempt, output).await?;
        }
        output.finish()?;
        Ok(())
    }

    async fn print_attempt(
        &self,
        client: &ApiClient,
        job: &Job,
        attempt: i32,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut query = vec![("regex", "true".to_owned()), ("attempt", attempt.to_string())];
        query.extend(self.pattern.clone().map(|pattern| ("q", pattern)));
        query.extend(self.not_in.map(|job| ("notIn", job.to_string())));
        query.extend(self.step.clone().map(|step| ("stepId", step)));
        query.extend(self.stream.map(|stream| ("stream", stream.as_str().to_owned())));
        query.extend((self.times == Times::Shown).then(|| ("timestamps", "true".to_owned())));
        let path = with_query(&format!("/jobs/{}/log/search", job.id), &query);
        let mut reply = client.send(client.request(Method::GET, &path).header(ACCEPT, "text/plain")).await?;
        let mut rest = Vec::new();
        while let Some(chunk) = client.chunk(&mut reply).await? {
            rest.extend_from_slice(chunk.as_ref());
            let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            for line in rest[..end].split_inclusive(|byte| *byte == b'\n') {
                self.print_line(&line[..line.len() - 1], output)?;
            }
            rest.drain(..end);
        }
        Ok(())
    }

    fn print_line(&self, line: &[u8], output: &mut Output) -> std::io::Result<()> {
        let space = line.iter().position(|byte| *byte == b' ').filter(|_| self.times == Times::Shown);
        match space {
            Some(space) => write_line(output, Some(&String::from_utf8_lossy(&line[..space])), &line[space + 1..]),
            None => write_line(output, None, line),
        }
    }
}
