//! Definitions shared by the descriptions of all streams of Server-Sent Events.

use serde_json::{Value, json};
use utoipa::openapi::ObjectBuilder;

use super::operation::{text, word};

/// The description of the header with which a client resumes a stream.
pub(super) const LAST_EVENT_ID: &str =
    "The `id` of the last frame that the client has received. Browsers send it when they reconnect.";

/// Returns the schema of each frame of a stream, and an example. Each of `frames` has an `id`, an `event` and its
/// `data`. The first frame is the example.
///
/// OpenAPI 3.1 does not define how to describe the items of a stream. Tools interpret the schema of `text/event-stream`
/// as the schema of each item. OpenAPI 3.2 calls this schema `itemSchema`.
pub(super) fn frames(frames: &[(&str, &'static str, Value)]) -> (ObjectBuilder, Value) {
    let data = text().content_media_type("application/json").description(Some("A JSON object on one line."));
    let schema = ObjectBuilder::new()
        .description(Some(
            "A frame in the format of Server-Sent Events. The stream begins with `retry: 1000`, the delay in \
             milliseconds after which a client reconnects.",
        ))
        .property("id", text())
        .property("event", word(frames.iter().map(|(_, event, _)| *event)))
        .property("data", data);
    let example = frames
        .first()
        .map_or(Value::Null, |(id, event, data)| json!({"id": id, "event": event, "data": data.to_string()}));
    (schema.required("event").required("data"), example)
}
