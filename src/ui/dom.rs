//! Wrappers for browser APIs, such as event listeners that are removed when dropped, and updates once per animation
//! frame.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventTarget, IntersectionObserver, IntersectionObserverEntry};

/// An event listener. It is removed when this value is dropped.
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Calls `on_event` for every event with the given name.
    pub fn new(target: impl AsRef<EventTarget>, name: &'static str, on_event: impl FnMut(Event) + 'static) -> Self {
        let closure = Closure::new(on_event);
        let target = target.as_ref().clone();
        // The result is ignored, because adding the listener fails only if the target no longer exists. In this case,
        // no events occur.
        let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        Self { target, name, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.target.remove_event_listener_with_callback(self.name, self.closure.as_ref().unchecked_ref());
    }
}

/// Observes whether an element is in view, until this value is dropped.
pub struct InView {
    observer: IntersectionObserver,
    _closure: Closure<dyn FnMut(js_sys::Array)>,
}

impl InView {
    /// Calls `on_change` with `true` when the element comes into view, and with `false` when it leaves the view.
    /// Returns `None` if the browser could not create the observer.
    pub fn new(element: &web_sys::Element, on_change: impl Fn(bool) + 'static) -> Option<Self> {
        let closure = Closure::new(move |entries: js_sys::Array| {
            if let Some(entry) = entries.iter().last() {
                on_change(entry.unchecked_into::<IntersectionObserverEntry>().is_intersecting());
            }
        });
        let observer = IntersectionObserver::new(closure.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _closure: closure })
    }
}

impl Drop for InView {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Runs a closure at most once per animation frame.
#[derive(Clone)]
pub struct EachFrame {
    waiting: Rc<Cell<bool>>,
    run: Rc<dyn Fn()>,
}

impl EachFrame {
    /// Wraps a closure without running it.
    pub fn new(run: impl Fn() + 'static) -> Self {
        Self { waiting: Rc::default(), run: Rc::new(run) }
    }

    /// Schedules a run for the next frame, unless one is already scheduled.
    pub fn request(&self) {
        if !self.waiting.replace(true) {
            let this = self.clone();
            request_animation_frame(move || {
                this.waiting.set(false);
                (this.run)();
            });
        }
    }
}

/// Changes the page's icon to a file in `public`.
pub fn set_page_icon(name: &str) {
    if let Some(link) = document().query_selector("link[rel=icon]").ok().flatten() {
        // Setting an attribute fails only if its name is invalid.
        let _ = link.set_attribute("href", &format!("/{name}"));
    }
}

/// Returns whether the page is hidden, for example in a background tab.
pub fn is_hidden() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Hidden
}

/// Returns whether the event's target is a field that the user can type into.
pub fn is_typing(event: &Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| match element.tag_name().as_str() {
        "INPUT" => !matches!(element.get_attribute("type").as_deref(), Some("radio" | "checkbox")),
        name => matches!(name, "TEXTAREA" | "SELECT"),
    })
}
