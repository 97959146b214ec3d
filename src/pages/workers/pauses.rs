//! The list of pauses, with forms that end a pause or add one.

use leptos::prelude::*;
use model::{Pause, Role};

use super::ACTION;
use crate::ui::may;
use crate::words;

/// Lists the pauses. Administrators can end a pause or add another one.
#[component]
pub(super) fn Pauses(pauses: Vec<Pause>) -> impl IntoView {
    let none = pauses.is_empty().then(|| view! { <p class="hint" data-testid="no-pauses">"Nothing is paused."</p> });
    let rows = pauses.into_iter().map(|pause| view! { <PauseRow pause /> }).collect_view();
    view! {
        <section aria-labelledby="pauses">
            <h2 id="pauses">"Pauses"</h2>
            {none}
            <ul class="secret-list" data-testid="pause-list">
                {rows}
            </ul>
            {may(Role::Admin).then(|| view! { <NewPause /> })}
        </section>
    }
    .into_any()
}

#[component]
fn PauseRow(pause: Pause) -> impl IntoView {
    let target = pause.target.to_string();
    let resume = may(Role::Admin).then(|| {
        view! {
            <form method="post" action=ACTION>
                <input type="hidden" name="action" value="resume" />
                <input type="hidden" name="target" value=target />
                <button class="button" data-testid="resume">"Resume"</button>
            </form>
        }
    });
    view! {
        <li class="secret-row with-action" data-testid="pause-row">
            <span>{words::paused(&pause)}</span>
            {resume}
        </li>
    }
    .into_any()
}

/// The form that pauses the queue or a type of jobs.
#[component]
fn NewPause() -> impl IntoView {
    view! {
        <form method="post" action=ACTION class="secret-form" aria-label="Pause for maintenance">
            <h3>"Pause for maintenance"</h3>
            <p class="hint">"Jobs that are running continue. Waiting jobs keep their order."</p>
            <input type="hidden" name="action" value="pause" />
            <label for="pause-kind">"Job type"</label>
            <input
                id="pause-kind"
                class="field code"
                name="kind"
                maxlength="200"
                placeholder="all types"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                data-testid="pause-kind"
            />
            <label for="pause-reason">"Reason"</label>
            <input id="pause-reason" class="field" name="reason" maxlength="2000" autocomplete="off" data-testid="pause-reason" />
            <button class="button" data-testid="pause">"Pause"</button>
        </form>
    }
    .into_any()
}
