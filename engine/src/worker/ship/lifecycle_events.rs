//! The queue of lifecycle events for the shipper, each with its offset in the output.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::event_log::NewEvent;
use crate::queue::NewArtifact;

/// The queue of lifecycle events. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LifecycleEvents {
    queue: Arc<Mutex<VecDeque<LifecycleEvent>>>,
    marks: watch::Sender<Marks>,
}

/// The offset of a lifecycle event or of the end of all output. A lifecycle event is sent only after all output before
/// its offset has been sent or suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// The offset in `output.log`.
    pub at: u64,
    /// The time at which the offset became known.
    pub since: Instant,
}

/// A lifecycle event with its offset.
#[derive(Debug)]
struct LifecycleEvent {
    at: Boundary,
    event: NewEvent,
    /// The artifact that the event reports, if there is one.
    file: Option<NewArtifact>,
}

/// The state of the queue. The shipper is notified when it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    queued: u64,
    /// Whether no more events will be queued.
    pub(super) over: bool,
}

/// The maximum number of lifecycle events in one append. A server accepts at most 500 events, and some of them may be
/// output.
const MAX_EVENTS: usize = 400;

/// The events of one append.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) events: Vec<NewEvent>,
    /// The artifacts that the events report.
    pub(super) files: Vec<NewArtifact>,
    /// The end of the range of `output.log` that the append covers.
    pub(super) to: u64,
    /// The number of bytes of the range that are suppressed.
    pub(super) suppressed: u64,
}

impl LifecycleEvents {
    /// Creates an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues an event that occurred when the spool had reached `offset`. Call this only after all output that precedes
    /// the event is stored.
    pub fn push(&self, offset: u64, event: NewEvent) {
        self.queue_one(offset, event, None, Instant::now());
    }

    /// Queues an event as [`Self::push`] does, at a simulated time.
    #[cfg(test)]
    pub(super) fn push_at(&self, offset: u64, event: NewEvent, now: Instant) {
        self.queue_one(offset, event, None, now);
    }

    /// Queues an artifact event. The artifact is recorded when the event is stored.
    pub fn push_file(&self, offset: u64, file: NewArtifact) {
        let event = NewEvent::artifact(&file.name, file.id, file.size_bytes);
        self.queue_one(offset, event, Some(file), Instant::now());
    }

    /// Closes the queue. Call this once no more output and no more lifecycle events will follow.
    pub fn close(&self) {
        self.marks.send_modify(|marks| marks.over = true);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Marks> {
        self.marks.subscribe()
    }

    /// Moves the events at or before `offset` from the queue to `out`, as many as fit into one append.
    pub(super) fn take(&self, offset: u64, out: &mut Outgoing) {
        let mut queue = self.lock();
        while out.events.len() < MAX_EVENTS
            && let Some(lifecycle_event) = queue.pop_front_if(|lifecycle_event| lifecycle_event.at.at <= offset)
        {
            out.events.push(lifecycle_event.event);
            out.files.extend(lifecycle_event.file);
        }
    }

    /// Returns the offset of the next event and the time at which the event was queued, or `None` if the queue is
    /// empty.
    pub(super) fn next(&self) -> Option<Boundary> {
        self.lock().front().map(|lifecycle_event| lifecycle_event.at)
    }

    fn queue_one(&self, at: u64, event: NewEvent, file: Option<NewArtifact>, now: Instant) {
        let at = Boundary { at, since: now };
        self.lock().push_back(LifecycleEvent { at, event, file });
        self.marks.send_modify(|marks| marks.queued += 1);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LifecycleEvent>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
