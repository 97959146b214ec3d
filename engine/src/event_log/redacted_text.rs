//! Serialises [`Redacted`] text, for use with `#[serde(with = "…")]`.
//!
//! A worker redacts text before sending it, so text that the server receives is treated as redacted, like stored text.

use redact::Redacted;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Serialises the text as a string.
pub fn serialize<S: Serializer>(text: &Redacted, serializer: S) -> Result<S::Ok, S::Error> {
    text.to_text().serialize(serializer)
}

/// Deserialises a string that was redacted before it was serialised.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Redacted, D::Error> {
    String::deserialize(deserializer).map(|text| Redacted::from_stored(text.into_bytes()))
}
