//! Pauses following when the reader scrolls or selects text, and resumes following when the reader reaches the end of
//! the list.
//!
//! This module does not compute scroll positions. Instead, an `IntersectionObserver` reports when the sentinel, an
//! element of one pixel at the end of the list, comes into view.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{KeyboardEvent, MouseEvent, WheelEvent};

use super::screen::Screen;
use crate::ui::dom::{EachFrame, InView, Listener};

/// The listeners that detect when the reader scrolls or selects text. They are removed when this value is dropped.
pub struct Hands {
    _listeners: Vec<Listener>,
    _sentinel: Option<InView>,
}

/// Adds listeners that pause following when the reader scrolls or selects text, and resume it at the end of the list.
pub fn watch(screen: Screen, scroller: &web_sys::HtmlElement, sentinel: &web_sys::Element) -> Hands {
    let on_scroll = EachFrame::new(move || screen.scrolled());
    let on = |name: &'static str, act: fn(Screen, web_sys::Event)| {
        Listener::new(scroller, name, move |event| act(screen, event))
    };
    let listeners = vec![
        Listener::new(scroller, "scroll", move |_| on_scroll.request()),
        on("wheel", |screen, event| {
            if event.unchecked_into::<WheelEvent>().delta_y() < 0.0 {
                screen.pause();
            }
        }),
        on("touchmove", |screen, _| screen.pause()),
        on("keydown", |screen, event| match event.unchecked_into::<KeyboardEvent>().key().as_str() {
            "PageUp" | "ArrowUp" | "Home" => screen.pause(),
            "End" => screen.follow(),
            _ => {}
        }),
        on("pointerdown", |screen, event| {
            // The scrollbar is to the right of the panel's content, so a press beyond the content's width is on the
            // scrollbar.
            let event = event.unchecked_into::<MouseEvent>();
            if let Some(panel) = event.current_target().and_then(|panel| panel.dyn_into::<web_sys::Element>().ok())
                && f64::from(event.client_x())
                    > panel.get_bounding_client_rect().left() + f64::from(panel.client_width())
            {
                screen.pause();
            }
        }),
        Listener::new(document(), "selectionchange", move |_| {
            if selects_in(screen) {
                screen.pause();
            }
        }),
    ];
    let sentinel = InView::new(sentinel, move |in_view| {
        // While a requested line is being loaded, the end may be in view although the reader has not scrolled to it.
        // The observer may also report that the end was in view when the list has already been scrolled away from it.
        let is_paused = !screen.follows.get_untracked();
        if in_view && is_paused && screen.is_scrolled_to_end() && !screen.seeks() && !selects_in(screen) {
            screen.follow();
        }
    });
    Hands { _listeners: listeners, _sentinel: sentinel }
}

/// Returns whether text in the list is selected.
fn selects_in(screen: Screen) -> bool {
    let selection = window().get_selection().ok().flatten().filter(|selection| !selection.is_collapsed());
    let anchor = selection.and_then(|selection| selection.anchor_node());
    screen.scroller.get_untracked().is_some_and(|scroller| scroller.contains(anchor.as_ref()))
}
