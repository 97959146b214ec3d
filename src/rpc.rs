//! Leptos server functions, under `/rpc`: what the pages load first and what they ask the server to do.
//!
//! Live data does not come this way: the job page reads events by Server-Sent Events or polling (see
//! [`crate::live_output`]), from the cursor that [`job_page`] hands it.

use leptos::prelude::*;
use leptos::server_fn::codec::{JsonEncoding, Post};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::host;
use crate::model::{Artifact, Event, EventsPage, Job, JobStatus, JobsPage, NewJob};

/// Why a server function failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum RpcError {
    /// The server refused; the same code and message as the REST API gives.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The API's word for it, such as `job_not_found`.
        code: String,
        /// One sentence that says what to do.
        message: String,
    },
    /// The call or its answer did not arrive.
    #[error("the server could not be reached: {0}")]
    Transport(String),
}

impl FromServerFnError for RpcError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::Transport(error.to_string())
    }
}

/// The encoding of a call's arguments: JSON, which the server reads as it reads every body of JSON.
pub enum Arguments {}

impl ContentType for Arguments {
    const CONTENT_TYPE: &'static str = JsonEncoding::CONTENT_TYPE;
}

impl FormatType for Arguments {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Arguments {
    type Error = serde_json::Error;

    fn encode(arguments: &T) -> Result<Bytes, Self::Error> {
        JsonEncoding::encode(arguments)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Arguments {
    type Error = String;

    fn decode(bytes: Bytes) -> Result<T, String> {
        host::read_arguments(&bytes)
    }
}

/// Everything that the job page shows first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPage {
    /// The job.
    pub job: Job,
    /// Every event that is not output, oldest first: what the timeline is made of.
    pub milestones: Vec<Event>,
    /// The newest events, oldest first; the live view goes on after `tail.nextAfter`.
    pub tail: EventsPage,
    /// The files kept so far.
    pub artifacts: Vec<Artifact>,
}

/// Returns a page of jobs, newest first; `q` is looked for in titles, commands and ids.
#[server(prefix = "/rpc", endpoint = "list_jobs")]
pub async fn list_jobs(
    /// Only jobs of this status.
    status: Option<JobStatus>,
    /// Only jobs in which this occurs.
    q: Option<String>,
    /// How many to leave out before them.
    offset: i64,
) -> Result<JobsPage, RpcError> {
    crate::server::pages::list_jobs(status, q, offset).await
}

/// Returns everything that the job page shows first.
#[server(name = LoadJobPage, prefix = "/rpc", endpoint = "job_page")]
pub async fn job_page(
    /// The job.
    id: String,
) -> Result<JobPage, RpcError> {
    crate::server::pages::job_page(&id).await
}

/// Submits a job.
#[server(prefix = "/rpc", endpoint = "submit_job", input = Post<Arguments>)]
pub async fn submit_job(
    /// What to run.
    job: NewJob,
) -> Result<Job, RpcError> {
    crate::server::pages::submit_job(job).await
}

/// Asks for a job's cancellation.
#[server(prefix = "/rpc", endpoint = "cancel_job")]
pub async fn cancel_job(
    /// The job.
    id: String,
    /// Why, for people.
    reason: Option<String>,
) -> Result<Job, RpcError> {
    crate::server::pages::cancel_job(&id, reason).await
}

/// Submits a finished or running job's payload once more.
#[server(prefix = "/rpc", endpoint = "resubmit_job")]
pub async fn resubmit_job(
    /// The job.
    id: String,
) -> Result<Job, RpcError> {
    crate::server::pages::resubmit_job(&id).await
}
