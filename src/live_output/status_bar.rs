//! The status bar below the log.

use leptos::prelude::*;

use super::feed::policy::Connection;
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
    let redactions = move || screen.totals.with(Totals::redactions);
    view! {
        <footer class="live-status">
            <span class="connection needs-scripts" data-testid="connection-state" data-state=move || state(connection.get())>
                {move || say(connection.get(), lag)}
            </span>
            <Show when=move || matches!(connection.get(), Connection::Reconnecting { .. })>
                <button class="link" on:click=move |_| on_try_now()>"Retry now"</button>
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
        Connection::Polling => "polling",
        Connection::Reconnecting { .. } | Connection::Refused(_) => "reconnecting",
        Connection::Paused => "paused",
        Connection::Ended => "ended",
    }
}

fn say(connection: Connection, lag: Lag) -> String {
    match connection {
        Connection::Live if lag.seconds() > 0 => {
            return format!("Live, {} behind", words::duration(lag.seconds() * 1000));
        }
        Connection::Connecting => "Connecting",
        Connection::Live => "Live",
        Connection::Polling => "Polling every second",
        Connection::Paused => "Paused while this tab is hidden",
        Connection::Ended => "Complete",
        Connection::Refused(401) => "Your session has ended. Reload the page to log in again.",
        Connection::Refused(403) => "You are not allowed to read this job's output.",
        Connection::Refused(_) => "Not connected",
        Connection::Reconnecting { seconds } => return format!("Connection lost, retrying in {seconds} s"),
    }
    .to_owned()
}
