//! A stored event, serialised once for all of its readers.

use bytes::Bytes;
use model::{EventId, JobId, Level, Payload, Seq, StreamName, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

/// One event, ready to be sent as an item of a polling reply and as a frame of the stream.
///
/// Both forms are slices of the same buffer, so they cannot differ.
#[derive(Debug)]
pub struct StoredEvent {
    /// The event's position in the job's log.
    pub seq: Seq,
    /// The event's severity.
    pub level: Level,
    /// The fields that filters examine.
    pub facets: Facets,
    /// The event's size, as counted towards the size limit of a page.
    pub size: usize,
    frame: Bytes,
    item_at: usize,
}

/// The fields of a payload that filters examine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// The payload's kind.
    pub kind: String,
    /// The output stream, if the event is output.
    pub stream: Option<StreamName>,
    /// The id of the step, if the event is output, a gap or a step event.
    pub step_id: Option<String>,
    /// The attempt, if the event belongs to one.
    pub attempt: Option<i32>,
}

impl Facets {
    /// Returns the filterable fields of `payload`.
    #[must_use]
    pub fn of(payload: &Payload) -> Self {
        let (kind, attempt) = match payload {
            Payload::Log(log) => ("log", Some(log.attempt)),
            Payload::Gap(gap) => ("gap", Some(gap.attempt)),
            Payload::Attempt(attempt) => ("attempt", Some(attempt.attempt)),
            Payload::Stage(stage) => ("stage", Some(stage.attempt)),
            Payload::Step(step) => ("step", Some(step.attempt)),
            Payload::Job(job) => ("job", Some(job.attempt)),
            Payload::Artifact(_) => ("artifact", None),
            Payload::End(end) => ("end", Some(end.attempt)),
            Payload::Other(map) => (
                map.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default(),
                map.get("attempt").and_then(serde_json::Value::as_i64).and_then(|attempt| i32::try_from(attempt).ok()),
            ),
        };
        let (stream, step_id) = match payload {
            Payload::Log(log) => (Some(log.stream), Some(log.step_id.clone())),
            Payload::Gap(gap) => (None, Some(gap.step_id.clone())),
            Payload::Step(step) => (None, Some(step.step_id.clone())),
            _ => (None, None),
        };
        Self { kind: kind.to_owned(), stream, step_id, attempt }
    }
}

/// The fields from which an event is serialised.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The event's position in the job's log.
    pub seq: Seq,
    /// The event's id.
    pub id: EventId,
    /// The job that the event belongs to.
    pub job_id: JobId,
    /// The event's severity.
    pub level: Level,
    /// The event's text, as raw bytes.
    pub message: &'a [u8],
    /// The event's payload, as JSON.
    pub payload: &'a RawValue,
    /// The time at which the event was stored.
    pub created_at: Timestamp,
}

impl StoredEvent {
    /// Serialises an event.
    #[must_use]
    pub fn new(parts: &Parts<'_>, facets: Facets, size: usize) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct EventItem<'a> {
            seq: Seq,
            id: EventId,
            job_id: JobId,
            level: Level,
            message: &'a str,
            payload: &'a RawValue,
            created_at: Timestamp,
        }
        let message = String::from_utf8_lossy(parts.message);
        let item = EventItem {
            seq: parts.seq,
            id: parts.id,
            job_id: parts.job_id,
            level: parts.level,
            message: &message,
            payload: parts.payload,
            created_at: parts.created_at,
        };
        let mut frame = Vec::with_capacity(message.len() + message.len() / 16 + parts.payload.get().len() + 320);
        frame.extend_from_slice(format!("id: {}\nevent: queue_event\ndata: ", parts.seq).as_bytes());
        let item_at = frame.len();
        serde_json::to_writer(&mut frame, &item).expect("every map in an event has string keys");
        frame.extend_from_slice(b"\n\n");
        frame.shrink_to_fit();
        Self { seq: parts.seq, level: parts.level, facets, size, frame: frame.into(), item_at }
    }

    /// Returns the event as an item of a polling reply: one line of JSON.
    #[must_use]
    pub fn item(&self) -> &[u8] {
        &self.frame[self.item_at..self.frame.len() - 2]
    }

    /// Returns the event as a frame of the stream.
    #[must_use]
    pub fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    /// Returns the frame without its first line, which contains the `id`.
    #[must_use]
    pub fn frame_without_id(&self) -> Bytes {
        let id = self.frame.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        self.frame.slice(id + 1..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Event;

    #[test]
    fn an_item_equals_the_serialised_model_type_and_a_frame_contains_the_same_bytes() {
        let payload = r#"{"attempt":3,"kind":"weather","sky":"clear"}"#;
        let raw = RawValue::from_string(payload.to_owned()).expect("the text is JSON");
        let job_id = JobId(uuid::Uuid::now_v7());
        let parts = Parts {
            seq: Seq(7),
            id: EventId(uuid::Uuid::now_v7()),
            job_id,
            level: Level::Warn,
            message: b"a\n\"b\" \xff\0 \xc3\xa4",
            payload: &raw,
            created_at: Timestamp(1_700_000_000_000_001),
        };
        let facets = Facets::of(&serde_json::from_str(payload).expect("a payload"));
        assert_eq!((facets.kind.as_str(), facets.attempt), ("weather", Some(3)));
        let stored = StoredEvent::new(&parts, facets, 0);
        let event: Event = serde_json::from_slice(stored.item()).expect("an item is an event");
        assert_eq!(event.message, "a\n\"b\" \u{fffd}\0 ä");
        assert_eq!(serde_json::to_vec(&event).expect("events serialise"), stored.item());
        let frame = [b"id: 7\nevent: queue_event\ndata: ", stored.item(), b"\n\n"].concat();
        assert_eq!(stored.frame(), frame);
    }
}
