//! What the descriptions of all streams of Server-Sent Events have in common.

use serde_json::Value;
use utoipa::openapi::ObjectBuilder;

use super::operation::text;

/// The description of the header with which a client resumes a stream.
pub(super) const LAST_EVENT_ID: &str =
    "The `id` of the last frame that the client has received. Browsers send it when they reconnect.";

/// Returns the schema of a stream, and an example with these frames, each with its `id`, its `event` and its `data`.
pub(super) fn frames(frames: &[(&str, &str, Value)]) -> (ObjectBuilder, Value) {
    let frames = frames.iter().map(|(id, event, data)| format!("id: {id}\nevent: {event}\ndata: {data}\n\n"));
    let schema = text().description(Some(
        "Frames in the format of Server-Sent Events. The first one is `retry`, the delay in milliseconds before the \
         client reconnects. `data` is a JSON object on one line.",
    ));
    (schema, Value::String(format!("retry: 1000\n\n{}", frames.collect::<String>())))
}
