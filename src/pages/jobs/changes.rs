//! Decides when the list is fetched again. This happens when the stream of changed jobs sends a notification or, while
//! no stream is open, at regular intervals.
//!
//! The data in the notifications is not used. The list always fetches its page again, so that only the server has to
//! filter and sort jobs.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use web_sys::EventSource;

use crate::ui::dom::{Listener, is_hidden};

/// The interval at which the list is fetched while no stream is open.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The number of intervals of [`ASK_EVERY`] that pass before a closed stream is opened again.
const TRIES: u32 = 8;

/// The delay between a change and the resulting request, so that a burst of changes causes a single request.
const ASK_AFTER: Duration = Duration::from_millis(100);

/// A subscription to changes of the list. Dropping it ends the subscription.
pub(super) struct ListSubscription {
    _state: Rc<RefCell<State>>,
    _listener: Listener,
    interval: Option<IntervalHandle>,
}

struct State {
    stream: Option<ChangeStream>,
    /// The number of intervals without an open stream since the last attempt to open one.
    ticks: u32,
    asking: Option<TimeoutHandle>,
    look: Rc<dyn Fn()>,
}

/// An open `EventSource` with its listeners. Dropping this value closes the stream.
struct ChangeStream {
    source: EventSource,
    _listeners: [Listener; 2],
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl Drop for ListSubscription {
    fn drop(&mut self) {
        if let Some(interval) = &self.interval {
            interval.clear();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.clear();
        }
    }
}

impl ListSubscription {
    /// Calls `look` whenever the list may have changed and the page is visible.
    pub(super) fn watch(look: impl Fn() + 'static) -> Self {
        let state = State { stream: None, ticks: 0, asking: None, look: Rc::new(look) };
        let state = Rc::new(RefCell::new(state));
        connect(&state);
        let weak = Rc::downgrade(&state);
        let listener = Listener::new(document(), "visibilitychange", move |_| shown_or_hidden(&weak));
        let weak = Rc::downgrade(&state);
        let interval = set_interval_with_handle(move || tick(&weak), ASK_EVERY).ok();
        Self { _state: state, _listener: listener, interval }
    }
}

fn connect(state: &Rc<RefCell<State>>) {
    if is_hidden() {
        return;
    }
    let Ok(source) = EventSource::new("/api/queue/jobs/stream") else { return };
    let on = |name| {
        let state = Rc::downgrade(state);
        Listener::new(&source, name, move |_| ask(&state))
    };
    // The `open` event triggers a fetch because jobs may have changed before the stream was open. After that, each
    // change triggers a `job` event.
    let listeners = [on("open"), on("job")];
    let mut state = state.borrow_mut();
    state.ticks = 0;
    state.stream = Some(ChangeStream { source, _listeners: listeners });
}

/// Schedules a fetch, unless one is already scheduled.
fn ask(state: &Weak<RefCell<State>>) {
    let Some(upgraded) = state.upgrade() else { return };
    let mut now = upgraded.borrow_mut();
    if now.asking.is_none() {
        let later = state.clone();
        now.asking = set_timeout_with_handle(move || look(&later), ASK_AFTER).ok();
    }
}

fn look(state: &Weak<RefCell<State>>) {
    let Some(state) = state.upgrade() else { return };
    let look = {
        let mut state = state.borrow_mut();
        state.asking = None;
        Rc::clone(&state.look)
    };
    if !is_hidden() {
        look();
    }
}

/// Fetches the list if no stream is open, and periodically opens a new stream if the browser has closed the last one.
fn tick(state: &Weak<RefCell<State>>) {
    let Some(upgraded) = state.upgrade() else { return };
    if is_hidden() {
        return;
    }
    let mut now = upgraded.borrow_mut();
    let ready = now.stream.as_ref().map(|stream| stream.source.ready_state());
    if ready == Some(EventSource::OPEN) {
        return;
    }
    now.ticks += 1;
    let again = ready != Some(EventSource::CONNECTING) && now.ticks >= TRIES;
    drop(now);
    look(state);
    if again {
        connect(&upgraded);
    }
}

/// Closes the stream while the page is hidden, because browsers limit the number of connections per site across all
/// tabs.
fn shown_or_hidden(state: &Weak<RefCell<State>>) {
    let Some(upgraded) = state.upgrade() else { return };
    if is_hidden() {
        upgraded.borrow_mut().stream = None;
    } else {
        connect(&upgraded);
        ask(state);
    }
}
