//! Pauses following when the reader scrolls or selects text, and resumes following when the reader reaches the end of
//! the list.
//!
//! Any scroll position that the page did not set pauses following ([`super::placement`]). The listeners for the wheel,
//! for touch and for keys pause it earlier, because otherwise a new row could undo the first pixels of the movement. To
//! resume, this module does not compute scroll positions. Instead, an `IntersectionObserver` reports when the sentinel,
//! an element of one pixel at the end of the list, comes into view.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{KeyboardEvent, MouseEvent, WheelEvent};

use super::placement::is_scrolled_to_end;
use crate::ui::dom::{EachFrame, InView, Listener};

/// A list that the reader can scroll, and that can follow its end.
pub trait Scrolls: Copy + 'static {
    /// Returns the element that scrolls, or `None` if it is not in the document.
    fn scroller(self) -> Option<web_sys::HtmlElement>;
    /// Returns whether the list follows its end.
    fn follows(self) -> bool;
    /// Pauses following, unless the list is too short to scroll.
    fn pause(self);
    /// Scrolls to the end and starts following.
    fn follow(self);
    /// Handles scrolling. If the list follows its end and the reader has scrolled away from the end, pauses following.
    fn scrolled(self);
    /// Returns whether the reader may have scrolled to the end. Returns `false` while a frame is being drawn, because
    /// the scroll position is still that of an earlier frame. Also returns `false` while a requested line is being
    /// loaded, because the end may be in view although the reader has not scrolled to it.
    fn is_at_end(self) -> bool;
}

/// The listeners that detect when the reader scrolls or selects text. Dropping this value removes the listeners.
pub struct Hands {
    _listeners: Vec<Listener>,
    _sentinel: Option<InView>,
}

/// Adds listeners that pause following when the reader scrolls or selects text, and resume it at the end of the list.
pub fn watch<S: Scrolls>(list: S, scroller: &web_sys::HtmlElement, sentinel: &web_sys::Element) -> Hands {
    let on_scroll = EachFrame::new(move || list.scrolled());
    let on =
        |name: &'static str, act: fn(S, web_sys::Event)| Listener::new(scroller, name, move |event| act(list, event));
    let listeners = vec![
        Listener::new(scroller, "scroll", move |_| on_scroll.request()),
        on("wheel", |list, event| {
            if event.unchecked_into::<WheelEvent>().delta_y() < 0.0 {
                list.pause();
            }
        }),
        on("touchmove", |list, _| list.pause()),
        on("keydown", |list, event| match event.unchecked_into::<KeyboardEvent>().key().as_str() {
            "PageUp" | "ArrowUp" | "Home" => list.pause(),
            "End" => list.follow(),
            _ => {}
        }),
        on("pointerdown", |list, event| {
            // The scrollbar is to the right of the panel's content, so a press beyond the content's width is on the
            // scrollbar.
            let event = event.unchecked_into::<MouseEvent>();
            if let Some(panel) = event.current_target().and_then(|panel| panel.dyn_into::<web_sys::Element>().ok())
                && f64::from(event.client_x())
                    > panel.get_bounding_client_rect().left() + f64::from(panel.client_width())
            {
                list.pause();
            }
        }),
        Listener::new(document(), "selectionchange", move |_| {
            if selects_in(list) {
                list.pause();
            }
        }),
    ];
    let sentinel = InView::new(sentinel, move |in_view| {
        // By the time the observer reports that the end is in view, the list may already have been scrolled away from
        // the end.
        if in_view
            && !list.follows()
            && list.is_at_end()
            && list.scroller().is_some_and(|scroller| is_scrolled_to_end(&scroller))
            && !selects_in(list)
        {
            list.follow();
        }
    });
    Hands { _listeners: listeners, _sentinel: sentinel }
}

/// Returns whether text in the list is selected.
fn selects_in(list: impl Scrolls) -> bool {
    let selection = window().get_selection().ok().flatten().filter(|selection| !selection.is_collapsed());
    let anchor = selection.and_then(|selection| selection.anchor_node());
    list.scroller().is_some_and(|scroller| scroller.contains(anchor.as_ref()))
}
