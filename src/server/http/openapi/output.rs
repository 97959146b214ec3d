//! The operations that read the events and the output of jobs.

use model::{Event, EventsPage, Level, LinesPage, SearchPage, Seq, Stage, StreamName};
use serde_json::{Value, json};
use utoipa::openapi::ObjectBuilder;

use super::examples::{self, example};
use super::jobs::TAG;
use super::operation::{ApiOperation, flag, id, integer, limit, text, time, value, word};
use super::streams::{LAST_EVENT_ID, frames};
use crate::server::http::error::ApiError;
use crate::server::http::{events, lines, search};

/// Returns the operations that read events and output.
pub(super) fn operations() -> Vec<ApiOperation> {
    vec![page(), stream(), stream_several(), log(), lines(), search()]
        .into_iter()
        .map(|operation| operation.tag(TAG))
        .collect()
}

/// Returns the schema for an attempt number that is at least `least`.
fn attempt(least: i64) -> ObjectBuilder {
    integer(least..=i64::from(i32::MAX))
}

fn levels() -> [&'static str; 3] {
    [Level::Info, Level::Warn, Level::Error].map(Level::as_str)
}

/// Adds the parameters that filter events.
fn with_filter(operation: ApiOperation) -> ApiOperation {
    let kinds = ["log", "gap", "attempt", "stage", "step", "job", "artifact", "end"];
    with_stream(operation)
        .words("kind", kinds, "Only events of these kinds.")
        .query("level", word(levels()), "Only events of this level.")
        .query("attempt", attempt(0), "Only events of this attempt.")
}

fn with_stream(operation: ApiOperation) -> ApiOperation {
    let streams = [StreamName::Stdout, StreamName::Stderr].map(StreamName::as_str);
    operation.query("stream", word(streams), "Only output of this stream.").query(
        "stepId",
        text(),
        "Only output of the step with this id.",
    )
}

/// Adds the parameters that select an attempt and its output by stage, step and stream.
fn with_source(operation: ApiOperation) -> ApiOperation {
    let stages = [Stage::Prepare, Stage::Execute, Stage::Publish].map(Stage::as_str);
    with_stream(operation).query("stage", word(stages), "Only output of this stage.").query(
        "attempt",
        attempt(1),
        "The number of the attempt. The default is the latest one.",
    )
}

/// Returns the schema of a cursor of the event log: a `seq` or a time.
fn cursor() -> ObjectBuilder {
    text().pattern(Some(
        r"^([0-9]{1,18}|[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?)$",
    ))
}

fn formats() -> ObjectBuilder {
    word(["json", "ndjson", "text"]).default(Some(json!("json")))
}

fn page() -> ApiOperation {
    let page = EventsPage {
        items: vec![examples::event()],
        next_after: Seq(7),
        next_before: Seq(7),
        has_more: false,
        last_seq: Seq(7),
        terminal: false,
    };
    let format = "The format of the response. It takes precedence over the header `Accept`.";
    let operation = ApiOperation::get("/jobs/{id}/events", "listEvents", "Returns a page of the events of a job.")
        .about(
            "`after` and `before` cannot be combined, and `after` cannot be combined with `sort=desc`. With NDJSON \
                and text, the cursors are in the headers `X-Next-After`, `X-Next-Before`, `X-Has-More`, `X-Last-Seq` \
                and `X-Terminal`.",
        )
        .job()
        .query("after", cursor(), "The `seq` or the time after which the page begins.")
        .query("afterEventId", id(), "The id of the event at the time `after`, if that time is not unique.")
        .query("before", cursor(), "The `seq` or the time before which the page ends.")
        .query("beforeEventId", id(), "The id of the event at the time `before`, if that time is not unique.")
        .query("sort", word(["asc", "desc"]).default(Some(json!("asc"))), "The order: `asc` is oldest first.")
        .query("limit", limit(events::LIMIT), "The maximum number of events.");
    let lines = format!("{}\n", value(&examples::event()));
    let mut operation = with_filter(operation)
        .query("format", formats(), format)
        .reply(200, "The page.", &page)
        .reply_as(200, "The page.", events::NDJSON, text(), Value::String(lines))
        .reply_as(200, "The page.", "text/plain", text(), Value::String("ok 1\n".to_owned()));
    for name in ["X-Next-After", "X-Next-Before", "X-Has-More", "X-Last-Seq", "X-Terminal"] {
        let about = "The member of the JSON object with this name, in NDJSON and text.";
        operation = operation.reply_header(200, name, text(), about);
    }
    operation
}

