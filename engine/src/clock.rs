//! The system clock. Only the outer layers of the program read it, and they pass the time to the inner layers as a
//! value.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Returns the current time.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
