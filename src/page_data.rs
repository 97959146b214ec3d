//! What the pages' server functions return: the data of a first paint, or an error.
//!
//! It stands beside [`crate::rpc`], which calls the server, so that the server need not know its callers.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::model::{Artifact, Event, EventsPage, Job};

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

/// Everything that the job page shows first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPageData {
    /// The job.
    pub job: Job,
    /// Every event that is not output, oldest first: what the timeline is made of.
    pub milestones: Vec<Event>,
    /// The newest events, oldest first; the live view goes on after `tail.nextAfter`.
    pub tail: EventsPage,
    /// The files kept so far.
    pub artifacts: Vec<Artifact>,
}