fn stream() -> ApiOperation {
    let event = value(&examples::event());
    let (schema, frames) = frames(&[
        ("7", "queue_event", event),
        ("7", "heartbeat", json!({"lastSeq": 7, "serverTime": "2026-01-31T12:00:15.000000Z"})),
        ("9", "terminal", json!({"status": "succeeded", "lastSeq": 9})),
    ]);
    let ignored = "Accepted for older clients, and ignored.";
    let operation = ApiOperation::get(
        "/jobs/{id}/events/stream",
        "streamEvents",
        "Sends the events of a job as Server-Sent Events.",
    )
    .about(
        "Each `queue_event` frame contains an event as in a page, and its `id` is the event's `seq`. \
                `heartbeat` frames are sent while there are no events. After the last event of a finished job, the \
                stream sends `terminal` and ends. Either resume with `Last-Event-ID` or with `after`.",
    )
    .job()
    .query("after", cursor(), "The `seq` or the time after which the stream begins.")
    .query("afterEventId", id(), "The id of the event at the time `after`, if that time is not unique.")
    .query("sort", word(["asc"]), "Streams always send the oldest events first.")
    .query("limit", text(), ignored)
    .query("pollIntervalMs", text(), ignored)
    .header("Last-Event-ID", text().pattern(Some("^[0-9]{0,18}$")), LAST_EVENT_ID);
    with_filter(operation)
        .reply_as(200, "The frames.", "text/event-stream", schema, frames)
        .schema_of::<Event>()
        .empty_reply(204, "The job has finished, and the client has all of its events. An `EventSource` then stops.")
        .refuses([ApiError::InvalidCursor("x".to_owned()), ApiError::TooManyStreams(4096)])
}

