//! The system's clock. It is read at the edges of the program and passed on as a value.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// Returns the current time.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
