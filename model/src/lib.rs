//! The types and functions that the server shares with its two clients: the pages and the command line.
//!
//! The root of the crate contains the types of the API: ids, jobs, events with their payloads, and pages of jobs and
//! events. Their serde representation is the JSON that the API sends and the browser reads. [`ansi`] computes the
//! visible content of a line of output, [`level`] recognises its severity, [`group`] recognises the lines that begin
//! and end groups of lines, and [`backoff`] computes the delays between retries. The crate performs no I/O and does not
//! read the clock.

pub mod ansi;
pub mod backoff;
pub mod group;
pub mod level;

mod audit;
mod bulk;
#[cfg_attr(not(target_family = "wasm"), path = "calendar/native.rs")]
#[cfg_attr(target_family = "wasm", path = "calendar/browser.rs")]
mod calendar;
mod concurrency;
mod event;
mod job;
mod line;
#[cfg(feature = "openapi")]
mod openapi;
mod pause;
mod people;
mod phase;
mod raw_json;
mod redaction;
mod role;
mod search;
mod secret;
mod segment;
mod status;
mod step;
mod time;
mod usual;
mod worker;
mod worker_list;
mod worker_token;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use audit::{AuditEntry, AuditPage};
pub use bulk::{BulkAction, BulkFilter, BulkReply, BulkRequest, Resubmission, UnchangedJob};
pub use concurrency::ConcurrencyWait;
pub use event::{
    ArtifactPayload, AttemptPayload, AttemptStatus, EndPayload, Event, EventsPage, GapAvailable, GapPayload, GapReason,
    JobEventStatus, JobPayload, Level, LogPayload, Payload, Stage, StagePayload, StageStatus, StepPayload, StepStatus,
    StreamName,
};
pub use job::{
    Artifact, ArtifactsPage, FailureReason, Job, JobChanges, JobCounts, JobInput, JobStatus, JobsPage, NewJob,
};
pub use line::{LinesPage, OutputLine};
pub use pause::{NewPause, ParsePauseTargetError, Pause, PauseTarget, PausesPage};
pub use people::{
    ApiToken, ApiTokensPage, CreatedApiToken, CreatedLoginLink, NewApiToken, NewLoginLink, NewUser, PasswordChange,
    Session, SessionsPage, User, UserChanges, UserSource, UsersPage,
};
pub use phase::JobPhase;
pub use raw_json::RawJson;
pub use redaction::{RedactionFinding, RedactionResult, RedactionRule, RedactionRules, RedactionTest};
pub use role::Role;
pub use search::{SearchHit, SearchPage, StepMatches};
pub use secret::{NamedSecret, NewSecretValue, SecretsPage};
pub use segment::Segment;
pub use status::{DiskStatus, ServerStatus, WorkerCounts};
pub use step::StepRef;
pub use time::{ParseTimestampError, Timestamp};
pub use usual::{UsualStep, UsualTimes};
pub use worker::{
    AppendBody, AppendedBatch, CancelAckBody, ClaimBody, ClaimNotice, ClaimReply, ClaimedJob, CompleteBody, FailBody,
    HeartbeatBody, OutputBody, OutputProgress, ReportedEvent, ReportedTotals, StoredBytes,
};
pub use worker_list::{ListedWorker, WorkerJob, WorkerStatus, WorkersPage};
pub use worker_token::{CreatedWorkerToken, ListedWorkerToken, NewWorkerToken, TokenLimits, WorkerTokensPage};

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_newtype! {
    /// The id of a job: a UUID of version 7, so that ids sort by the time of submission.
    JobId
}
uuid_newtype! {
    /// The id of an event, unique across all jobs.
    EventId
}
uuid_newtype! {
    /// The id of an artifact, unique across all jobs.
    ArtifactId
}
uuid_newtype! {
    /// The id of a session. It is not secret, unlike the value of the session's cookie.
    SessionId
}
uuid_newtype! {
    /// The id of a worker in the list of workers.
    WorkerId
}
uuid_newtype! {
    /// The id of an API token. It is not secret, unlike the token.
    TokenId
}

/// The position of an event in its job's log. Events are numbered from 1 without gaps; 0 is before the first event.
///
/// Polling, the event stream and the page all use this position as their cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Seq(pub i64);

impl Seq {
    /// The position before the first event.
    pub const START: Self = Self(0);

    /// Returns the position `n` events later. The result saturates, because a client may send the largest `i64` as its
    /// cursor.
    #[must_use]
    pub const fn plus(self, n: i64) -> Self {
        Self(self.0.saturating_add(n))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The body of every error response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The error.
    pub detail: ErrorDetail,
}

/// An error, with a machine-readable code and a human-readable message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// The machine-readable code, such as `job_not_found`.
    pub code: String,
    /// A human-readable description of the error.
    pub message: String,
}
