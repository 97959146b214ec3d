//! The marks beside the scrollbar, which show the positions of errors and search matches in the log.

use leptos::prelude::*;

use super::finder::Finder;
use super::logs::Log;

/// The number of positions at which a mark can be. Readers could not distinguish more positions.
const TICKS: i64 = 500;

/// The marks for errors and, above them, for matches.
#[component]
pub fn Ticks(log: Log) -> impl IntoView {
    view! {
        <svg class="live-ticks" aria-hidden="true" preserveAspectRatio="none" viewBox=format!("0 0 1 {TICKS}")>
            <path class="errors" d=move || path(log.errors().finder()) />
            <path d=move || path(log.matches()) />
        </svg>
    }
    .into_any()
}

/// Returns marks for the lines that were found, as an SVG path. Where the search has only counted lines, the whole
/// range of lines is marked. The ranges are short, because the server searches large logs in many parts.
fn path(finder: Finder) -> String {
    finder.screen().totals.with(|totals| {
        let all = totals.lines().max(1);
        let place = |key| totals.index(key) * TICKS / all;
        let mut places: Vec<i64> = finder.findings.with(|findings| {
            let ranges = findings.unreported().flat_map(|(start, end)| place(start)..=place(end));
            findings.lines().map(place).chain(ranges).collect()
        });
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| format!("M0 {place}h1")).collect()
    })
}
