//! The error page, shown if the server refused to send a page's data or could not be reached.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::host;
use crate::page_data::RpcError;

/// Shows an error message in place of a page that could not be loaded.
#[component]
pub fn Refusal(
    /// The reason why the page is not shown.
    error: RpcError,
) -> impl IntoView {
    let (title, text) = match &error {
        RpcError::Refused { status, message, .. } => {
            host::status(*status);
            match status {
                401 => ("Your session has ended", "Reload the page to log in again.".to_owned()),
                403 => ("Not allowed", format!("You are not allowed to view this page: {message}.")),
                404 => ("Job not found", "There is no job with this ID. It may have been deleted.".to_owned()),
                _ => ("This page could not be loaded", message.clone()),
            }
        }
        RpcError::Transport(message) => {
            host::status(500);
            ("The server could not be reached", message.clone())
        }
    };
    view! {
        <main class="notice" role="alert">
            <h1>{title}</h1>
            <p>{text}</p>
            <p>
                <A href="/tasks/queue">"Go to the queue"</A>
            </p>
        </main>
    }
    .into_any()
}
