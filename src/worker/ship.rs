//! The shipper: reads the spool with a cursor and appends it to the event log in bounded batches.
//!
//! The cursor is one offset of `output.log`; a batch covers one unbroken range from there, split by stream. Milestones
//! (steps and stages that began or ended) stand at the offset at which they happened and keep their place among the
//! output. While an append is on its way the spool grows and nothing else does; if the store is away, the shipper tries
//! again until it is back.

mod chunks;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::batch::{Budget, Due, Pending, Policy};
use super::link::Link;
use super::spool::{SpoolEnd, SpoolReader};
use crate::event_log::{AppendError, Batch, Lease, NewEvent, Origin};

use chunks::Chunks;
pub use chunks::Steps;

/// The longest wait before an append that failed is tried again.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Bytes that wait before several events go into one append.
const FAR_BEHIND: u64 = 256 << 10;

/// Bytes of output of one append, about: readers wait for all of it, and it is held in memory several times.
const APPEND_BYTES: u64 = 1 << 20;

/// Whether output goes into the event log at all; the complete log is kept in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveLog {
    /// As log events, under this policy.
    Events(Policy),
    /// Not at all.
    Off,
}

/// Why shipping stopped before the spool's end.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The lease has ended: nothing of this attempt may be written any more.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The spool could not be read.
    #[error("the spool cannot be read: {0}")]
    Spool(#[from] io::Error),
}

/// Milestones on their way to the shipper.
#[derive(Clone, Debug, Default)]
pub struct Milestones {
    queue: Arc<Mutex<VecDeque<(u64, NewEvent)>>>,
    told: watch::Sender<Marks>,
}

/// What the shipper is told beside the spool's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    queued: u64,
    over: bool,
}

impl Milestones {
    /// Makes an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues what happened when the spool reached `offset`. Call it after the output before it was stored.
    pub fn push(&self, offset: u64, event: NewEvent) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((offset, event));
        self.told.send_modify(|marks| marks.queued += 1);
    }

    /// Says that nothing more comes, neither output nor milestones.
    pub fn close(&self) {
        self.told.send_modify(|marks| marks.over = true);
    }

    /// Takes those that stand at or before `offset`.
    fn take(&self, offset: u64) -> Vec<NewEvent> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| queue.pop_front_if(|(at, _)| *at <= offset)).map(|(_, event)| event).collect()
    }

    fn first_offset(&self) -> Option<u64> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).front().map(|(at, _)| *at)
    }
}

/// Where shipping begins: at 0 for a new attempt, at the end of what is stored after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last stored batch.
    pub batch: i64,
    /// How much of `output.log` is stored.
    pub offset: u64,
}

/// One attempt's shipper.
pub struct Shipper<L> {
    link: L,
    lease: Lease,
    spool: SpoolReader,
    steps: Steps,
    live: LiveLog,
    milestones: Milestones,
    progress: Progress,
}

impl<L: Link> Shipper<L> {
    /// Makes a shipper that goes on from `progress`.
    pub fn new(
        (link, lease): (L, Lease),
        spool: SpoolReader,
        steps: Vec<Origin>,
        live: LiveLog,
        milestones: Milestones,
        progress: Progress,
    ) -> Self {
        Self { link, lease, spool, steps: Steps(steps), live, milestones, progress }
    }

    /// Ships until the milestones are closed and everything is stored.
    pub async fn run(mut self, mut ends: watch::Receiver<SpoolEnd>) -> Result<(), ShipError> {
        let mut marks = self.milestones.told.subscribe();
        let mut budget = match self.live {
            LiveLog::Events(policy) => Some(Budget::new(policy, Instant::now())),
            LiveLog::Off => None,
        };
        let mut since = None;
        loop {
            // What was told first is looked at last: who closes has stored everything before.
            let over = marks.borrow_and_update().over;
            let end = *ends.borrow_and_update();
            let before = self.progress.offset;
            let now = Instant::now();
            let first_byte = if end.bytes > before { *since.get_or_insert(now) } else { now };
            let wait = self.step(end, over, first_byte, budget.as_mut()).await?;
            if self.progress.offset != before || end.bytes == before {
                since = None;
            }
            match wait {
                Wait::Over => return Ok(()),
                Wait::Not => {}
                Wait::Until(at) => {
                    tokio::select! {
                        _ = marks.changed() => {}
                        _ = ends.changed(), if !over => {}
                        () = sleep_until(at) => {}
                    }
                }
            }
        }
    }

