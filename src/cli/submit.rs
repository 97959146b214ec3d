//! `tailwater submit FILE`: submits a job from a file.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use model::Job;

use super::client::ServerArgs;
use super::error::CliError;
use super::output::{Colour, Output};
use super::progress::ProgressBars;
use super::send;
use super::submission;

/// The maximum number of bytes that are read from a file. It is greater than the server's default limit, so the server
/// normally refuses a longer file.
const MAX_FILE: u64 = 64 << 20;

/// The arguments of `tailwater submit`, which submits a job and prints its id.
#[derive(Debug, Args)]
pub(super) struct Submit {
    #[command(flatten)]
    server: ServerArgs,
    /// A YAML or JSON file that describes the job, or - for standard input. It contains either a payload (with `run` or
    /// `steps`) or a whole submission (with `payload`).
    #[arg(value_name = "FILE")]
    file: String,
    /// Copy the files in DIR to the job's workspace before the first step.
    ///
    /// Untracked files that match git's ignore rules are not copied.
    #[arg(long, value_name = "DIR")]
    send: Option<PathBuf>,
    /// Print the new job as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
    /// Do not show the progress of sending files.
    #[arg(long, short)]
    quiet: bool,
}

impl Submit {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let bytes =
            read(&self.file).map_err(|source| CliError::File { what: format!("read {}", self.file), source })?;
        let submission = submission::parse(&self.file, &bytes)?;
        let client = self.server.client()?;
        let bars = ProgressBars::of(self.quiet, self.json);
        let body = send::submit(&client, &submission, self.send.as_deref(), bars).await?;
        let job: Job = client.parse(&body)?;
        Output::stdout(colour).line(&if self.json { body } else { job.id.to_string() })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read(file: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if file == "-" { Box::new(io::stdin()) } else { Box::new(fs::File::open(file)?) };
    source.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}
