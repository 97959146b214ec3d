//! `tailwater pause` and `tailwater resume`: pause and resume the queue, a type of jobs, or a worker, for maintenance.

use std::process::ExitCode;

use clap::Args;
use model::{ListedWorker, NewPause, Pause, PauseTarget, WorkersPage};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::json;

use super::client::{ApiClient, ServerArgs};
use super::error::CliError;
use super::output::{Colour, Output, plain};
use crate::words;

/// The arguments of `tailwater pause`.
#[derive(Debug, Args)]
pub(super) struct PauseWork {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// The reason, which is shown wherever jobs wait.
    #[arg(long)]
    reason: Option<String>,
}

/// The arguments of `tailwater resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeWork {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// The target to pause or resume, which is the queue by default.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct TargetArgs {
    /// Only the jobs of this type, such as `command`.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only this worker, by its name or id as shown by `tailwater workers`.
    #[arg(long, value_name = "WORKER")]
    worker: Option<String>,
}

impl PauseWork {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let target = self.target.find(&client).await?;
        let request = client.request(Method::PUT, &path(&target)).json(&NewPause { reason: self.reason });
        let reply = client.send(request).await?;
        let pause: Pause = client.parse(&client.text(reply).await?)?;
        Output::stdout(colour).line(&words::paused(&pause))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ResumeWork {
    pub(super) async fn run(self, colour: Colour) -> Result<ExitCode, CliError> {
        let client = self.server.client()?;
        let target = self.target.find(&client).await?;
        let said = if let PauseTarget::Worker(id) = target {
            // This request also ends the draining of the worker.
            let worker: ListedWorker =
                client.parse(&client.post(&format!("/workers/{id}/resume"), &json!({})).await?)?;
            format!("the worker {} receives jobs again", plain(&worker.name))
        } else {
            client.send(client.request(Method::DELETE, &path(&target))).await?;
            match target {
                PauseTarget::Type(kind) => format!("jobs of the type {} are no longer paused", plain(&kind)),
                PauseTarget::Queue | PauseTarget::Worker(_) => "the queue is no longer paused".to_owned(),
            }
        };
        Output::stdout(colour).line(&said)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl TargetArgs {
    /// Returns the target. A worker's name is looked up in the list of workers.
    async fn find(self, client: &ApiClient) -> Result<PauseTarget, CliError> {
        match (self.kind, self.worker) {
            (Some(kind), _) => Ok(PauseTarget::Type(kind)),
            (None, None) => Ok(PauseTarget::Queue),
            (None, Some(name)) => {
                let workers: WorkersPage = client.read("/workers", &[]).await?;
                let is_it = |worker: &&ListedWorker| worker.name == name || worker.id.to_string() == name;
                let found: Vec<&ListedWorker> = workers.items.iter().filter(is_it).collect();
                match found.as_slice() {
                    [worker] => Ok(PauseTarget::Worker(worker.id)),
                    [] => Err(CliError::Usage(format!("there is no worker {name:?}; `tailwater workers` lists them"))),
                    several => {
                        let ids: Vec<String> = several.iter().map(|worker| worker.id.to_string()).collect();
                        let problem = format!("several workers are called {name:?}; use an id: {}", ids.join(", "));
                        Err(CliError::Usage(problem))
                    }
                }
            }
        }
    }
}

/// Returns the path in the API of the pause with this target.
fn path(target: &PauseTarget) -> String {
    format!("/pauses/{}", utf8_percent_encode(&target.to_string(), NON_ALPHANUMERIC))
}
