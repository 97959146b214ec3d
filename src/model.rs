//! What both sides of the wire share: ids, jobs, events and their payloads, pages of them.
//!
//! The types here are the wire contract: their serde form is what the API sends and what the browser reads.
//! No I/O, no clock, nothing of one side only but how times are written and read ([`crate::calendar`]).

mod event;
mod job;
mod line;
mod phase;
mod raw_json;
mod segment;
mod step;
mod time;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use event::{
    ArtifactPayload, AttemptPayload, AttemptStatus, EndPayload, Event, EventsPage, GapAvailable, GapPayload, GapReason,
    JobEventStatus, JobPayload, Level, LogPayload, Payload, Stage, StagePayload, StageStatus, StepPayload, StepStatus,
    StreamName,
};
pub use job::{Artifact, ArtifactsPage, FailureReason, Job, JobChanges, JobInput, JobStatus, JobsPage, NewJob};
pub use line::{LinesPage, OutputLine};
pub use phase::Phase;
pub use raw_json::RawJson;
pub use segment::Segment;
pub use step::StepRef;
pub use time::{ParseTimestampError, Timestamp};

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Names a job: a UUID of version 7, so that ids sort by the time of submission.
    JobId
}
uuid_newtype! {
    /// Names one event, across all jobs.
    EventId
}
uuid_newtype! {
    /// Names an artifact, across all jobs.
    ArtifactId
}

/// A place in a job's event log: 1, 2, 3, without holes; 0 is before the first.
///
/// It is the only cursor there is: of polling, of the stream, of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl Seq {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Returns the place `n` events further on; a client's cursor may be the last number there is.
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

/// The body of every error reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub detail: ErrorDetail,
}

/// What went wrong: for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// A fixed word that programs can match, such as `job_not_found`.
    pub code: String,
    /// One sentence that says what to do.
    pub message: String,
}