    /// Sends what is due, if something is.
    async fn step(
        &mut self,
        end: SpoolEnd,
        over: bool,
        since: Instant,
        budget: Option<&mut Budget>,
    ) -> Result<Wait, ShipError> {
        let mut events = self.milestones.take(self.progress.offset);
        let next_milestone = self.milestones.first_offset();
        let limit = next_milestone.unwrap_or(end.bytes).min(end.bytes);
        let pending = self.pending(end, limit, since, over || next_milestone.is_some());
        let (mut to, mut wait) = (self.progress.offset, Wait::Until(None));
        match (pending, budget) {
            (None, _) if over && next_milestone.is_none() => wait = Wait::Over,
            (None, _) => {}
            // Nothing of the output is sent; the cursor moves on.
            (Some(_), None) => (to, wait) = (limit, Wait::Not),
            (Some(pending), Some(budget)) => match budget.due(&pending, Instant::now()) {
                Due::At(at) => wait = Wait::Until(Some(at)),
                Due::Now { mut event_bytes, partial } => {
                    let limit = if partial { limit } else { limit.min(end.line_end) };
                    loop {
                        let chunks = self.read(to, limit, event_bytes).await?;
                        budget.spend(u32::try_from(chunks.events.len()).unwrap_or(u32::MAX));
                        events.extend(chunks.events);
                        (to, wait) = (chunks.to, Wait::Not);
                        // Far behind, several events share a transaction: its cost is that of one.
                        let rest = Pending { bytes: limit - to, ..pending };
                        match budget.due(&rest, Instant::now()) {
                            Due::Now { event_bytes: next, .. }
                                if rest.bytes >= FAR_BEHIND && to - self.progress.offset < APPEND_BYTES =>
                            {
                                event_bytes = next;
                            }
                            _ => break,
                        }
                    }
                }
            },
        }
        if to != self.progress.offset || !events.is_empty() {
            events.extend(self.milestones.take(to));
            self.append(to, events).await?;
        }
        Ok(wait)
    }

    async fn read(&self, from: u64, limit: u64, event_bytes: usize) -> Result<Chunks, ShipError> {
        let (spool, steps) = (self.spool.clone(), self.steps.clone());
        let read = tokio::task::spawn_blocking(move || chunks::read(&spool, &steps, from, limit, event_bytes));
        Ok(read.await.map_err(io::Error::other)??)
    }

    fn pending(&self, end: SpoolEnd, limit: u64, since: Instant, pressed: bool) -> Option<Pending> {
        let from = self.progress.offset;
        let streams = end.stream_end.iter().filter(|stream_end| **stream_end > from).count();
        (limit > from).then_some(Pending {
            bytes: limit - from,
            has_line: end.line_end > from,
            streams: u32::try_from(streams).unwrap_or(2).max(1),
            since,
            pressed,
        })
    }

    /// Appends one batch; a store that is away is asked again.
    async fn append(&mut self, to: u64, events: Vec<NewEvent>) -> Result<(), ShipError> {
        let offset = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        let number = self.progress.batch + 1;
        let batch = Batch { number, from: offset(self.progress.offset), to: offset(to), events };
        let mut wait = Duration::from_millis(50);
        loop {
            match self.link.append(self.lease, batch.clone()).await {
                Ok(_) => break,
                Err(AppendError::Db(error)) => {
                    tracing::warn!(job = %self.lease.job, %error, "an append failed and is tried again; the spool has it all");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(MAX_WAIT);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.progress = Progress { batch: number, offset: to };
        Ok(())
    }
}

/// What to wait for.
enum Wait {
    /// There may be more to do at once.
    Not,
    /// For news, or that time.
    Until(Option<Instant>),
    /// Nothing more comes.
    Over,
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
