//! The events that workers on other machines report.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use model::{AppendBody, AppendedBatch, JobId, Level, LogPayload, Payload, ReportedEvent};
use redact::Redactor;
use serde_json::{Map, Value};

use super::holder::{RemoteWorker, holding};
use super::masking::ReportedEnds;
use super::store;
use crate::clock;
use crate::event_log::{AppendError, Batch, NewEvent, SharedEvent, append_reported, append_under_lease};
use crate::queue::payload::{InvalidPayload, invalid};
use crate::queue::{Queue, QueueError};

/// The maximum number of events in a batch.
const MAX_EVENTS: usize = 500;

/// The kinds of events that only the server creates, because they report changes to the job.
const OF_SERVER: [&str; 4] = ["attempt", "job", "artifact", "end"];

/// The largest offset, length, count, duration or line number that a worker may report. Browsers represent larger
/// numbers inexactly.
const MAX_NUMBER: i64 = 1 << 53;

/// The events of one request.
#[derive(Clone, Debug)]
pub struct ReportedEvents {
    /// The number of the batch within the lease, if the worker numbers its requests.
    number: Option<i64>,
    /// The range of output that the batch covers, if the worker numbers the bytes of its output.
    range: Option<OutputRange>,
    events: Vec<(String, ReportedEvent)>,
}

/// The range of output that a numbered batch covers.
#[derive(Clone, Copy, Debug)]
struct OutputRange {
    number: i64,
    from: i64,
    to: i64,
    suppressed: i64,
}

/// The result of an append.
#[derive(Clone, Debug)]
pub enum Appended {
    /// The events, as they are stored.
    Events(Vec<SharedEvent>),
    /// The batch covers a range of output. Its worker needs only the progress, and not the events.
    Batch(AppendedBatch),
}

impl ReportedEvents {
    /// Checks the structure of a request, which contains either one event or a list of events.
    pub fn check(body: AppendBody) -> Result<Self, InvalidPayload> {
        let AppendBody { batch: number, from, to, suppressed_bytes, events, level, message, raw, payload, .. } = body;
        if number.is_some_and(|number| number < 1) {
            return Err(invalid("batch", "must be 1 or more"));
        }
        for (field, number) in [("from", from), ("to", to), ("suppressedBytes", suppressed_bytes)] {
            check_number(field, number.unwrap_or(0))?;
        }
        let range = match from {
            Some(from) => Some(check_range(number, (from, to), suppressed_bytes.unwrap_or(0))?),
            None => None,
        };
        let events = match (events, message) {
            (Some(_), Some(_)) => return Err(invalid("message", "specify either one event or events, not both")),
            (None, None) => return Err(invalid("message", "is missing")),
            (None, Some(message)) => vec![(String::new(), ReportedEvent { level, message, raw, payload })],
            (Some(events), None) if events.is_empty() && range.is_none() => {
                return Err(invalid("events", "must have at least one event"));
            }
            (Some(events), None) if events.len() > MAX_EVENTS => {
                let problem = format!("must have at most {MAX_EVENTS} events, not {}", events.len());
                return Err(invalid("events", problem));
            }
            (Some(events), None) => {
                let field = |index| format!("events[{index}].");
                events.into_iter().enumerate().map(|(index, event)| (field(index), event)).collect()
            }
        };
        Ok(Self { number, range, events })
    }
}

