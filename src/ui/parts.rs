//! Small views that the pages and Live Output share, such as icons, a job's status and a point in time.

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use model::{Artifact, JobStatus, Timestamp};

use crate::host;
use crate::words;

/// The document's title. All pages use this component instead of `leptos_meta`'s `Title`, which does not escape its
/// text when rendered on the server.
#[component]
pub fn PageTitle(
    /// The title, which may contain any characters.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    // This closure may run once more after the page and its signals have been disposed of.
    let text = move || host::escaped_text(text.try_get().unwrap_or_default());
    #[expect(clippy::disallowed_methods, reason = "the text is escaped here")]
    let title = view! { <Title text /> };
    title
}

/// The file that contains all icons. The browser reads its URL from a `meta` tag in the document's head.
pub const ICONS: &str = "icons.svg";

/// The script of the shared worker that receives events for all pages of a browser.
pub const SHARED_STREAM: &str = "shared-stream.js";

/// An icon from `public/icons.svg`. It is hidden from screen readers, because the text beside it has the same meaning.
#[component]
pub fn Icon(
    /// The name of the icon in `icons.svg`.
    #[prop(into)]
    name: Signal<&'static str>,
) -> impl IntoView {
    let icons = host::asset(ICONS);
    view! {
        <svg class="icon" aria-hidden="true">
            <use_ href=move || format!("{icons}#{}", name.get())></use_>
        </svg>
    }
    .into_any()
}

/// A job's status with its icon, label and colour.
#[component]
pub fn Status(
    /// The status.
    #[prop(into)]
    status: Signal<JobStatus>,
) -> impl IntoView {
    let name = Signal::derive(move || status.get().as_str());
    view! {
        <span class="status" data-testid="job-status" data-status=move || status.get().as_str()>
            <Icon name />
            {move || words::status(status.get())}
        </span>
    }
    .into_any()
}

/// The name of the artifact that contains an attempt's complete output.
pub const LOG_NAME: &str = "logs/output.log";

/// Returns the URL for downloading an artifact.
pub fn download_url(file: &Artifact) -> String {
    format!("/api/queue/jobs/{}/artifacts/{}/download", file.job_id, file.id)
}

/// The current time, updated at regular intervals.
///
/// The clock starts at a time in the page's data, such as the time of the newest event. The server and the browser
/// therefore initially render the same text.
#[derive(Clone, Copy)]
pub struct Now(RwSignal<Timestamp>);

impl Now {
    /// Creates a clock that starts at a time known to both the server and the browser. In the browser, the clock then
    /// shows the current time, and is updated at the given interval.
    pub fn starting_at(known: Timestamp, every: Duration) -> Self {
        let now = RwSignal::new(known);
        Effect::new(move || {
            now.set(host::now());
            if let Ok(interval) = set_interval_with_handle(move || now.set(host::now()), every) {
                on_cleanup(move || interval.clear());
            }
        });
        Self(now)
    }

    /// Returns the current time and subscribes the caller to its updates.
    pub fn get(self) -> Timestamp {
        self.0.get()
    }
}

/// A point in time. It is displayed in UTC before hydration, and in the reader's time zone afterwards.
#[component]
pub fn Time(
    /// The time.
    #[prop(into)]
    at: Signal<Timestamp>,
) -> impl IntoView {
    let alive = RwSignal::new(false);
    Effect::new(move || alive.set(true));
    let text = move || {
        let at = at.get();
        if alive.get() { words::date_time(at, host::utc_offset_minutes(at)) } else { words::date_time(at, 0) }
    };
    view! {
        <time datetime=move || at.get().to_string() title=move || if alive.get() { "" } else { "UTC" }>
            {text}
        </time>
    }
    .into_any()
}
