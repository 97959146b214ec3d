//! Streaming redaction.
