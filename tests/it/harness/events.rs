//! Functions for events, and for the output that they contain.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Returns the events of one kind.
pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["payload"]["kind"] == kind).collect()
}

/// Reconstructs `output.log` from an attempt's log events by writing every segment at its offset.
pub fn restore(events: &[Value], attempt: i64) -> Vec<u8> {
    let mut pieces = Vec::new();
    for event in of_kind(events, "log") {
        let payload = &event["payload"];
        if payload["attempt"] != attempt {
            continue;
        }
        let mut text = event["message"].as_str().expect("a message is text").as_bytes();
        let whole = json!([[payload["offset"], payload["bytes"], payload["line"]]]);
        let segments = if payload["segments"].is_null() { &whole } else { &payload["segments"] };
        for segment in segments.as_array().expect("segments are a list") {
            let (offset, bytes) = (number(&segment[0]), number(&segment[1]));
            let (piece, rest) = text.split_at(bytes);
            pieces.push((offset, piece.to_vec()));
            text = rest;
        }
        assert!(text.is_empty(), "the segments cover the text: {payload}");
    }
    pieces.sort();
    let mut output = Vec::new();
    for (offset, piece) in pieces {
        assert_eq!(offset, output.len(), "the segments are adjacent and do not overlap");
        output.extend(piece);
    }
    output
}

pub fn number(value: &Value) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).expect("the value is a whole number")
}

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
