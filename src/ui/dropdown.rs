//! A button that opens a menu below it.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A button with a menu. A click outside the menu or the Escape key closes it. The menu also opens without scripts.
#[component]
pub fn Dropdown(
    /// Additional CSS classes of the element.
    #[prop(optional)]
    class: &'static str,
    /// The name of the menu, which is the button's label and tooltip.
    #[prop(into)]
    label: String,
    /// The button's `data-testid`.
    test_id: &'static str,
    /// The content of the button.
    #[prop(into)]
    button: ViewFn,
    /// The items of the menu.
    children: Children,
) -> impl IntoView {
    let node: NodeRef<html::Details> = NodeRef::new();
    let close = move || {
        if let Some(details) = node.get_untracked() {
            // Removing an attribute that exists never fails.
            let _ = details.remove_attribute("open");
        }
    };
    let outside = window_event_listener(leptos::ev::pointerdown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        if node.get_untracked().is_some_and(|details| !details.contains(target.as_ref())) {
            close();
        }
    });
    on_cleanup(move || outside.remove());
    view! {
        <details
            class=format!("dropdown {class}")
            node_ref=node
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    // The event does not propagate, because the page itself also has a shortcut for the Escape key.
                    event.stop_propagation();
                    close();
                }
            }
        >
            <summary class="button" data-testid=test_id aria-label=label.clone() title=label>
                {button.run()}
            </summary>
            <div class="dropdown-items">{children()}</div>
        </details>
    }
    .into_any()
}
