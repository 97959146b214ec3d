//! Receives a job's log through a stream or, if no stream can be opened, by polling. Both methods use the same cursor.
//!
//! The feed delivers every event exactly once and in order, in one batch per animation frame. [`policy`] decides when
//! to open the stream and when to poll. The feed never drops an event. It limits its memory by delivering large batches
//! early.
//!
//! All pages of a browser share one stream ([`crate::ui::shared_stream`]), unless the browser does not support shared
//! workers. A hidden page receives no output, but is still notified when its job changes ([`hidden`]).

mod hidden;
pub mod policy;

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::{Event, EventsPage, JobId, Seq};
use wasm_bindgen::JsCast;
use web_sys::{EventSource, MessageEvent};

use crate::rest::{self, RestError};
use crate::ui::dom::{EachFrame, Listener, is_hidden};
use crate::ui::shared_stream::{SharedStream, StreamMessage, Subscription};
use hidden::HiddenWatch;
use policy::{Action, Connection, FeedPolicy, Happened};

/// The maximum number of events per poll, which is the API's limit.
const POLL_LIMIT: usize = 500;
/// The number of bytes of undelivered text above which events are delivered without waiting for the next animation
/// frame.
const WAITING_BYTES: usize = 4 * 1024 * 1024;
/// Receives a job's events after a cursor. Dropping the feed closes the connection.
pub struct Feed {
    connected: Rc<RefCell<Connected>>,
    _listeners: [Listener; 3],
}

struct Connected {
    job: JobId,
    /// The `seq` of the last event that has been delivered or is waiting to be delivered.
    cursor: Seq,
    policy: FeedPolicy,
    stream: Option<OpenStream>,
    /// The subscription that notifies a hidden page of changes to its job, or `None` while the page is visible.
    watch: Option<HiddenWatch>,
    timer: Option<TimeoutHandle>,
    waiting: Vec<Event>,
    waiting_bytes: usize,
    frame: EachFrame,
    on_events: Rc<dyn Fn(Vec<Event>)>,
    on_hidden_change: Rc<dyn Fn()>,
    connection: RwSignal<Connection>,
    me: Weak<RefCell<Connected>>,
}

/// An open stream. Dropping this value closes it.
enum OpenStream {
    /// The stream that all pages share.
    Shared { _stream: SharedStream },
    /// A stream of this page.
    Own { _stream: OwnStream },
}

/// An open `EventSource` with its listeners. Dropping this value closes the stream.
struct OwnStream {
    source: EventSource,
    _listeners: [Listener; 5],
}

impl Drop for OwnStream {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl Feed {
    /// Connects, and passes every event after `cursor` to `on_events`. While the page is hidden, calls
    /// `on_hidden_change` when the job may have changed.
    pub fn connect(
        job: JobId,
        cursor: Seq,
        connection: RwSignal<Connection>,
        on_events: impl Fn(Vec<Event>) + 'static,
        on_hidden_change: impl Fn() + 'static,
    ) -> Self {
        let connected = Rc::new_cyclic(|me: &Weak<RefCell<Connected>>| {
            let on_frame = me.clone();
            RefCell::new(Connected {
                job,
                cursor,
                policy: FeedPolicy::default(),
                stream: None,
                watch: None,
                timer: None,
                waiting: Vec::new(),
                waiting_bytes: 0,
                frame: EachFrame::new(move || hand_on(&on_frame)),
                on_events: Rc::new(on_events),
                on_hidden_change: Rc::new(on_hidden_change),
                connection,
                me: me.clone(),
            })
        });
        let me = Rc::downgrade(&connected);
        let visibility = Listener::new(document(), "visibilitychange", move |_| {
            // A hidden page has no animation frames, so waiting events are delivered immediately.
            hand_on(&me);
            happened(&me, if is_hidden() { Happened::Hidden } else { Happened::Shown });
        });
        // In some browsers, the shared worker does not notice that a page was closed, so the page disconnects itself.
        // If the browser restores the page from its back/forward cache, the page reconnects.
        let me = Rc::downgrade(&connected);
        let left = Listener::new(window(), "pagehide", move |_| happened(&me, Happened::Left));
        let me = Rc::downgrade(&connected);
        let restored = Listener::new(window(), "pageshow", move |event| {
            let is_restored =
                js_sys::Reflect::get(&event, &"persisted".into()).is_ok_and(|persisted| persisted.is_truthy());
            if is_restored && !is_hidden() {
                happened(&me, Happened::Shown);
            }
        });
        let begin = if is_hidden() { Happened::Hidden } else { Happened::Shown };
        happened(&Rc::downgrade(&connected), begin);
        Self { connected, _listeners: [visibility, left, restored] }
    }

