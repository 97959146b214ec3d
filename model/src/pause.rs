//! Pauses for maintenance. While the queue or a type of jobs is paused, its jobs keep their positions in the queue, and
//! no worker can claim them. A paused worker receives no jobs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Timestamp, WorkerId};

/// The target of a pause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PauseTarget {
    /// All jobs.
    Queue,
    /// The jobs of a type.
    Type(String),
    /// A worker. Its jobs remain available to other workers.
    Worker(WorkerId),
}

/// The error for text that is not the target of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be queue, type:NAME or worker:ID")]
pub struct ParsePauseTargetError;

/// Writes `queue`, `type:NAME` or `worker:ID`.
impl fmt::Display for PauseTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue => f.write_str("queue"),
            Self::Type(name) => write!(f, "type:{name}"),
            Self::Worker(id) => write!(f, "worker:{id}"),
        }
    }
}

impl FromStr for PauseTarget {
    type Err = ParsePauseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "queue" => Ok(Self::Queue),
            Some(("type", name)) if !name.is_empty() => Ok(Self::Type(name.to_owned())),
            Some(("worker", id)) => id.parse().map(Self::Worker).map_err(|_| ParsePauseTargetError),
            _ => Err(ParsePauseTargetError),
        }
    }
}

impl Serialize for PauseTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PauseTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// The queue, the type of jobs or the worker that is paused.
    pub target: PauseTarget,
    /// The name of the paused worker; null if something else is paused.
    pub worker_name: Option<String>,
    /// The reason, if one was given.
    pub reason: Option<String>,
    /// The time at which the pause began.
    pub paused_at: Timestamp,
    /// The user who began the pause or, if the reason was changed later, the user who changed it last.
    pub paused_by_user_id: String,
}

/// All pauses, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PausesPage {
    /// The pauses.
    pub items: Vec<Pause>,
}

/// The body of a request to pause the queue, a type of jobs or a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPause {
    /// The reason, which is shown wherever jobs wait because of the pause.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 2_000))]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_the_same_after_a_round_trip_through_text() {
        for text in ["queue", "type:command", "type:a:b c", "worker:01890000-0000-7000-8000-000000000001"] {
            let target: PauseTarget = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(target.to_string(), text);
        }
        for text in ["", "Queue", "queue:", "type:", "type", "worker:", "worker:one", "job:x"] {
            assert!(text.parse::<PauseTarget>().is_err(), "{text}");
        }
    }
}
