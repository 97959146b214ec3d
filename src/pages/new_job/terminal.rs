//! The field that makes the steps run in a terminal.

use leptos::prelude::*;

use super::draft::Draft;

/// A checkbox that makes the steps run in a terminal, with an explanation.
#[component]
pub fn Terminal(draft: Draft) -> impl IntoView {
    view! {
        <div class="checkbox">
            <input
                id="terminal"
                type="checkbox"
                name="terminal"
                data-testid="field-terminal"
                aria-describedby="terminal-hint"
                checked=draft.terminal.get_untracked()
                bind:checked=draft.terminal
            />
            <label for="terminal">"Run in a terminal"</label>
            <p id="terminal-hint" class="hint">
                "Programs print immediately, with colours and progress bars. COLUMNS and LINES in the environment set the size."
            </p>
        </div>
    }
    .into_any()
}
