//! The stream that all pages of a browser share. `public/shared-stream.js` describes the messages.

use std::cell::Cell;

use leptos::prelude::window;
use model::{JobId, Seq};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, MessagePort, SharedWorker};

use crate::host;
use crate::ui::SHARED_STREAM;
use crate::ui::dom::Listener;

thread_local! {
    /// Whether the browser has failed to start the worker.
    static HAS_FAILED: Cell<bool> = const { Cell::new(false) };
}

/// The events that a page receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// All events of a job after a `seq`.
    Events(JobId, Seq),
    /// New lifecycle events of a job.
    Lifecycle(JobId, Seq),
    /// A message for each change to any job.
    Jobs,
}

/// A message from the shared stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMessage {
    /// The stream is open.
    Open,
    /// An event of the job as JSON, or an empty string for [`Subscription::Jobs`].
    Event(String),
    /// The stream is still open.
    Heartbeat,
    /// The job has ended. Its last event has this `seq`, and may not have been sent to this page.
    Terminal(Seq),
    /// The stream has broken.
    Broken,
}

/// A page's connection to the shared stream. Dropping it closes the connection.
pub struct SharedStream {
    port: MessagePort,
    _listeners: [Listener; 2],
}

impl Drop for SharedStream {
    fn drop(&mut self) {
        // Sending a string never fails.
        let _ = self.port.post_message(&JsValue::from_str(""));
        self.port.close();
    }
}

impl SharedStream {
    /// Subscribes to events. Returns `None` if the browser does not support shared workers or failed to start the
    /// worker.
    pub fn open(subscription: Subscription, on_message: impl Fn(StreamMessage) + Clone + 'static) -> Option<Self> {
        let is_supported = js_sys::Reflect::has(&window(), &JsValue::from_str("SharedWorker")) == Ok(true);
        if !is_supported || HAS_FAILED.get() {
            return None;
        }
        let worker = SharedWorker::new(&host::asset(SHARED_STREAM)).ok()?;
        let port = worker.port();
        let on_error = on_message.clone();
        let failed = Listener::new(&worker, "error", move |_| {
            HAS_FAILED.set(true);
            on_error(StreamMessage::Broken);
        });
        let received = Listener::new(&port, "message", move |event| {
            let data = js_sys::Array::from(&event.unchecked_into::<MessageEvent>().data());
            let text = |index| data.get(index).as_string().unwrap_or_default();
            on_message(match text(0).as_str() {
                "open" => StreamMessage::Open,
                "event" => StreamMessage::Event(text(1)),
                "heartbeat" => StreamMessage::Heartbeat,
                "terminal" => text(1).parse().map_or(StreamMessage::Broken, |last| StreamMessage::Terminal(Seq(last))),
                _ => StreamMessage::Broken,
            });
        });
        port.start();
        let request = match subscription {
            Subscription::Events(job, after) => format!("{job} {after} all"),
            Subscription::Lifecycle(job, after) => format!("{job} {after} lifecycle"),
            Subscription::Jobs => "jobs".to_owned(),
        };
        port.post_message(&JsValue::from_str(&request)).ok()?;
        Some(Self { port, _listeners: [failed, received] })
    }
}