fn stream_several() -> ApiOperation {
    let id = format!("{}:7", examples::JOB);
    let (schema, frames) = frames(&[
        (&id, "queue_event", value(&examples::event())),
        (&id, "heartbeat", json!({"serverTime": "2026-01-31T12:00:15.000000Z"})),
        (&id, "terminal", json!({"jobId": examples::JOB, "status": "succeeded", "lastSeq": 7})),
        (&id, "refused", json!({"jobId": examples::JOB, "status": 404})),
    ]);
    let positions = || text().pattern(Some(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]+(,.+)?$"));
    ApiOperation::get("/events/stream", "streamSeveral", "Sends the events of up to 50 jobs as Server-Sent Events.")
        .about(
            "At least one of `jobs` and `lifecycle` is required, and no job may occur twice. Each `id` has the form \
                `ID:SEQ`. For each job that has finished, the stream sends `terminal`, and it ends after the last one. \
                For a job that cannot be read, it sends one `refused` event with `jobId` and `status`.",
        )
        .query("jobs", positions(), "`ID:SEQ,ID:SEQ`: sends the events of each job after this `seq`.")
        .query("lifecycle", positions(), "The same, for all events except output.")
        .header("Last-Event-ID", text().pattern(Some("^([0-9a-f-]{36}:[0-9]+)?$")), LAST_EVENT_ID)
        .reply_as(200, "The frames.", "text/event-stream", schema, frames)
        .empty_reply(204, "All jobs have finished, and the client has all of their events.")
        .refuses([ApiError::InvalidCursor("x".to_owned()), ApiError::TooManyStreams(4096)])
}

fn log() -> ApiOperation {
    let bytes = text().content_media_type("application/octet-stream");
    let output = || Value::String("ok 1\n".to_owned());
    let operation = ApiOperation::get("/jobs/{id}/log", "getLog", "Sends the complete output of an attempt.")
        .about(
            "The output of a running attempt can be read too. After the attempt has finished, the response has an \
                entity tag and supports ranges.",
        )
        .job();
    with_source(operation)
        .query("timestamps", flag(false), "Whether each line is preceded by its time.")
        .query("follow", flag(false), "Whether the response continues until the job has finished.")
        .query("offset", integer(0..=i64::MAX), "With `bytes`: the offset of the requested range.")
        .query("bytes", integer(0..=i64::MAX), "With `offset`: the exact number of bytes to send.")
        .header("Range", text(), "The requested part of the output, such as `bytes=0-99`. An invalid range is ignored.")
        .reply_as(200, "The output.", "text/plain", text(), output())
        .reply_as(200, "The output.", "application/octet-stream", bytes, output())
        .reply_as(206, "The requested part of the output.", "text/plain", text(), Value::String("ok".to_owned()))
        .empty_reply(304, "The client has this output already, as its `If-None-Match` says.")
        .reply_header(200, "ETag", text(), "The entity tag of the output of a finished attempt.")
        .refuses([ApiError::ArtifactFileMissing, ApiError::RangeNotSatisfiable(5), ApiError::TooManyStreams(4096)])
}

fn lines() -> ApiOperation {
    ApiOperation::get("/jobs/{id}/lines", "listLines", "Returns lines of an attempt by number.")
        .about("`from` and `at` cannot be combined. The text of a line is what a terminal would display.")
        .job()
        .query(
            "from",
            text().pattern(Some("^-?[1-9][0-9]{0,17}$")).default(Some(json!("1"))),
            "The number of the first line, from 1. Negative numbers count from the end.",
        )
        .query("at", time(), "Begins with the first line that was printed at this time or later.")
        .query("count", limit(lines::COUNT), "The maximum number of lines. It must be 1 with `full=true`.")
        .query("attempt", attempt(1), "The number of the attempt. The default is the latest one.")
        .query("full", flag(false), "Whether to return one long line in full, as it was printed.")
        .query("raw", flag(false), "Whether to return lines as they were printed, with all escape sequences.")
        .reply::<LinesPage>(200, "The lines.", &examples::lines())
        .refuses([ApiError::ArtifactFileMissing])
}

fn search() -> ApiOperation {
    let mut hit = value(&examples::line());
    hit["ranges"] = json!([[0, 2]]);
    let page: SearchPage = example(json!({
        "items": [hit], "lines": [1], "steps": [{"stage": "execute", "stepId": "run", "matches": 1}], "matches": 1,
        "totalLines": 1, "next": null, "done": true,
    }));
    let line = format!("{}\n", value(&page));
    let number = || integer(1..=i64::MAX);
    let operation = ApiOperation::get("/jobs/{id}/log/search", "searchLog", "Finds lines of an attempt.")
        .about(
            "At least one of `q`, `level`, `stage`, `stepId`, `stream` and `notIn` is required. `from` and `before` \
                cannot be combined. NDJSON is a stream of pages that ends when everything has been searched, and text \
                is a stream of the matching lines.",
        )
        .job()
        .query("q", text().max_length(Some(search::MAX_PATTERN)), "The text to search for, or a regular expression.")
        .query("regex", flag(false), "Whether `q` is a regular expression.")
        .query("ignoreCase", flag(false), "Whether upper and lower case are the same.")
        .query("invert", flag(false), "Whether to select the lines without a match.")
        .words("level", levels(), "Only lines of these levels.")
        .query(
            "continuations",
            flag(true),
            "Whether the later lines of a message, such as stack frames, are found too.",
        )
        .query("notIn", id(), "The id of a finished job. Lines that its last attempt also printed are excluded.")
        .query("from", number().default(Some(json!(1))), "The first line that is searched.")
        .query("before", number(), "Searches backwards from the line before this one.")
        .query(
            "limit",
            integer(0..=search::LIMIT.1).default(Some(json!(search::LIMIT.0))),
            "The maximum number of lines with their text, at least 1 in JSON, and not supported in text.",
        )
        .query("timestamps", flag(false), "Whether each line is preceded by its time, in text only.")
        .query("format", formats(), "The format of the response. It takes precedence over the header `Accept`.");
    with_source(operation)
        .reply(200, "The matching lines.", &page)
        .reply_as(200, "The matching lines.", events::NDJSON, text(), Value::String(line))
        .reply_as(200, "The matching lines.", "text/plain", text(), Value::String("ok 1\n".to_owned()))
        .refuses([ApiError::ArtifactFileMissing, ApiError::TooManyStreams(4096)])
}
