//! The results of the pages' server functions: either the data for the first paint or an error.
//!
//! This module is separate from [`crate::rpc`], which calls the server, so that the server does not depend on the
//! modules that call it.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use model::{Artifact, Event, EventsPage, Job};
use serde::{Deserialize, Serialize};

/// The reasons why a server function can fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum RpcError {
    /// The server refused the request. The code and the message are those of the REST API.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The API's error code, such as `job_not_found`.
        code: String,
        /// A message that also suggests an action.
        message: String,
    },
    /// The request or its response was lost.
    #[error("the server could not be reached: {0}")]
    Transport(String),
}

impl FromServerFnError for RpcError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::Transport(error.to_string())
    }
}

/// The data for the first paint of the job page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPageData {
    /// The job.
    pub job: Job,
    /// All lifecycle events, oldest first. The timeline is computed from them.
    pub lifecycle_events: Vec<Event>,
    /// The newest events, oldest first. Live Output continues after `tail.next_after`.
    pub tail: EventsPage,
    /// The artifacts stored so far.
    pub artifacts: Vec<Artifact>,
}
