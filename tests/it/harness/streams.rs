//! The paths of all streams, derived from the server's own list.

use tailwater::server::{STREAM_ROUTES, StreamCondition, StreamRoute};

/// Returns the URL paths that open a job's streams. There is one path for each stream route, and one for each format of
/// a search. The searches find all lines that are not empty.
pub fn stream_paths(job: &str) -> Vec<String> {
    STREAM_ROUTES.iter().flat_map(|route| paths(route, job)).collect()
}

/// Returns the paths of the streams that stay open until the job finishes. Searches are not among them, because a
/// search ends when everything has been searched.
pub fn lasting_stream_paths(job: &str) -> Vec<String> {
    let lasts = |route: &&StreamRoute| route.condition != StreamCondition::Format;
    STREAM_ROUTES.iter().filter(lasts).flat_map(|route| paths(route, job)).collect()
}

fn paths(route: &StreamRoute, job: &str) -> Vec<String> {
    let queries = match route.condition {
        StreamCondition::Always if route.path == "/api/queue/events/stream" => vec![format!("?jobs={job}:0")],
        StreamCondition::Always => vec![String::new()],
        StreamCondition::Follow => vec!["?follow=true".to_owned()],
        StreamCondition::Format => ["ndjson", "text"].map(|format| format!("?q=.&regex=true&format={format}")).into(),
    };
    queries.into_iter().map(|query| format!("{}{query}", route.path.replace("{id}", job))).collect()
}
