//! The limit on how many jobs with the same key run at the same time (`concurrencyKey`, `concurrencyLimit`).

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

use super::{InvalidPayload, JobPayload, invalid};
use crate::json::{Json, Node};
use crate::queue::submission::check_key;

/// The limits that a job may specify. The range is bounded because a claim counts the running jobs with the same key.
const LIMITS: RangeInclusive<i64> = 1..=1_000;

/// A job's concurrency key and its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::queue) struct ConcurrencyKey {
    /// The key.
    pub(in crate::queue) key: String,
    /// The number of jobs with the key that may run at the same time, this job included.
    pub(in crate::queue) limit: i64,
}

impl ConcurrencyKey {
    const KEY_FIELD: &str = "payload.concurrencyKey";
    const LIMIT_FIELD: &str = "payload.concurrencyLimit";

    fn check(key: Option<String>, limit: Option<i64>) -> Result<Option<Self>, InvalidPayload> {
        let Some(key) = key else {
            return match limit {
                None => Ok(None),
                Some(_) => Err(invalid(
                    Self::LIMIT_FIELD,
                    "limits the jobs with the same concurrencyKey; specify this key too",
                )),
            };
        };
        check_key(Self::KEY_FIELD, &key)?;
        let limit = limit.unwrap_or(1);
        if !LIMITS.contains(&limit) {
            let problem = format!("must be {} to {}, not {limit}", LIMITS.start(), LIMITS.end());
            return Err(invalid(Self::LIMIT_FIELD, problem));
        }
        Ok(Some(Self { key, limit }))
    }
}

impl JobPayload {
    /// Returns the job's concurrency key and its limit, or `None` if the job has no key.
    pub(in crate::queue) fn concurrency(&self) -> Result<Option<ConcurrencyKey>, InvalidPayload> {
        match self {
            Self::Command(raw) => ConcurrencyKey::check(raw.concurrency_key.clone(), raw.concurrency_limit),
            Self::Other(json) => {
                let key = member(json, "concurrencyKey", ConcurrencyKey::KEY_FIELD, "a string")?;
                let limit = member(json, "concurrencyLimit", ConcurrencyKey::LIMIT_FIELD, "a whole number")?;
                ConcurrencyKey::check(key, limit)
            }
            Self::Unreadable(_) => Ok(None),
        }
    }
}

/// Reads a member that may be missing or null. `expected` describes its type.
fn member<T: DeserializeOwned>(
    json: &Json,
    name: &str,
    field: &str,
    expected: &str,
) -> Result<Option<T>, InvalidPayload> {
    match json.get(name) {
        None | Some(Json { node: Node::Null, .. }) => Ok(None),
        Some(value) => value.read().map(Some).map_err(|_| invalid(field, format!("must be {expected}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn concurrency(kind: &str, members: &Value) -> Result<Option<(String, i64)>, String> {
        let mut payload = json!({"run": "true"});
        for (name, value) in members.as_object().expect("it is an object") {
            payload[name] = value.clone();
        }
        let payload = JobPayload::parse(kind, &payload.to_string()).map_err(|error| error.field)?;
        let key = payload.concurrency().map_err(|error| error.field)?;
        Ok(key.map(|key| (key.key, key.limit)))
    }

    #[test]
    fn a_key_permits_one_job_at_a_time_unless_a_limit_is_given() {
        for kind in ["command", "elsewhere"] {
            for (members, expected) in [
                (json!({}), None),
                (json!({"concurrencyKey": null, "concurrencyLimit": null}), None),
                (json!({"concurrencyKey": "deploy"}), Some(1)),
                (json!({"concurrencyKey": "deploy", "concurrencyLimit": 1000}), Some(1_000)),
            ] {
                let expected = expected.map(|limit| ("deploy".to_owned(), limit));
                assert_eq!(concurrency(kind, &members), Ok(expected), "{kind} {members}");
            }
        }
    }

    #[test]
    fn an_invalid_key_or_limit_is_refused_with_the_name_of_its_field() {
        for kind in ["command", "elsewhere"] {
            for (members, field) in [
                (json!({"concurrencyKey": ""}), "payload.concurrencyKey"),
                (json!({"concurrencyKey": "a\nb"}), "payload.concurrencyKey"),
                (json!({"concurrencyKey": "x".repeat(201)}), "payload.concurrencyKey"),
                (json!({"concurrencyKey": ["a"]}), "payload.concurrencyKey"),
                (json!({"concurrencyLimit": 1}), "payload.concurrencyLimit"),
                (json!({"concurrencyKey": "a", "concurrencyLimit": 0}), "payload.concurrencyLimit"),
                (json!({"concurrencyKey": "a", "concurrencyLimit": 1_001}), "payload.concurrencyLimit"),
                (json!({"concurrencyKey": "a", "concurrencyLimit": 1.5}), "payload.concurrencyLimit"),
                (json!({"concurrencyKey": "a", "concurrencyLimit": "2"}), "payload.concurrencyLimit"),
            ] {
                assert_eq!(concurrency(kind, &members), Err(field.to_owned()), "{kind} {members}");
            }
        }
    }
}