impl Queue {
    /// Appends the events that a worker on another machine reports, and returns them as they are stored. A batch that
    /// is already stored under the same number is not stored again.
    pub async fn append_remotely(
        &self,
        job: JobId,
        worker: RemoteWorker,
        reported: ReportedEvents,
    ) -> Result<Appended, QueueError> {
        let (holder, now, log) = (worker.checked(&self.maskers)?, clock::now(), self.log.clone());
        let row = self.stored_job(job).await?;
        // The events are masked outside the transaction, because masking a large batch takes a while.
        let redactor = row.redactor(&self.maskers);
        let (number, range, attempt) = (reported.number, reported.range, row.job.attempt);
        let has_output = reported.events.iter().any(|(_, event)| is_output(event));
        // The copy of the output is locked, so that events are masked in the order in which they are stored. Only the
        // worker that holds the job may wait for the lock.
        let mut copy = None;
        if has_output {
            let lease = holding(&mut self.db.reader().await?, job, &holder).await?.lease()?;
            copy = self.lock_copy(lease).await?;
        }
        let mut ends = copy.as_ref().map(|copy| copy.reported_ends().clone()).unwrap_or_default();
        let masked =
            |(field, event): (String, ReportedEvent)| new_event(&field, event, attempt, (&redactor, &mut ends));
        let events: Result<Vec<NewEvent>, InvalidPayload> = reported.events.into_iter().map(masked).collect();
        let appended: Result<_, QueueError> = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    // Check the holder before the events, so that errors in the events are reported only to the worker
                    // that holds the job.
                    let lease = holding(tx.connection(), job, &holder).await?.lease()?;
                    if lease.attempt != attempt {
                        return Err(QueueError::NotHolder(job));
                    }
                    let events = events?;
                    store::heard(tx.connection(), lease, now).await?;
                    let appended = match range {
                        Some(OutputRange { number, from, to, suppressed }) => {
                            let batch = Batch { number, from, to, suppressed, events };
                            append_under_lease(tx, log.tails(), lease, batch, now)
                                .await
                                .map(|last_seq| Appended::Batch(AppendedBatch { last_seq }))
                        }
                        None => {
                            append_reported(tx, log.tails(), lease, number, events, now).await.map(Appended::Events)
                        }
                    };
                    let appended = appended.map_err(|error| match error {
                        AppendError::Db(error) => error.into(),
                        AppendError::LeaseLost(job) => QueueError::NotHolder(job),
                        AppendError::OutOfOrder { number, .. } => QueueError::from(invalid(
                            "batch",
                            format!("{number} does not follow the last batch of this lease"),
                        )),
                    })?;
                    Ok((appended, lease))
                })
            })
            .await;
        let (appended, lease) = appended?;
        if let Some(copy) = &mut copy
            && let Err(error) = self.update_copy(copy, lease, (number, ends)).await
        {
            // The events are stored, but their output could not be copied. The worker's next request completes the
            // copy. If this request is numbered, report the error: the worker then repeats the request, and the events
            // are not stored again. If this request is not numbered, a repetition would store the events twice, so only
            // log the error.
            if number.is_some() {
                return Err(error);
            }
            tracing::error!(%job, %error, "the output of a worker on another machine could not be copied yet");
        }
        Ok(appended)
    }
}

/// Checks and masks an event. `field` is the prefix of its members' names in error messages. `ends` are the ends of the
/// output streams before the event, and are updated.
pub(super) fn new_event(
    field: &str,
    event: ReportedEvent,
    attempt: i32,
    (redactor, ends): (&Redactor, &mut ReportedEnds),
) -> Result<NewEvent, InvalidPayload> {
    let ReportedEvent { level, message, raw, payload } = event;
    let text = match raw {
        Some(raw) => BASE64_STANDARD.decode(raw).map_err(|_| invalid(format!("{field}raw"), "must be base64"))?,
        None => message.into_bytes(),
    };
    let payload = payload.unwrap_or_else(|| Payload::Other(Map::new()));
    check_payload(&format!("{field}payload"), &payload, attempt, text.len())?;
    let message = match &payload {
        Payload::Log(log) => ends.mask(log, &text, redactor),
        _ => redactor.redact(&text),
    };
    let payload = masked(payload, redactor);
    Ok(NewEvent::reported(level.unwrap_or(Level::Info), message, payload))
}

/// Checks the range of output that a batch covers.
fn check_range(
    number: Option<i64>,
    (from, to): (i64, Option<i64>),
    suppressed: i64,
) -> Result<OutputRange, InvalidPayload> {
    let number = number.ok_or_else(|| invalid("batch", "is required with from"))?;
    let to = to.ok_or_else(|| invalid("to", "is required with from"))?;
    if to < from {
        return Err(invalid("to", format!("must be {from} or more, not {to}")));
    }
    if suppressed > to - from {
        return Err(invalid("suppressedBytes", format!("must be 0 to {}, not {suppressed}", to - from)));
    }
    Ok(OutputRange { number, from, to, suppressed })
}

/// Returns whether an event is a chunk of output. Such an event states its position in the complete log.
const fn is_output(event: &ReportedEvent) -> bool {
    matches!(event.payload, Some(Payload::Log(_)))
}

