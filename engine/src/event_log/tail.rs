//! The most recent events of each log, which are cached in memory and shared by all of the log's readers.
//!
//! A job has an entry here as long as the job is running or a reader watches its log. After each commit, the appended
//! events are published to the entry: the events are added to a bounded window, and the `seq` of the last event is sent
//! through a `watch` channel. A reader whose cursor is inside the window needs no database access. A reader that has
//! fallen behind the window reads from the database until it catches up.
//!
//! The database may contain later events than the window, because another server may append to the same log. A reader
//! that has received everything in the window therefore compares the window with the database, unless the last
//! comparison was less than [`CHECK_EVERY`] ago. The readers of a job share the comparisons, so additional readers do
//! not cause additional comparisons. While this server itself keeps appending to a log, no comparison is needed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{JobId, JobStatus, Seq};
use tokio::sync::watch;
use tokio::time::Instant;

use super::SharedEvent;
use super::page::{Direction, Filling, Head, Offered, Page, PageRequest};

/// The maximum number of bytes of text in a window: enough for several of the largest events.
const WINDOW_TEXT: usize = 4 << 20;

/// The maximum number of events in a window.
const WINDOW_EVENTS: usize = 2_000;

/// The minimum interval between two comparisons of a window with the database. It is the maximum additional delay with
/// which polling clients receive events that another server has appended.
const CHECK_EVERY: Duration = Duration::from_secs(1);

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
    /// Consecutive events, the last of which has the position `end`.
    events: VecDeque<SharedEvent>,
    text: usize,
    /// The position of the last event that is known to be in the log. It is `None` in a new window.
    end: Option<Seq>,
    /// The time at which `end` was last known to be the end of the log in the database.
    checked: Option<Instant>,
    terminal: Option<JobStatus>,
    /// Whether a worker is running the job and may append more events. If so, the entry is not removed even if it has
    /// no readers.
    running: bool,
}

/// What the cache knows about a requested page.
#[derive(Debug)]
pub(super) enum Recalled {
    /// The page.
    Page(Page),
    /// The cache contains no event for the page, but the database may. The caller has to compare the cache with the
    /// database, and then call [`Tails::catch_up`]. Until [`CHECK_EVERY`] has passed, no other reader is asked to do
    /// this.
    Outdated {
        /// The end of the log that the cache knows, if any.
        end: Option<Seq>,
    },
    /// The page has to be read from the database.
    Missing,
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

    /// Reads a page from the window. This is possible only if the request reads towards newer events, and the window
    /// contains all events after the request's cursor.
    pub(super) fn page(&self, job: JobId, request: &PageRequest, now: Instant) -> Recalled {
        let Direction::After(cursor) = request.direction else { return Recalled::Missing };
        let Some(tail) = self.lock().get(&job).map(Arc::clone) else { return Recalled::Missing };
        let recalled = lock(&tail.window).page(cursor, request, now);
        drop(tail);
        // The last watch may have been dropped while this call kept the entry alive. If so, remove the entry now.
        self.forget_if_idle(job);
        recalled
    }

    /// Adds the result of a comparison with the database: `head`, the end of the log, and `missed`, the first events
    /// that the cache lacked. Wakes the readers if the log has grown.
    pub(super) fn catch_up(&self, job: JobId, head: Head, missed: Vec<SharedEvent>) {
        let Some(tail) = self.lock().get(&job).map(Arc::clone) else { return };
        let end = lock(&tail.window).catch_up(head, missed);
        tail.announce(end);
        drop(tail);
        self.forget_if_idle(job);
    }

    pub(super) fn publish(&self, job: JobId, published: Published) {
        if published.events.is_empty() {
            return;
        }
        let tail = {
            let mut jobs = self.lock();
            match jobs.get(&job) {
                Some(tail) => Arc::clone(tail),
                None if published.by_worker => Arc::clone(jobs.entry(job).or_insert_with(Tail::new)),
                // The job has no reader and no running worker. The events are in the database.
                None => return,
            }
        };
        let end = lock(&tail.window).take(published, Instant::now());
        tail.announce(end);
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

    /// Wakes the readers if the log has grown since they were last woken.
    fn announce(&self, end: Option<Seq>) {
        let Some(end) = end else { return };
        self.last.send_if_modified(|last| {
            let is_later = end > *last;
            *last = end.max(*last);
            is_later
        });
    }
}

impl TailWindow {
    fn page(&mut self, cursor: Seq, request: &PageRequest, now: Instant) -> Recalled {
        let has_ended = self.terminal.is_some();
        if !has_ended && self.end.is_none_or(|end| cursor >= end) && self.is_check_due(now) {
            self.checked = Some(now);
            return Recalled::Outdated { end: self.end };
        }
        let Some(end) = self.end else { return Recalled::Missing };
        let first = self.events.front().map_or(end.plus(1), |event| event.seq);
        if cursor.plus(1) < first {
            return Recalled::Missing;
        }
        let skipped = usize::try_from(cursor.plus(1).0 - first.0).unwrap_or(usize::MAX).min(self.events.len());
        let mut page = Filling::new(request, Head { last_seq: end, terminal: self.terminal });
        for event in self.events.range(skipped..) {
            if page.offer_shared(event) == Offered::Stop {
                break;
            }
        }
        Recalled::Page(page.finish())
    }

    fn is_check_due(&self, now: Instant) -> bool {
        self.checked.is_none_or(|checked| now.saturating_duration_since(checked) >= CHECK_EVERY)
    }

    /// Adds the events of an append, and returns the end of the log.
    fn take(&mut self, published: Published, now: Instant) -> Option<Seq> {
        self.add(published.events);
        self.checked = Some(now);
        self.terminal = self.terminal.or(published.terminal);
        self.running = self.terminal.is_none() && (self.running || published.by_worker);
        self.end
    }

    /// Adds the result of a comparison with the database, and returns the end of the log.
    fn catch_up(&mut self, head: Head, missed: Vec<SharedEvent>) -> Option<Seq> {
        self.add(missed);
        if self.end.is_none_or(|end| end < head.last_seq) {
            // The window is new, or `missed` does not reach the end of the log. Readers read these events from the
            // database.
            self.clear();
            self.end = Some(head.last_seq);
        }
        self.terminal = self.terminal.or(head.terminal);
        self.running &= self.terminal.is_none();
        self.end
    }

    /// Adds the events that the window does not contain yet. An append and a comparison with the database may both
    /// find the same events, in either order.
    fn add(&mut self, events: impl IntoIterator<Item = SharedEvent>) {
        for event in events {
            if self.end.is_some_and(|end| event.seq <= end) {
                continue;
            }
            // If events are missing before this one, clear the window, because the events in a window must be
            // consecutive.
            if self.end.is_some_and(|end| end.plus(1) != event.seq) {
                self.clear();
            }
            self.end = Some(event.seq);
            self.text += event.size;
            self.events.push_back(event);
        }
        while self.events.len() > 1 && (self.text > WINDOW_TEXT || self.events.len() > WINDOW_EVENTS) {
            self.text -= self.events.pop_front().map_or(0, |event| event.size);
        }
    }

    fn clear(&mut self) {
        self.events.clear();
        self.text = 0;
    }
}

/// Locks a mutex and ignores poisoning, because the code that holds these locks does not panic halfway through a
/// change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
