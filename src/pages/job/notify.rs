//! Notifies the user that a job has ended, even if its page is in a background tab. The tab's icon shows the job's
//! status and, if the user asks for it, the browser displays a notification.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Job, JobStatus};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Notification, NotificationOptions, NotificationPermission};

use crate::ui::Icon;
use crate::ui::dom::set_page_icon;
use crate::words;

/// The page's icon while no job is shown, or while the job is queued.
const PLAIN_ICON: &str = "favicon.svg";

/// Shows the job's status in the tab's icon until the user leaves the page.
pub fn show_status_in_icon(job: RwSignal<Job>) {
    let status = Memo::new(move |_| job.read().status);
    Effect::new(move || {
        set_page_icon(match status.get() {
            JobStatus::Queued => PLAIN_ICON,
            JobStatus::Running => "favicon-running.svg",
            JobStatus::Succeeded => "favicon-succeeded.svg",
            JobStatus::Failed | JobStatus::DeadLetter => "favicon-failed.svg",
            JobStatus::Cancelled => "favicon-cancelled.svg",
        });
        on_cleanup(|| set_page_icon(PLAIN_ICON));
    });
}

/// Whether the user is notified when the job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notify {
    /// The browser has no notifications, or the page was not loaded over a secure connection.
    Unavailable,
    /// The user has not asked for a notification.
    Off,
    /// The user has asked for a notification.
    On,
    /// The user has asked for a notification, but the browser does not allow it.
    Refused,
}

/// A button that requests a notification when the job ends.
#[component]
pub fn NotifyButton(job: RwSignal<Job>) -> impl IntoView {
    let notify = RwSignal::new(Notify::Unavailable);
    Effect::new(move || {
        // Only the browser knows whether it supports notifications.
        if js_sys::Reflect::has(&window(), &JsValue::from_str("Notification")) == Ok(true) {
            notify.set(Notify::Off);
        }
    });
    let status = Memo::new(move |_| job.read().status);
    Effect::new(move || {
        if status.get().is_terminal() && notify.get_untracked() == Notify::On {
            notify.set(Notify::Off);
            job.with_untracked(show_notification);
        }
    });
    let toggle = move |_| {
        if notify.get_untracked() == Notify::On {
            return notify.set(Notify::Off);
        }
        spawn_local(async move {
            let answer = match Notification::request_permission() {
                Ok(asked) => JsFuture::from(asked).await,
                Err(error) => Err(error),
            };
            let is_allowed = answer.is_ok() && Notification::permission() == NotificationPermission::Granted;
            // The user may have left the page.
            let _ = notify.try_set(if is_allowed { Notify::On } else { Notify::Refused });
        });
    };
    let title = move || match notify.get() {
        Notify::On => "You will be notified when this job ends",
        Notify::Refused => "Your browser blocks notifications. Allow them for this site and reload the page.",
        Notify::Unavailable | Notify::Off => "Notify me when this job ends",
    };
    view! {
        <Show when=move || notify.get() != Notify::Unavailable && !status.get().is_terminal()>
            <button
                class="button"
                data-testid="notify"
                aria-pressed=move || (notify.get() == Notify::On).to_string()
                aria-label=title
                title=title
                disabled=move || notify.get() == Notify::Refused
                on:click=toggle
            >
                <Icon name="bell" />
            </button>
        </Show>
    }
    .into_any()
}

fn show_notification(job: &Job) {
    let options = NotificationOptions::new();
    options.set_body(words::status(job.status));
    options.set_tag(&job.id.to_string());
    // The error is ignored: some browsers allow notifications only from a service worker, and the tab's icon and title
    // also show the status.
    let _ = Notification::new_with_options(&job.title, &options);
}
