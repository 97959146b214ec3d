//! Notifies a hidden page of changes to its job, so that the page's title and icon stay up to date.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use model::{JobId, Seq};

use crate::ui::shared_stream::{SharedStream, StreamMessage, Subscription};

/// The interval at which `on_change` is called while the shared stream is unavailable or broken.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// The delay between an event and the resulting call of `on_change`, so that a burst of events causes only one call.
const ASK_AFTER: Duration = Duration::from_millis(200);

/// A subscription to changes to a job. Dropping it ends the subscription.
pub(super) struct HiddenWatch {
    _state: Rc<HiddenState>,
    interval: Option<IntervalHandle>,
}

struct HiddenState {
    job: JobId,
    cursor: Seq,
    on_change: Rc<dyn Fn()>,
    stream: RefCell<Option<SharedStream>>,
    /// Whether the shared stream is unavailable or broken.
    is_broken: Cell<bool>,
    /// Whether the job has ended and will not change again.
    is_over: Cell<bool>,
    is_asking: Cell<bool>,
}

impl Drop for HiddenWatch {
    fn drop(&mut self) {
        if let Some(interval) = &self.interval {
            interval.clear();
        }
    }
}

impl HiddenWatch {
    /// Calls `on_change` when the job may have changed since the event whose `seq` is `cursor`.
    pub(super) fn begin(job: JobId, cursor: Seq, on_change: Rc<dyn Fn()>) -> Self {
        let state = Rc::new(HiddenState {
            job,
            cursor,
            on_change,
            stream: RefCell::default(),
            is_broken: Cell::default(),
            is_over: Cell::default(),
            is_asking: Cell::default(),
        });
        connect(&state);
        let ticking = Rc::downgrade(&state);
        let tick = move || {
            if let Some(state) = ticking.upgrade().filter(|state| state.is_broken.get() && !state.is_over.get()) {
                (state.on_change)();
                connect(&state);
            }
        };
        Self { _state: state, interval: set_interval_with_handle(tick, ASK_EVERY).ok() }
    }
}

fn connect(state: &Rc<HiddenState>) {
    let weak = Rc::downgrade(state);
    let on_message = move |message| {
        if let Some(state) = weak.upgrade() {
            receive(&state, &message);
        }
    };
    let stream = SharedStream::open(Subscription::Lifecycle(state.job, state.cursor), on_message);
    state.is_broken.set(stream.is_none());
    state.stream.replace(stream);
}

fn receive(state: &Rc<HiddenState>, message: &StreamMessage) {
    match message {
        StreamMessage::Event(_) => ask_soon(state),
        StreamMessage::Terminal(_) => {
            state.is_over.set(true);
            state.stream.take();
            (state.on_change)();
        }
        StreamMessage::Broken => state.is_broken.set(true),
        StreamMessage::Open | StreamMessage::Heartbeat => {}
    }
}

fn ask_soon(state: &Rc<HiddenState>) {
    if !state.is_asking.replace(true) {
        let weak = Rc::downgrade(state);
        let ask = move || {
            if let Some(state) = weak.upgrade() {
                state.is_asking.set(false);
                (state.on_change)();
            }
        };
        set_timeout(ask, ASK_AFTER);
    }
}
