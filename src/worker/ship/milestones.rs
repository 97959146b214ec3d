//! Milestones on their way to the shipper: what happened beside the output, each at its place in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::event_log::NewEvent;
use crate::queue::NewArtifact;

/// Milestones on their way to the shipper. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Milestones {
    queue: Arc<Mutex<VecDeque<Milestone>>>,
    told: watch::Sender<Marks>,
}

/// A place that output is sent up to before anything else is: the end of a step, or of all output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where it lies in `output.log`.
    pub at: u64,
    /// Since when it is known.
    pub since: Instant,
}

/// What happened, and where.
#[derive(Debug)]
struct Milestone {
    at: Stop,
    event: NewEvent,
    /// The file that the event announces.
    file: Option<NewArtifact>,
}

/// What the shipper is notified of beside the spool's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    queued: u64,
    /// Whether nothing more comes.
    pub(super) over: bool,
}

/// What is appended together.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) events: Vec<NewEvent>,
    /// The files that they tell of.
    pub(super) files: Vec<NewArtifact>,
    /// The end of the range of `output.log` that they cover.
    pub(super) to: u64,
    /// How much of the range is suppressed.
    pub(super) suppressed: u64,
}

impl Milestones {
    /// Makes an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues what happened when the spool reached `offset`. Call it after the output before it was stored.
    pub fn push(&self, offset: u64, event: NewEvent) {
        self.queue_one(offset, event, None);
    }

    /// Queues that a file was kept; it is listed when the event that announces it is stored.
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