/// Checks that a payload can be stored: a worker may report only on its own attempt, and must not report changes to the
/// job.
fn check_payload(field: &str, payload: &Payload, attempt: i32, bytes: usize) -> Result<(), InvalidPayload> {
    let of_attempt = match payload {
        Payload::Log(log) => {
            check_log(field, log, bytes)?;
            log.attempt
        }
        Payload::Gap(gap) => {
            for (name, number) in [
                ("fromOffset", gap.from_offset),
                ("toOffset", gap.to_offset),
                ("fromLine", gap.from_line),
                ("lines", gap.lines),
                ("bytes", gap.bytes),
            ] {
                check_number(&format!("{field}.{name}"), number)?;
            }
            gap.attempt
        }
        Payload::Stage(stage) => {
            check_number(&format!("{field}.durationMs"), stage.duration_ms.unwrap_or(0))?;
            stage.attempt
        }
        Payload::Step(step) => {
            for (name, number) in [
                ("stepIndex", step.step_index.into()),
                ("signal", step.signal.unwrap_or(0).into()),
                ("durationMs", step.duration_ms.unwrap_or(0)),
            ] {
                check_number(&format!("{field}.{name}"), number)?;
            }
            step.attempt
        }
        Payload::Attempt(_) | Payload::Job(_) | Payload::Artifact(_) | Payload::End(_) => {
            return Err(of_server(field));
        }
        Payload::Other(map) => {
            let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
            return if OF_SERVER.contains(&kind) {
                Err(of_server(field))
            } else if positions_of(kind).is_some_and(|names| names.iter().all(|name| map.contains_key(*name))) {
                Err(invalid(field, format!("states positions in the output, but is not a valid {kind} event")))
            } else {
                Ok(())
            };
        }
    };
    if of_attempt == attempt {
        Ok(())
    } else {
        Err(invalid(format!("{field}.attempt"), format!("must be {attempt}, the current attempt, not {of_attempt}")))
    }
}

/// Returns the members that state positions in the output, for events of these kinds. Older workers report events of
/// these kinds in other forms, without positions.
fn positions_of(kind: &str) -> Option<[&'static str; 3]> {
    match kind {
        "log" => Some(["offset", "bytes", "line"]),
        "gap" => Some(["fromOffset", "toOffset", "fromLine"]),
        _ => None,
    }
}

fn of_server(field: &str) -> InvalidPayload {
    invalid(
        format!("{field}.kind"),
        format!("must not be one of {}, which only the server reports", OF_SERVER.join(", ")),
    )
}

/// Checks that the location of a chunk of output matches its text.
fn check_log(field: &str, log: &LogPayload, bytes: usize) -> Result<(), InvalidPayload> {
    for (name, number) in [("stepIndex", log.step_index.into()), ("offset", log.offset), ("line", log.line)] {
        check_number(&format!("{field}.{name}"), number)?;
    }
    if usize::try_from(log.bytes) != Ok(bytes) {
        let problem = format!("must be {bytes}, the length of the message, not {}", log.bytes);
        return Err(invalid(format!("{field}.bytes"), problem));
    }
    let mut rest = log.bytes;
    for segment in log.segments.iter().flatten() {
        for number in [segment.0, segment.1, segment.2] {
            check_number(&format!("{field}.segments"), number)?;
        }
        if !(1..=rest).contains(&segment.1) {
            return Err(invalid(format!("{field}.segments"), "must divide the message into parts that are not empty"));
        }
        rest -= segment.1;
    }
    if log.segments.is_some() && rest != 0 {
        return Err(invalid(format!("{field}.segments"), "must cover the message"));
    }
    Ok(())
}

/// Checks an offset, a length, a count, a duration or a line number.
pub(super) fn check_number(field: &str, number: i64) -> Result<(), InvalidPayload> {
    if (0..=MAX_NUMBER).contains(&number) {
        Ok(())
    } else {
        Err(invalid(field, format!("must be 0 to {MAX_NUMBER}, not {number}")))
    }
}

/// Masks the text in a payload.
fn masked(payload: Payload, redactor: &Redactor) -> Payload {
    let text = |text: String| redactor.redact(text.as_bytes()).to_text().into_owned();
    match payload {
        Payload::Log(mut log) => {
            log.step_id = text(log.step_id);
            Payload::Log(log)
        }
        Payload::Gap(mut gap) => {
            gap.step_id = text(gap.step_id);
            Payload::Gap(gap)
        }
        Payload::Step(mut step) => {
            step.step_id = text(step.step_id);
            step.name = text(step.name);
            step.command = text(step.command);
            Payload::Step(step)
        }
        Payload::Other(map) => Payload::Other(masked_members(map, redactor)),
        payload @ (Payload::Attempt(_)
        | Payload::Stage(_)
        | Payload::Job(_)
        | Payload::Artifact(_)
        | Payload::End(_)) => payload,
    }
}

