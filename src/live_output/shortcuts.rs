//! The keyboard shortcuts, which work anywhere on the page except in text fields.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::display;
use super::errors;
use super::filter::OutputFilter;
use super::filter_bar;
use super::finder::FindDirection;
use super::logs::Logs;
use super::search_bar::ReaderSearch;
use crate::ui::dom::is_typing;

const DIALOG_ID: &str = "shortcuts";
const KEYS: [(&str, &str); 17] = [
    ("/", "Search the whole log"),
    ("n, N", "Go to the next or previous match"),
    ("e, E", "Go to the next or previous error"),
    ("j, k", "Select the next or previous line"),
    ("J, K", "Extend the selection to the next or previous line"),
    ("f", "Start or stop following new lines"),
    ("c", "Copy the selected lines, or all lines that match the filter"),
    ("p", "Copy the selected lines as they were printed, if they were redrawn"),
    ("m, l", "Copy the selected lines as Markdown, or copy a link to them"),
    ("Esc", "Clear the selection, or close the search"),
    ("1, 2, 3, 4", "Show everything, stages, logs, or warnings and errors"),
    ("o", "Show the current line in the unfiltered log, or return to the filter"),
    ("d", "Show only lines that are new since the last successful run, or that differ between two jobs"),
    ("g, G", "Collapse or expand the current group, or all groups"),
    ("t, w", "Change the timestamp format; toggle line wrapping"),
    ("Home, End", "Go to the start; go to the end and follow new lines"),
    ("?", "Show this list"),
];

/// Opens the list of shortcuts.
pub fn open() {
    let dialog = document().get_element_by_id(DIALOG_ID).and_then(|node| node.dyn_into::<HtmlDialogElement>().ok());
    if let Some(dialog) = dialog.filter(|dialog| !dialog.open()) {
        // The call fails only if the dialog is already open as a non-modal dialog.
        let _ = dialog.show_modal();
    }
}

/// Handles the shortcuts, and contains the dialog that describes them.
#[component]
pub fn Shortcuts(logs: Logs, search: ReaderSearch) -> impl IntoView {
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let is_dialog_open = document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some());
        if is_dialog_open {
            return;
        }
        let key = event.key();
        if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && key == "f" && !search.has_focus() {
            // The browser's own search finds only the rows that are drawn. Pressing the keys again opens the browser's
            // search.
            event.prevent_default();
            return search.open();
        }
        if event.ctrl_key() || event.alt_key() || event.meta_key() || is_typing(&event) {
            return;
        }
        let screen = untrack(|| logs.active()).screen();
        let set_kind = |kind| logs.change_filter(|filter| filter.kind = kind);
        match key.as_str() {
            "/" => {
                event.prevent_default();
                search.open();
            }
            "n" => search.go(FindDirection::Next),
            "N" => search.go(FindDirection::Previous),
            "e" => errors::go(logs, FindDirection::Next),
            "E" => errors::go(logs, FindDirection::Previous),
            "j" => screen.choose_beside(FindDirection::Next),
            "k" => screen.choose_beside(FindDirection::Previous),
            "J" => screen.extend_beside(FindDirection::Next),
            "K" => screen.extend_beside(FindDirection::Previous),
            "f" => logs.toggle_follow(),
            "End" => logs.follow(),
            "o" => {
                if !logs.return_to_filter()
                    && let Some(line) = screen.current()
                {
                    screen.show_in_context(line);
                }
            }
            "c" if screen.choice.get_untracked().lines.is_some() => logs.click("chosen-copy"),
            "c" => logs.click("copy-visible"),
            "p" => logs.click("chosen-printed"),
            "m" => logs.click("chosen-markdown"),
            "l" => logs.click("chosen-link"),
            "Escape" if screen.choice.get_untracked().lines.is_some() => screen.choose_none(),
            "Escape" if search.is_open.get_untracked() => search.close(),
            "d" => filter_bar::toggle_unlike(logs),
            "g" => screen.toggle_current_group(),
            "G" => logs.toggle_all_groups(),
            "t" => display::next_times(logs),
            "w" => display::toggle_wrap(logs),
            "Home" => logs.go_to_start(),
            "?" => open(),
            "1" => set_kind(OutputFilter::All),
            "2" => set_kind(OutputFilter::Stages),
            "3" => set_kind(OutputFilter::Logs),
            "4" => set_kind(OutputFilter::Warnings),
            _ => {}
        }
    });
    on_cleanup(move || listener.remove());
    view! {
        <dialog id=DIALOG_ID class="dialog" aria-labelledby="shortcuts-title">
            <form method="dialog">
                <h2 id="shortcuts-title">"Shortcuts"</h2>
                <dl>
                    {KEYS
                        .map(|(keys, what)| {
                            view! {
                                <dt>
                                    <kbd>{keys}</kbd>
                                </dt>
                                <dd>{what}</dd>
                            }
                        })
                        .collect_view()}
                </dl>
                <button class="button">"Close"</button>
            </form>
        </dialog>
    }
    .into_any()
}