    /// Retries now instead of waiting for the current pause to end.
    pub fn try_now(&self) {
        happened(&Rc::downgrade(&self.connected), Happened::Shown);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(timer) = self.connected.borrow_mut().timer.take() {
            timer.clear();
        }
    }
}

/// Passes an input to the policy and executes the resulting actions.
fn happened(me: &Weak<RefCell<Connected>>, happened: Happened) {
    let Some(connected) = me.upgrade() else { return };
    let mut connected = connected.borrow_mut();
    let actions = connected.policy.on(happened, js_sys::Date::now(), js_sys::Math::random());
    for action in actions {
        connected.act(action);
    }
    let now = connected.policy.connection();
    let signal = connected.connection;
    drop(connected);
    if signal.try_get_untracked().is_some_and(|before| before != now) {
        signal.set(now);
    }
}

/// Delivers the waiting events to the callback.
fn hand_on(me: &Weak<RefCell<Connected>>) {
    let Some(connected) = me.upgrade() else { return };
    let (events, on_events) = {
        let mut connected = connected.borrow_mut();
        connected.waiting_bytes = 0;
        (std::mem::take(&mut connected.waiting), Rc::clone(&connected.on_events))
    };
    if !events.is_empty() {
        on_events(events);
    }
}

impl Connected {
    fn act(&mut self, action: Action) {
        match action {
            Action::Open => {
                self.watch = None;
                self.stream = self.open();
            }
            Action::Close => {
                (self.stream, self.watch) = (None, None);
                self.clear_timer();
            }
            Action::Watch => {
                let on_change = Rc::clone(&self.on_hidden_change);
                self.watch = Some(HiddenWatch::begin(self.job, self.cursor, on_change));
            }
            Action::Poll => self.poll(),
            Action::WakeAfter(millis) => {
                self.clear_timer();
                let me = self.me.clone();
                let wait = Duration::from_secs_f64(millis.max(0.0) / 1000.0);
                self.timer = set_timeout_with_handle(move || happened(&me, Happened::Woke), wait).ok();
            }
        }
    }

    fn clear_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
    }

    fn open(&self) -> Option<OpenStream> {
        let me = self.me.clone();
        let on_message = move |message| {
            let what = match message {
                StreamMessage::Open => Happened::Opened,
                StreamMessage::Heartbeat => Happened::Received,
                StreamMessage::Terminal(last) => ended(&me, last),
                StreamMessage::Broken => Happened::Broke,
                StreamMessage::Event(data) => received(&me, &data),
            };
            happened(&me, what);
        };
        match SharedStream::open(Subscription::Events(self.job, self.cursor), on_message) {
            Some(stream) => Some(OpenStream::Shared { _stream: stream }),
            None => self.open_own().map(|stream| OpenStream::Own { _stream: stream }),
        }
    }

    fn open_own(&self) -> Option<OwnStream> {
        let url = format!("/api/queue/jobs/{}/events/stream?after={}", self.job, self.cursor);
        let source = EventSource::new(&url).ok()?;
        let on = |name: &'static str, what: Happened| {
            let me = self.me.clone();
            Listener::new(&source, name, move |_| happened(&me, what))
        };
        let me = self.me.clone();
        let event = Listener::new(&source, "queue_event", move |message: web_sys::Event| {
            let data = message.unchecked_into::<MessageEvent>().data().as_string().unwrap_or_default();
            let what = received(&me, &data);
            happened(&me, what);
        });
        let me = self.me.clone();
        let terminal = Listener::new(&source, "terminal", move |message: web_sys::Event| {
            let last = message.unchecked_into::<MessageEvent>().last_event_id().parse();
            let what = last.map_or(Happened::Broke, |last| ended(&me, Seq(last)));
            happened(&me, what);
        });
        let listeners = [
            on("open", Happened::Opened),
            on("heartbeat", Happened::Received),
            terminal,
            // The error event states neither the cause nor whether the browser will retry. The stream is therefore
            // closed, and a poll determines the cause.
            on("error", Happened::Broke),
            event,
        ];
        Some(OwnStream { source, _listeners: listeners })
    }

    fn poll(&self) {
        let url = format!("/api/queue/jobs/{}/events?after={}&limit={POLL_LIMIT}", self.job, self.cursor);
        let me = self.me.clone();
        spawn_local(async move {
            let what = match rest::get::<EventsPage>(&url).await {
                Ok(page) => {
                    for event in page.items {
                        let size = event.message.len();
                        take(&me, event, size);
                    }
                    if page.terminal && !page.has_more {
                        Happened::Ended
                    } else {
                        Happened::Polled { more: page.has_more }
                    }
                }
                Err(RestError::Refused { status, .. }) => Happened::Refused(status),
                Err(RestError::Unreachable) => Happened::Unreachable,
            };
            happened(&me, what);
        });
    }
}

/// Handles an event from a stream, and returns the input for the policy.
fn received(me: &Weak<RefCell<Connected>>, data: &str) -> Happened {
    let is_next = serde_json::from_str(data).is_ok_and(|event: Event| take(me, event, data.len()));
    if is_next { Happened::Received } else { Happened::Broke }
}

/// Handles the end of the log, whose last event has the `seq` `last`, and returns the input for the policy. If events
/// before it are missing, the policy fetches them.
fn ended(me: &Weak<RefCell<Connected>>, last: Seq) -> Happened {
    let has_all = me.upgrade().is_some_and(|connected| connected.borrow().cursor >= last);
    if has_all { Happened::Ended } else { Happened::Broke }
}

/// Adds the next event. Returns `false` if events before it are missing. Known events are ignored.
fn take(me: &Weak<RefCell<Connected>>, event: Event, size: usize) -> bool {
    let Some(connected) = me.upgrade() else { return false };
    let mut this = connected.borrow_mut();
    if event.seq <= this.cursor {
        return true;
    }
    if event.seq != this.cursor.plus(1) {
        return false;
    }
    this.cursor = event.seq;
    this.waiting.push(event);
    this.waiting_bytes += size;
    let early = this.waiting_bytes > WAITING_BYTES;
    if !early {
        this.frame.request();
    }
    drop(this);
    if early {
        hand_on(me);
    }
    true
}
