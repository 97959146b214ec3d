//! Decides when the list is fetched again: whenever the stream of changed jobs sends a notification or, while no stream
//! is open, at regular intervals.
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
use crate::ui::shared_stream::{SharedStream, StreamMessage, Subscription};

/// The interval at which the list is fetched while no stream is open.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The number of intervals of [`ASK_EVERY`] after which a broken stream is opened again.
const TRIES: u32 = 2;

/// The delay between a change and the resulting request, so that a burst of changes causes a single request.
const ASK_AFTER: Duration = Duration::from_millis(100);

/// A subscription to changes to the list. Dropping it ends the subscription.
pub(super) struct ListSubscription {
    _state: Rc<RefCell<ChangesState>>,
    _listener: Listener,
    interval: Option<IntervalHandle>,
}

struct ChangesState {
    stream: Option<ChangeStream>,
    is_open: bool,
    /// The number of intervals without an open stream since the last attempt to open one.
    ticks: u32,
    asking: Option<TimeoutHandle>,
    look: Rc<dyn Fn()>,
}

/// An open stream. Dropping this value closes it.
enum ChangeStream {
    /// The stream that all pages share.
    Shared { _stream: SharedStream },
    /// A stream of this page alone, because the shared worker is not available.
    Own { source: EventSource, _listeners: [Listener; 3] },
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        if let Self::Own { source, .. } = self {
            source.close();
        }
    }
}

impl Drop for ListSubscription {
    fn drop(&mut self) {
        if let Some(interval) = &self.interval {
            interval.clear();
        }
    }
}

impl Drop for ChangesState {
    fn drop(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.clear();
        }
    }
}

impl ListSubscription {
    /// While the page is visible, calls `look` whenever the list may have changed.
    pub(super) fn watch(look: impl Fn() + 'static) -> Self {
        let state = ChangesState { stream: None, is_open: false, ticks: 0, asking: None, look: Rc::new(look) };
        let state = Rc::new(RefCell::new(state));
        connect(&state);
        let weak = Rc::downgrade(&state);
        let listener = Listener::new(document(), "visibilitychange", move |_| shown_or_hidden(&weak));
        let weak = Rc::downgrade(&state);
        let interval = set_interval_with_handle(move || tick(&weak), ASK_EVERY).ok();
        Self { _state: state, _listener: listener, interval }
    }
}

fn connect(state: &Rc<RefCell<ChangesState>>) {
    if is_hidden() {
        return;
    }
    let weak = Rc::downgrade(state);
    let on_message = move |message| receive(&weak, &message);
    let stream = match SharedStream::open(Subscription::Jobs, on_message.clone()) {
        Some(stream) => Some(ChangeStream::Shared { _stream: stream }),
        None => open_own(on_message),
    };
    let mut state = state.borrow_mut();
    (state.ticks, state.is_open, state.stream) = (0, false, stream);
}

fn open_own(on_message: impl Fn(StreamMessage) + Clone + 'static) -> Option<ChangeStream> {
    let source = EventSource::new("/api/queue/jobs/stream").ok()?;
    let on = |name, message: StreamMessage| {
        let on_message = on_message.clone();
        Listener::new(&source, name, move |_| on_message(message.clone()))
    };
    let listeners = [
        on("open", StreamMessage::Open),
        on("job", StreamMessage::Event(String::new())),
        on("error", StreamMessage::Broken),
    ];
    Some(ChangeStream::Own { source, _listeners: listeners })
}

fn receive(state: &Weak<RefCell<ChangesState>>, message: &StreamMessage) {
    let Some(upgraded) = state.upgrade() else { return };
    match message {
        // The list is fetched when the stream opens, because jobs may have changed while no stream was open.
        StreamMessage::Open => upgraded.borrow_mut().is_open = true,
        StreamMessage::Event(_) => {}
        StreamMessage::Broken => return upgraded.borrow_mut().is_open = false,
        StreamMessage::Heartbeat | StreamMessage::Terminal(_) => return,
    }
    ask(state);
}

/// Schedules a fetch, unless one is already scheduled.
fn ask(state: &Weak<RefCell<ChangesState>>) {
    let Some(upgraded) = state.upgrade() else { return };
    let mut now = upgraded.borrow_mut();
    if now.asking.is_none() {
        let later = state.clone();
        now.asking = set_timeout_with_handle(move || look(&later), ASK_AFTER).ok();
    }
}

fn look(state: &Weak<RefCell<ChangesState>>) {
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

/// Fetches the list if no stream is open, and opens a broken stream again.
fn tick(state: &Weak<RefCell<ChangesState>>) {
    let Some(upgraded) = state.upgrade() else { return };
    let mut now = upgraded.borrow_mut();
    if is_hidden() || now.is_open {
        return;
    }
    now.ticks += 1;
    let again = now.ticks >= TRIES;
    drop(now);
    look(state);
    if again {
        connect(&upgraded);
    }
}

/// Closes the stream while the page is hidden.
fn shown_or_hidden(state: &Weak<RefCell<ChangesState>>) {
    let Some(upgraded) = state.upgrade() else { return };
    if is_hidden() {
        let mut state = upgraded.borrow_mut();
        (state.stream, state.is_open) = (None, false);
    } else {
        connect(&upgraded);
        ask(state);
    }
}
