//! The results of the pages' server functions, either the data for the first paint or an error, and their encoding.
//!
//! The server uses these types too. They are not in [`crate::rpc`], because the server must not depend on the module
//! that calls the server.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use model::{
    ApiTokensPage, Artifact, CreatedApiToken, CreatedLoginLink, Event, EventsPage, Job, ListedWorker, Pause,
    SessionsPage, Timestamp, User,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::host;

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
        /// A message that also suggests what to do.
        message: String,
    },
    /// The request or its response was lost.
    #[error("the request failed: {0}")]
    Transport(String),
}

/// The HTTP status of a response to a call whose arguments are not valid.
const INVALID_ARGUMENTS: u16 = 422;

impl FromServerFnError for RpcError {
    type Encoder = RpcJson;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            // Without this status, Leptos would respond with 500, although the sender's arguments are invalid. On the
            // server, `Deserialization` also means invalid arguments. In the browser, it means an invalid response, so
            // this case applies only on the server.
            ServerFnErrorErr::Args(problem)
            | ServerFnErrorErr::MissingArg(problem)
            | ServerFnErrorErr::Deserialization(problem)
                if host::IS_SERVER =>
            {
                host::status(INVALID_ARGUMENTS);
                let (code, message) = ("invalid_queue_payload".to_owned(), host::masked(problem));
                Self::Refused { status: INVALID_ARGUMENTS, code, message }
            }
            error => Self::Transport(host::masked(error.to_string())),
        }
    }
}

/// The encoding of arguments and results, which is JSON. The server parses arguments like every other JSON body. The
/// browser parses results as text, like all other JSON, so that the WASM module does not contain a second parser.
pub enum RpcJson {}

impl ContentType for RpcJson {
    const CONTENT_TYPE: &'static str = JsonEncoding::CONTENT_TYPE;
}

impl FormatType for RpcJson {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for RpcJson {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        JsonEncoding::encode(value)
    }
}

impl<T: DeserializeOwned> Decodes<T> for RpcJson {
    type Error = String;

    fn decode(bytes: Bytes) -> Result<T, String> {
        host::read_json(&bytes)
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

/// A refusal of a person whom a reverse proxy has authenticated, or of a login with the provider. The page that shows
/// the reason gets this value as a Leptos context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPerson {
    /// The HTTP status of the page.
    pub status: u16,
    /// The heading of the page.
    pub title: &'static str,
    /// The reason, and what to do about it.
    pub sentence: String,
}

/// The data of the workers page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkersPageData {
    /// The workers that were seen during the last week.
    pub workers: Vec<ListedWorker>,
    /// The pauses of the queue, of types of jobs, and of workers.
    pub pauses: Vec<Pause>,
    /// The time at which the server created the data.
    pub now: Timestamp,
}

/// The data of the people page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeoplePageData {
    /// All users, sorted by name.
    pub users: Vec<User>,
    /// The newest sessions of all users and of the admin token.
    pub sessions: SessionsPage,
    /// The newest API tokens of all users and of the admin token.
    pub tokens: ApiTokensPage,
    /// The login link that the form has created, or `None` if the request did not create one.
    pub created: Option<CreatedLoginLink>,
}

/// The data of the account page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountPageData {
    /// Whether the account has a password. The admin token's account has none, and neither has the account of a user
    /// whom a reverse proxy or a provider authenticates.
    pub has_password: bool,
    /// The newest sessions of the account.
    pub sessions: SessionsPage,
    /// The newest API tokens of the account.
    pub tokens: ApiTokensPage,
    /// The token that was just created, which is shown only once, or `None` if no token was created.
    pub created: Option<CreatedApiToken>,
}
