//! The bar that appears while lines are chosen. It copies the lines as text or as Markdown, or copies a link to them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::Job;

use super::copying::{self, CopiedLines};
use super::permalink::MarkedLines;
use super::screen::Screen;
use super::toolbar::NOTICE_TIME;
use crate::ui::{Icon, clipboard};
use crate::words;

/// The format in which the chosen lines are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyKind {
    Text,
    AsPrinted,
    Markdown,
    Link,
}

/// Shows the bar while lines are chosen.
#[component]
pub fn ChosenBar(screen: Screen, job: RwSignal<Job>) -> impl IntoView {
    let notice = RwSignal::new(None::<String>);
    let label = move || {
        let chosen = screen.choice.get().lines?;
        let numbers = chosen.numbers();
        Some(if chosen.count() == 1 {
            format!("Line {numbers}")
        } else {
            format!("{}: {numbers}", words::plural(chosen.count(), "line"))
        })
    };
    let copy = move |kind: CopyKind| {
        let Some(chosen) = screen.choice.get_untracked().lines else { return };
        spawn_local(async move {
            let outcome = copy_chosen(screen, job, chosen, kind).await;
            drop(notice.try_set(Some(outcome)));
            set_timeout(move || drop(notice.try_set(None)), NOTICE_TIME);
        });
    };
    let button = move |kind: CopyKind, label: &'static str, title: &'static str, test_id: &'static str| {
        view! {
            <button data-testid=test_id title=title on:click=move |_| copy(kind)>
                {label}
            </button>
        }
    };
    view! {
        <Show when=move || screen.choice.get().lines.is_some()>
            <div class="live-chosen" role="group" aria-label="Selected lines" data-testid="chosen">
                <span role="status" data-testid="chosen-lines">
                    {move || notice.get().or_else(label)}
                </span>
                {button(CopyKind::Text, "Copy", "Copy the lines (c)", "chosen-copy")}
                <Show when=move || screen.choice.get().lines.is_some_and(|chosen| screen.has_redrawn(chosen))>
                    {button(CopyKind::AsPrinted, "As printed", "Copy the lines as they were printed (p)", "chosen-printed")}
                </Show>
                {button(CopyKind::Markdown, "Markdown", "Copy the lines as Markdown (m)", "chosen-markdown")}
                {button(CopyKind::Link, "Link", "Copy a link to the lines (l)", "chosen-link")}
                <button
                    class="touch-only"
                    aria-pressed=move || screen.choice.get().is_extending.to_string()
                    title="Tap another line number to extend the selection"
                    on:click=move |_| screen.choice.update(|choice| choice.is_extending = !choice.is_extending)
                >
                    "Extend"
                </button>
                <button aria-label="Clear selection" title="Clear selection (Esc)" on:click=move |_| screen.choose_none()>
                    <Icon name="remove" />
                </button>
            </div>
        </Show>
    }
    .into_any()
}

/// Copies the chosen lines or a link to them. Returns the message to show to the reader.
async fn copy_chosen(screen: Screen, job: RwSignal<Job>, chosen: MarkedLines, kind: CopyKind) -> String {
    let location = window().location();
    let page = format!("{}/tasks/queue/{}", location.origin().unwrap_or_default(), screen.job());
    let address = format!("{page}{}", chosen.fragment(screen.last_attempt()));
    let (copied, text) = if kind == CopyKind::Link {
        ("Copied the link".to_owned(), address)
    } else {
        let form = if kind == CopyKind::AsPrinted { CopiedLines::AsPrinted } else { CopiedLines::Redrawn };
        let text = match copying::chosen_text(screen, chosen, form).await {
            Ok(text) => text,
            Err(error) => return error.text().to_owned(),
        };
        let copied = copying::copied(&text);
        match job.try_get_untracked() {
            Some(job) if kind == CopyKind::Markdown => {
                let status = words::status(job.status).to_lowercase();
                (format!("{copied} as Markdown"), copying::markdown(&job.title, &status, chosen, &address, &text))
            }
            _ => (copied, text),
        }
    };
    if clipboard::copy(&text).await { copied } else { clipboard::REFUSED.to_owned() }
}
