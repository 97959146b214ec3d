//! The queue of lifecycle events for the shipper, each with its offset in the output.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::event_log::NewEvent;
use crate::queue::NewArtifact;

/// The queue of lifecycle events. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Milestones {
    queue: Arc<Mutex<VecDeque<Milestone>>>,
    told: watch::Sender<Marks>,
}

/// An offset up to which output must be sent before anything else: the end of a step, or of all output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Its offset in `output.log`.
    pub at: u64,
    /// When it became known.
    pub since: Instant,
}

/// An event with its offset.
#[derive(Debug)]
struct Milestone {
    at: Stop,
    event: NewEvent,
    /// The file that the event announces.
    file: Option<NewArtifact>,
}

/// The notification for the shipper, in addition to the spool's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    queued: u64,
    /// Whether no more events will be queued.
    pub(super) over: bool,
}

/// The events of one append.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) events: Vec<NewEvent>,
    /// The files that they announce.
    pub(super) files: Vec<NewArtifact>,
    /// The end of the range of `output.log` that they cover.
    pub(super) to: u64,
    /// How much of the range is suppressed.
    pub(super) suppressed: u64,
}

impl Milestones {
    /// Creates an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues an event that happened when the spool had reached `offset`. Call it after the output before it was
    /// stored.
    pub fn push(&self, offset: u64, event: NewEvent) {
        self.queue_one(offset, event, None);
    }

    /// Queues a stored file. It is listed when the event that announces it is stored.
    pub fn push_file(&self, offset: u64, file: NewArtifact) {
        self.queue_one(offset, NewEvent::artifact(&file.name, file.id, file.size_bytes), Some(file));
    }

    /// Says that neither output nor lifecycle events follow.
    pub fn close(&self) {
        self.told.send_modify(|marks| marks.over = true);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Marks> {
        self.told.subscribe()
    }

    /// Moves those at or before `offset`.
    pub(super) fn take(&self, offset: u64, out: &mut Outgoing) {
        let mut queue = self.lock();
        while let Some(milestone) = queue.pop_front_if(|milestone| milestone.at.at <= offset) {
            out.events.push(milestone.event);
            out.files.extend(milestone.file);
        }
    }

    /// Returns the offset of the next one, and since when it waits.
    pub(super) fn next(&self) -> Option<Stop> {
        self.lock().front().map(|milestone| milestone.at)
    }

    fn queue_one(&self, at: u64, event: NewEvent, file: Option<NewArtifact>) {
        let at = Stop { at, since: Instant::now() };
        self.lock().push_back(Milestone { at, event, file });
        self.told.send_modify(|marks| marks.queued += 1);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Milestone>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
