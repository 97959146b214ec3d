//! The most recent events of each log, which are cached in memory and shared by all of the log's readers.
//!
//! A job has an entry here as long as the job is running or a reader watches its log. After each commit, the appended
//! events are published to the entry: the events are added to a bounded window, and the `seq` of the last event is sent
//! through a `watch` channel. A reader whose cursor is inside the window needs no database access. A reader that has
//! fallen behind the window reads from the database until it catches up.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{JobId, JobStatus, Seq};
use tokio::sync::watch;

use super::SharedEvent;
use super::page::{Direction, Filling, Head, Offered, Page, PageRequest};

/// The maximum number of bytes of text in a window: enough for several of the largest events.
const WINDOW_TEXT: usize = 4 << 20;

/// The maximum number of events in a window.
const WINDOW_EVENTS: usize = 2_000;

/// The update that an append publishes to readers after its commit.
#[derive(Debug)]
pub(super) struct Published {
    /// The events in `seq` order.
    pub(super) events: Vec<SharedEvent>,
    /// The job's final status, if the events contain the job's `end` event.
    pub(super) terminal: Option<JobStatus>,
    /// Whether a worker appended the events. If so, more events are expected.
    pub(super) by_worker: bool,
}

/// The windows of all jobs. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tails {
    jobs: Arc<Mutex<HashMap<JobId, Arc<Tail>>>>,
}

#[derive(Debug)]
struct Tail {
    window: Mutex<TailWindow>,
    last: watch::Sender<Seq>,
}

#[derive(Debug, Default)]
struct TailWindow {
    events: VecDeque<SharedEvent>,
    text: usize,
    terminal: Option<JobStatus>,
    /// Whether a worker is running the job and may append more events. If so, the entry is not removed even if it has
    /// no readers.
    running: bool,
}

/// Wakes one reader of one job's log. The job's entry in [`Tails`] exists at least as long as this handle.
#[derive(Debug)]
pub struct Watch {
    job: JobId,
    tails: Tails,
    tail: Option<Arc<Tail>>,
    last: watch::Receiver<Seq>,
}

impl Watch {
    /// Waits until events have been appended since the last call or, on the first call, since the watch was created.
    pub async fn grown(&mut self) {
        // This cannot fail: this watch keeps the entry alive, and the entry owns the sender.
        self.last.changed().await.ok();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tail = None;
        self.tails.forget_if_idle(self.job);
    }
}

impl Tails {
    pub(super) fn watch(&self, job: JobId) -> Watch {
        let tail = Arc::clone(self.lock().entry(job).or_insert_with(Tail::new));
        Watch { job, tails: self.clone(), last: tail.last.subscribe(), tail: Some(tail) }
    }

    /// Reads a page from the window if the request reads towards newer events from a cursor, and the window contains
    /// all events after this cursor. Otherwise, returns `None`.
    pub(super) fn page(&self, job: JobId, request: &PageRequest) -> Option<Page> {
        let Direction::After(cursor) = request.direction else { return None };
        let tail = Arc::clone(self.lock().get(&job)?);
        let window = lock(&tail.window);
        let (first, last) = (window.events.front()?.seq, window.events.back()?.seq);
        if cursor.plus(1) < first {
            return None;
        }
        let skipped = usize::try_from(cursor.plus(1).0 - first.0).unwrap_or(usize::MAX).min(window.events.len());
        let mut page = Filling::new(request, Head { last_seq: last, terminal: window.terminal });
        for event in window.events.range(skipped..) {
            if page.offer_shared(event) == Offered::Stop {
                break;
            }
        }
        let page = page.finish();
        drop(window);
        drop(tail);
        // The last watch may have been dropped while this call kept the entry alive. If so, remove the entry now.
        self.forget_if_idle(job);
        Some(page)
    }

    pub(super) fn publish(&self, job: JobId, published: Published) {
        let Some(last) = published.events.last().map(|event| event.seq) else { return };
        let tail = {
            let mut jobs = self.lock();
            match jobs.get(&job) {
                Some(tail) => Arc::clone(tail),
                None if published.by_worker => Arc::clone(jobs.entry(job).or_insert_with(Tail::new)),
                // The job has no reader and no running worker. The events are in the database.
                None => return,
            }
        };
        lock(&tail.window).take(published);
        tail.last.send_replace(last);
        drop(tail);
        self.forget_if_idle(job);
    }

    /// Records that the job's worker has finished, so that the entry can be removed when it has no readers.
    pub fn worker_left(&self, job: JobId) {
        if let Some(tail) = self.lock().get(&job) {
            lock(&tail.window).running = false;
        }
        self.forget_if_idle(job);
    }

    fn forget_if_idle(&self, job: JobId) {
        let mut jobs = self.lock();
        if jobs.get(&job).is_some_and(|tail| Arc::strong_count(tail) == 1 && !lock(&tail.window).running) {
            jobs.remove(&job);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Tail>>> {
        lock(&self.jobs)
    }
}

impl Tail {
    fn new() -> Arc<Self> {
        Arc::new(Self { window: Mutex::default(), last: watch::Sender::new(Seq::START) })
    }
}

impl TailWindow {
    fn take(&mut self, published: Published) {
        for event in published.events {
            // The events in a window must be consecutive, so if events are missing before this one, the window is
            // cleared.
            if self.events.back().is_some_and(|back| back.seq.plus(1) != event.seq) {
                self.events.clear();
                self.text = 0;
            }
            self.text += event.size;
            self.events.push_back(event);
        }
        while self.events.len() > 1 && (self.text > WINDOW_TEXT || self.events.len() > WINDOW_EVENTS) {
            self.text -= self.events.pop_front().map_or(0, |event| event.size);
        }
        self.terminal = self.terminal.or(published.terminal);
        self.running = self.terminal.is_none() && (self.running || published.by_worker);
    }
}

/// Locks a mutex and ignores poisoning, because the code that holds these locks does not panic halfway through a
/// change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
