//! The status bar below the log.

use std::time::Duration;

use leptos::prelude::*;

use super::feed::policy::{Connection, PollReason};
use super::lag::Lag;
use super::logs::LogRole;
use super::screen::Screen;
use super::shortcuts;
use super::totals::Totals;
use crate::words;

/// Shows the state of the connection and the totals of the log.
#[component]
pub fn StatusBar(
    screen: Screen,
    connection: RwSignal<Connection>,
    lag: Lag,
    /// Called when the reader wants to retry the connection immediately.
    on_try_now: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let seconds_left = seconds_left(connection);
    let redactions = move || screen.totals.with(Totals::redactions);
    view! {
        <footer class="live-status">
            <span
                class="connection needs-scripts"
                data-testid="connection-state"
                data-state=move || state(connection.get())
                title=move || explain(connection.get())
            >
                {move || say(connection.get(), lag, seconds_left)}
            </span>
            <Show when=move || matches!(connection.get(), Connection::Reconnecting { .. })>
                <button class="link" data-testid="retry-now" on:click=move |_| on_try_now()>
                    "Retry now"
                </button>
            </Show>
            <span>{move || screen.totals.with(|totals| words::plural(totals.lines(), "line"))}</span>
            <span>{move || screen.totals.with(|totals| words::bytes(totals.bytes()))}</span>
            <Show when=move || connection.get() == Connection::Ended && screen.totals.with(Totals::is_verified)>
                <span
                    data-testid="verified"
                    title="Every byte is accounted for: the received output and the reported gaps add up to the totals of the log"
                >
                    "Verified"
                </span>
            </Show>
            <Show when=move || { redactions() > 0 }>
                <span>{move || words::plural(redactions(), "value")} " masked"</span>
            </Show>
            <span class="push"></span>
            {(screen.role() != LogRole::Other)
                .then(|| {
                    view! {
                        <button class="link wide needs-scripts" on:click=move |_| shortcuts::open()>
                            "? for shortcuts"
                        </button>
                    }
                })}
        </footer>
    }
    .into_any()
}

const fn state(connection: Connection) -> &'static str {
    match connection {
        Connection::Connecting => "connecting",
        Connection::Live => "live",
        Connection::Polling(_) => "polling",
        Connection::Reconnecting { .. } | Connection::Refused(_) => "reconnecting",
        Connection::Paused => "paused",
        Connection::Ended => "ended",
    }
}

/// Returns the number of seconds until the next attempt to connect. The number is updated every second while the server
/// does not respond.
fn seconds_left(connection: RwSignal<Connection>) -> RwSignal<u32> {
    let left = RwSignal::new(0_u32);
    Effect::new(move || {
        let Connection::Reconnecting { seconds, .. } = connection.get() else { return };
        left.set(seconds);
        let tick = move || left.update(|left| *left = left.saturating_sub(1));
        if let Ok(interval) = set_interval_with_handle(tick, Duration::from_secs(1)) {
            on_cleanup(move || interval.clear());
        }
    });
    left
}

/// Returns an explanation of why the log is polled, or `None` if the log is not polled.
const fn explain(connection: Connection) -> Option<&'static str> {
    let Connection::Polling(reason) = connection else { return None };
    Some(match reason {
        PollReason::Refused => {
            "The server or a proxy refused the live stream, for example because too many streams are open. The page \
             tries again every 15 seconds."
        }
        PollReason::Hangs => {
            "The live stream does not open. A proxy may be holding back the response. The page tries again every 15 \
             seconds."
        }
        PollReason::Breaks => {
            "The live stream breaks as soon as it is open. A proxy may be closing it. The page tries again every 15 \
             seconds."
        }
    })
}

fn say(connection: Connection, lag: Lag, seconds_left: RwSignal<u32>) -> String {
    match connection {
        Connection::Live if lag.seconds() > 0 => {
            return format!("Live, {} behind", words::duration(lag.seconds() * 1000));
        }
        Connection::Connecting => "Connecting",
        Connection::Live => "Live",
        Connection::Polling(PollReason::Refused) => "Polling every second: the stream was refused",
        Connection::Polling(PollReason::Hangs) => "Polling every second: the stream does not open",
        Connection::Polling(PollReason::Breaks) => "Polling every second: the stream breaks",
        Connection::Paused => "Paused while this tab is hidden",
        Connection::Ended => "Complete",
        Connection::Refused(401) => "Your session has ended. Reload the page to log in again.",
        Connection::Refused(403) => "You are not allowed to read this job's output.",
        Connection::Refused(_) => "Not connected",
        Connection::Reconnecting { .. } => match seconds_left.get() {
            0 => "Connection lost, retrying now",
            seconds => return format!("Connection lost, retrying in {seconds} s"),
        },
    }
    .to_owned()
}