/// Masks names and values. A member with a secret-looking name is not replaced entirely, because the members are the
/// worker's own data and not environment variables.
fn masked_members(map: Map<String, Value>, redactor: &Redactor) -> Map<String, Value> {
    let text = |text: &str| redactor.redact(text.as_bytes()).to_text().into_owned();
    map.into_iter().map(|(name, value)| (text(&name), masked_value(value, redactor))).collect()
}

fn masked_value(value: Value, redactor: &Redactor) -> Value {
    let text = |text: &str| redactor.redact(text.as_bytes()).to_text().into_owned();
    match value {
        Value::String(value) => Value::String(text(&value)),
        Value::Number(number) => {
            let (digits, shown) = (number.to_string(), text(&number.to_string()));
            // A JSON number cannot contain a mask.
            if shown == digits { Value::Number(number) } else { Value::String(shown) }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| masked_value(item, redactor)).collect()),
        Value::Object(members) => Value::Object(masked_members(members, redactor)),
        value @ (Value::Null | Value::Bool(_)) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(payload: Value, message: &str) -> Result<NewEvent, String> {
        let redactor = Redactor::new(["hunter2hunter2"]);
        let event = json!({"message": message, "payload": payload});
        let event: ReportedEvent = serde_json::from_value(event).expect("it is an event");
        new_event("events[3].", event, 2, (&redactor, &mut ReportedEnds::default())).map_err(|error| error.field)
    }

    fn log(change: &Value) -> Value {
        let mut payload = json!({
            "kind": "log", "stream": "stdout", "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 2,
            "offset": 10, "bytes": 3, "line": 1, "time": "2026-01-31T12:00:00.000000Z", "partial": false,
        });
        for (name, value) in change.as_object().expect("it is an object") {
            payload[name] = value.clone();
        }
        payload
    }

    #[test]
    fn events_that_only_the_server_reports_are_refused() {
        for kind in OF_SERVER {
            assert_eq!(event(json!({"kind": kind}), "").err().as_deref(), Some("events[3].payload.kind"));
        }
        let end = json!({
            "kind": "end", "status": "succeeded", "attempt": 2, "lastSeq": 1, "lines": 0, "bytes": 0, "logSha256": "",
        });
        assert_eq!(event(end, "").err().as_deref(), Some("events[3].payload.kind"));
    }

    #[test]
    fn a_chunk_of_output_must_fit_its_text() {
        event(log(&json!({})), "ab\n").expect("it fits");
        event(log(&json!({"segments": [[10, 2, 1], [20, 1, 2]]})), "ab\n").expect("it fits");
        for (change, field) in [
            (json!({"attempt": 1}), "attempt"),
            (json!({"bytes": 4}), "bytes"),
            (json!({"bytes": -3}), "bytes"),
            (json!({"offset": -1}), "offset"),
            (json!({"line": i64::MAX}), "line"),
            (json!({"stepIndex": -1}), "stepIndex"),
            (json!({"segments": [[10, 2, 1]]}), "segments"),
            (json!({"segments": [[10, 4, 1], [20, -1, 2]]}), "segments"),
            (json!({"segments": []}), "segments"),
        ] {
            let refused = event(log(&change), "ab\n").err();
            assert_eq!(refused, Some(format!("events[3].payload.{field}")), "{change}");
        }
    }

    #[test]
    fn secrets_are_masked_in_messages_and_in_all_texts_of_payloads() {
        let payload =
            json!({"kind": "note", "a": ["hunter2hunter2", 7, null], "hunter2hunter2": {"b": "x hunter2hunter2"}});
        let event = event(payload, "it is hunter2hunter2").expect("it is valid");
        assert_eq!(event.message().to_text(), "it is [REDACTED]");
        let shown = serde_json::to_value(event.payload()).expect("it is JSON");
        assert_eq!(shown, json!({"kind": "note", "a": ["[REDACTED]", 7, null], "[REDACTED]": {"b": "x [REDACTED]"}}));
    }

    #[test]
    fn an_event_of_output_without_all_fields_is_kept_as_it_is() {
        let payload = json!({"kind": "log", "stream": "stdout", "line": "3"});
        let event = event(payload.clone(), "a line").expect("it is valid");
        assert_eq!(serde_json::to_value(event.payload()).expect("it is JSON"), payload);
    }
}
