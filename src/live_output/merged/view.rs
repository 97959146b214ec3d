//! The views of the merged list.

use leptos::html;
use leptos::prelude::*;

use super::screen::MergedScreen;
use crate::live_output::chosen_bar::ChosenBar;
use crate::live_output::display::{self, LineTimes, LongLines};
use crate::live_output::follow;
use crate::live_output::logs::Logs;
use crate::live_output::rows::{row, ruler_row};
use crate::live_output::{SizeObserver, note, observe_size};
use crate::words;

/// Shows the rows of all logs in one list, in the order of their times.
#[component]
pub fn MergedRows(logs: Logs) -> impl IntoView {
    let screen = MergedScreen::new(logs);
    let sentinel: NodeRef<html::Div> = NodeRef::new();
    let nodes = screen.list.nodes.get_value();
    let first = logs.all()[0].screen();
    Effect::new(move || {
        let (Some(scroller), Some(end)) = (screen.list.scroller.get(), sentinel.get()) else { return };
        let begun = untrack(|| begin(logs, screen, &scroller, &end));
        // The listeners and the observer are dropped together with this effect, when the reader leaves the list.
        let _begun = StoredValue::new_local(begun);
    });
    Effect::new(move || {
        for log in logs.all() {
            log.screen().changes.track();
        }
        untrack(|| screen.logs_changed());
    });
    on_cleanup(move || logs.end_merging());
    let unseen = move || format!("{} \u{2193}", words::plural(screen.unseen.get(), "new line"));
    // The times may be wider or narrower than before, so the list is measured again once they are in the document.
    Effect::new(move || {
        first.display.track();
        request_animation_frame(move || screen.measure());
    });
    let names: Vec<String> = logs.all().into_iter().map(|log| untrack(|| log.name()).unwrap_or_default()).collect();
    let hints = logs.all().into_iter().map(|log| {
        let text = move || note(log).map(|note| format!("{}: {note}", log.name().unwrap_or_default()));
        view! { <p class="live-note">{text}</p> }
    });
    let hints = hints.collect_view();
    let bars = logs.all().into_iter().enumerate().map(|(index, log)| {
        view! {
            <Show when=move || logs.is_active(index)>
                <ChosenBar screen=log.screen() job=log.job />
            </Show>
        }
    });
    let bars = bars.collect_view();
    view! {
        <section class="live merged" aria-label="Merged output" data-testid="merged">
            <div
                class="live-rows"
                role="log"
                aria-live="off"
                aria-label="Output of all jobs"
                tabindex="0"
                data-times=move || first.display.get().times.as_str()
                data-wrap=move || (first.display.get().long_lines == LongLines::Wrapped).to_string()
                node_ref=screen.list.scroller
            >
                {ruler_row(nodes.ruler)}
                <div node_ref=nodes.above></div>
                <div node_ref=nodes.window>
                    <For each=move || screen.rows.get() key=|(log, row)| (*log, row.key()) let((log, view))>
                        <div
                            class="merged-row"
                            data-number=(log + 1).to_string()
                            on:pointerdown=move |_| logs.activate(log)
                            on:focusin=move |_| logs.activate(log)
                        >
                            <span class="visually-hidden">{names[log].clone()} ": "</span>
                            {row(logs.all()[log].screen(), view)}
                        </div>
                    </For>
                </div>
                <div node_ref=nodes.below></div>
                {hints}
                <div class="live-end" node_ref=sentinel></div>
            </div>
            <Show when=move || { screen.unseen.get() > 0 }>
                <button class="live-new" data-testid="new-lines" on:click=move |_| follow::Scrolls::follow(screen)>
                    {unseen}
                </button>
            </Show>
            {bars}
        </section>
    }
    .into_any()
}

/// Begins to show the logs in the merged list. Each line's time is shown as the time of day, which has the same meaning
/// in all logs.
fn begin(
    logs: Logs,
    screen: MergedScreen,
    scroller: &web_sys::HtmlElement,
    end: &web_sys::Element,
) -> (follow::Hands, Option<SizeObserver>) {
    logs.begin_merging(screen);
    display::show_times(logs, LineTimes::Local);
    let hands = follow::watch(screen, scroller, end);
    let ruler = screen.list.nodes.get_value().ruler;
    let observer = observe_size(screen.list.scroller, ruler, move || screen.measure());
    screen.measure();
    follow::Scrolls::follow(screen);
    (hands, observer)
}
