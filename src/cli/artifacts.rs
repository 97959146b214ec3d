//! `tailwater artifacts`: lists and downloads the artifacts of a job.

mod download;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::{Artifact, JobId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{ApiClient, ServerArgs};
use super::error::CliError;
use super::output::{Colour, Ink, Output, plain};
use super::progress::ProgressBars;
use super::table::{self, Cell};
use crate::words;
use download::{Destination, download};

/// The arguments of `tailwater artifacts`.
#[derive(Debug, Args)]
pub(super) struct Artifacts {
    #[command(subcommand)]
    verb: ArtifactsVerb,
}

#[derive(Debug, Subcommand)]
enum ArtifactsVerb {
    /// List the artifacts, oldest first.
    Ls(List),
    /// Download an artifact, resuming a partial download, and verify its checksum.
    Get(Get),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's id.
    #[arg(value_name = "ID", value_parser = super::job_id)]
    job: JobId,
    /// Print the artifacts as JSON, as returned by the API, one per line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Get {
    #[command(flatten)]
    server: ServerArgs,
    /// The job's id.
    #[arg(value_name = "ID", value_parser = super::job_id)]
    job: JobId,
    /// The artifact's name or id; if several artifacts share the name, the newest is downloaded.
    #[arg(value_name = "NAME|ARTIFACT_ID")]
    artifact: String,
    /// The file to write, or - for standard output [default: the artifact's base name, in the current directory].
    #[arg(long, short, value_name = "FILE")]
    output: Option<String>,
    /// Print the artifact's description as JSON, as returned by the API.
    #[arg(long)]
    json: bool,
    /// Do not show the progress.
    #[arg(long, short)]
    quiet: bool,
}

/// An artifact in two forms: as sent by the server, and parsed.
struct FetchedArtifact {
    json: String,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct ArtifactsReply {
    items: Vec<Box<RawValue>>,
}

impl Artifacts {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        match self.verb {
            ArtifactsVerb::Ls(list) => list.run(colour).await?,
            ArtifactsVerb::Get(get) => get.run(colour).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self, colour: Colour) -> Result<(), CliError> {
        let artifacts = list(&self.server.client()?, self.job).await?;
        let mut stdout = Output::stdout(colour);
        if self.json {
            artifacts.iter().try_for_each(|listed| stdout.line(&listed.json))?;
            return Ok(());
        }
        let rows: Vec<_> = artifacts.iter().map(|listed| row(&listed.artifact)).collect();
        let lines = table::lines(&rows, &stdout, None);
        lines.iter().try_for_each(|line| stdout.line(line))?;
        Ok(())
    }
}

impl Get {
    async fn run(self, colour: Colour) -> Result<(), CliError> {
        let client = self.server.client()?;
        let mut artifacts = list(&client, self.job).await?;
        let is_it = |listed: &FetchedArtifact| {
            listed.artifact.name == self.artifact || listed.artifact.id.to_string() == self.artifact
        };
        // Several attempts may have an artifact with this name. The list is sorted oldest first, so searching it from
        // the end finds the newest.
        let at = artifacts.iter().rposition(is_it);
        let FetchedArtifact { json, artifact } =
            at.map(|at| artifacts.swap_remove(at)).ok_or_else(|| self.not_there())?;
        let target = Destination::new(self.output.as_deref(), &artifact)?;
        let mut stdout = Output::stdout(colour);
        // If the file itself is written to the terminal, no progress bar is shown, because the bar would mix with the
        // file's content.
        let is_displayed = stdout.is_terminal() && matches!(target, Destination::Stdout);
        let bars = ProgressBars::of(self.quiet || is_displayed, self.json);
        download(&client, &artifact, &target, bars).await?;
        if let Destination::File(path) = target {
            let said = format!("{}  {}", plain(&path.display().to_string()), words::bytes(artifact.size_bytes));
            stdout.line(if self.json { &json } else { &said })?;
        }
        Ok(())
    }

    fn not_there(&self) -> CliError {
        CliError::Usage(format!(
            "the job has no artifact {:?}; `tailwater artifacts ls {}` lists them",
            self.artifact, self.job
        ))
    }
}

async fn list(client: &ApiClient, job: JobId) -> Result<Vec<FetchedArtifact>, CliError> {
    let page: ArtifactsReply = client.read(&format!("/jobs/{job}/artifacts"), &[]).await?;
    let listed =
        |item: Box<RawValue>| Ok(FetchedArtifact { artifact: client.parse(item.get())?, json: item.get().to_owned() });
    page.items.into_iter().map(listed).collect()
}

fn row(artifact: &Artifact) -> [Cell; 4] {
    [
        Cell::plain(&artifact.id.to_string()),
        Cell::ink(Ink::Grey, &format!("attempt {}", artifact.attempt)),
        Cell::plain(&words::bytes(artifact.size_bytes)),
        Cell::plain(&artifact.name),
    ]
}
