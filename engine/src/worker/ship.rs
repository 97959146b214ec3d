//! The shipper: reads output from the spool and appends it to the event log in bounded batches.
//!
//! The shipper's cursor is an offset in `output.log`. A batch covers one contiguous range of the output, which starts
//! at the cursor, and contains the output of each stream in separate events. Each lifecycle event (the start or end of
//! a step or stage) has the offset at which it occurred, so that its order relative to the output is preserved. Output
//! that arrives during an append waits in the spool. If the database is unavailable, the shipper retries until the
//! append succeeds. Output beyond the limits in [`bounds`] is suppressed, and a gap event records it.
//!
//! Only [`Shipper::run`] reads the clock. All decisions depend on the time that it passes on, so that a test can
//! simulate the time.

mod bounds;
mod chunks;
mod gap;
mod lifecycle_events;

use std::io;
use std::time::{Duration, Instant};

use model::GapReason;
use model::backoff::Backoff;
use redact::Redacted;
use tokio::sync::watch;

use super::batch::{Budget, Due, Pending, Policy};
use super::link::{Link, LinkError};
use crate::event_log::{Batch, Lease, NewEvent, Origin};
use crate::fail_point::FailPoint;
use crate::spool::{SpoolEnd, SpoolReader};
use crate::task::task_error;

use bounds::{JobBudget, NextAction};
use chunks::ReadBudget;
use lifecycle_events::{Boundary, Outgoing};

pub use bounds::Bounds;
pub use chunks::StepOrigins;
pub use lifecycle_events::LifecycleEvents;

/// The delays between retries of a failed operation.
const WAITS: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// The maximum number of times that a read from the spool is retried, which takes about a minute. Output that cannot be
/// read in that time is suppressed, so that the job does not wait forever.
const READ_TRIES: u32 = 18;

/// If at least this many bytes are pending, one append may contain several events per stream.
const FAR_BEHIND: u64 = 256 << 10;

/// The approximate maximum number of bytes of output in one append. It limits memory, because readers receive each
/// append as a whole, and several copies of an append are in memory at the same time.
const APPEND_BYTES: u64 = 1 << 20;

/// The message in the log when the job's budget is used up.
const BUDGET_SPENT: &str =
    "Live output limit reached. The end of each step's output is still shown live. The complete log has everything";

/// Whether output is written to the event log. The complete log is always written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveLog {
    /// Output is written as log events, with this policy and these bounds.
    Events(Policy, Bounds),
    /// Output is not written to the event log.
    Off,
}

/// The progress of shipping. For a new attempt, all fields except `earlier` are zero. After a crash, shipping continues
/// from the progress that is stored with the attempt in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last stored batch.
    pub batch: i64,
    /// The offset in `output.log` up to which all output is in the event log or suppressed.
    pub offset: u64,
    /// The number of suppressed bytes before `offset`.
    pub suppressed: u64,
    /// The number of bytes of output that the job's earlier attempts have sent as events.
    pub earlier: u64,
}

/// The shipper of one attempt.
pub struct Shipper<L> {
    link: L,
    lease: Lease,
    spool: SpoolReader,
    steps: StepOrigins,
    lifecycle_events: LifecycleEvents,
    progress: Progress,
    /// The offset up to which the server has stored its own copy of the output, or `None` if the offset is not known.
    /// It is used only if the server cannot read the spool.
    copied: Option<u64>,
    live: Option<Live>,
    /// The time at which the queue of lifecycle events was found closed, or `None` if it is open.
    over: Option<Instant>,
    /// The time at which the pending output began to wait, or `None` if no output is pending.
    since: Option<Instant>,
}

/// The state that controls the sending of output.
struct Live {
    budget: Budget,
    job_budget: JobBudget,
    /// Whether the log already contains the warning that the budget is used up.
    reported: bool,
}

/// The state of the spool and of the queue of lifecycle events, read before a call of [`Shipper::step`].
#[derive(Clone, Copy)]
struct Known {
    end: SpoolEnd,
    /// The time at which the queue of lifecycle events was found closed, or `None` if it is open.
    over: Option<Instant>,
    /// The time at which the pending output began to wait, or the current time if no output is pending.
    since: Instant,
    /// The current time.
    now: Instant,
}

impl<L: Link> Shipper<L> {
    /// Creates a shipper that continues from `progress`.
    pub fn new(
        (link, lease): (L, Lease),
        spool: SpoolReader,
        steps: Vec<Origin>,
        live: LiveLog,
        lifecycle_events: LifecycleEvents,
        progress: Progress,
    ) -> Self {
        let live = match live {
            LiveLog::Events(policy, bounds) => {
                let sent = progress.offset - progress.suppressed;
                let job_budget = JobBudget::new(bounds, progress.earlier, sent);
                let reported = job_budget.is_spent();
                Some(Live { budget: Budget::new(policy), job_budget, reported })
            }
            LiveLog::Off => None,
        };
        let copied = (progress.offset == 0).then_some(0);
        Self {
            link,
            lease,
            spool,
            steps: StepOrigins(steps),
            lifecycle_events,
            progress,
            copied,
            live,
            over: None,
            since: None,
        }
    }

    /// Ships output and events until the queue of lifecycle events is closed and everything is stored or suppressed.
    /// Returns the final progress.
    pub async fn run(mut self, mut ends: watch::Receiver<SpoolEnd>) -> Result<Progress, LinkError> {
        self.send_suppressed().await?;
        let mut marks = self.lifecycle_events.subscribe();
        loop {
            // Check whether the queue is closed before reading the spool's end. The queue is closed only after all
            // output is stored, so if it is closed, the end that is read next is final.
            let closed = marks.borrow_and_update().over;
            let end = *ends.borrow_and_update();
            let wait = self.turn(closed, end, Instant::now()).await?;
            match wait {
                Wait::Ended => return Ok(self.progress),
                Wait::Not => {}
                Wait::Until(at) => {
                    tokio::select! {
                        _ = marks.changed() => {}
                        _ = ends.changed(), if !closed => {}
                        () = sleep_until(at) => {}
                    }
                }
            }
        }
    }

    /// Sends what is due at the time `now`, and returns when to call this function again. `closed` states whether the
    /// queue of lifecycle events is closed, and `end` is the end of the spool.
    async fn turn(&mut self, closed: bool, end: SpoolEnd, now: Instant) -> Result<Wait, LinkError> {
        let before = self.progress.offset;
        if closed {
            self.over.get_or_insert(now);
        }
        let since = if end.bytes > before { *self.since.get_or_insert(now) } else { now };
        let wait = self.step(Known { end, over: self.over, since, now }).await?;
        if self.progress.offset != before || end.bytes == before {
            self.since = None;
        }
        Ok(wait)
    }

    /// Sends the output and lifecycle events that are due, if any.
    async fn step(&mut self, known: Known) -> Result<Wait, LinkError> {
        let from = self.progress.offset;
        let mut out = Outgoing { to: from, ..Outgoing::default() };
        self.lifecycle_events.take(from, &mut out);
        if self.has_events_at(from) {
            // More events are queued at this offset than fit into one append, and the output must follow all of them.
            self.append(out).await?;
            return Ok(Wait::Not);
        }
        let next = self.lifecycle_events.next();
        let end = Boundary { at: known.end.bytes, since: known.over.unwrap_or(known.since) };
        let stop = next.or(known.over.map(|_| end));
        let limit = stop.map_or(end.at, |stop| stop.at.min(end.at));
        let wait = if limit > from {
            // Ignore a boundary beyond the known end of the spool: its event was queued after that end was read.
            match self.output(known, limit, stop.filter(|stop| stop.at == limit), &mut out).await {
                Ok(wait) => wait,
                Err(error) => self.leave_out_the_rest(&error, &mut out),
            }
        } else if known.over.is_some() && next.is_none() {
            Wait::Ended
        } else {
            Wait::Until(None)
        };
        if out.to != from || !out.events.is_empty() {
            self.lifecycle_events.take(out.to, &mut out);
            self.append(out).await?;
        }
        Ok(if self.has_events_at(self.progress.offset) { Wait::Not } else { wait })
    }

    /// Returns whether lifecycle events at or before `offset` wait in the queue.
    fn has_events_at(&self, offset: u64) -> bool {
        self.lifecycle_events.next().is_some_and(|next| next.at <= offset)
    }

    /// Adds to `out` the output before `limit` that may be sent now. `stop` is the boundary at `limit`, if there is
    /// one.
    async fn output(
        &mut self,
        known: Known,
        limit: u64,
        stop: Option<Boundary>,
        out: &mut Outgoing,
    ) -> io::Result<Wait> {
        let from = self.progress.offset;
        let Some(live) = &self.live else {
            // Live output is disabled, so only advance the cursor.
            (out.to, out.suppressed) = (limit, limit - from);
            return Ok(Wait::Not);
        };
        match live.job_budget.next(from, stop, known.now) {
            NextAction::Wait => Ok(Wait::Until(None)),
            NextAction::Suppress(reason) => self.leave_out((from, limit), reason, out).await,
            NextAction::Send(_) => self.send(known, limit, stop.is_some(), out).await,
        }
    }

    /// Stops sending output, because the spool cannot be read, and adds a warning to the log.
    fn leave_out_the_rest(&mut self, error: &io::Error, out: &mut Outgoing) -> Wait {
        tracing::error!(job = %self.lease.job, %error, "the stored output of a job cannot be read; the rest of it is not sent");
        self.live = None;
        let mut message = Redacted::literal("The server cannot read the stored output. Output after byte ");
        message.append(&Redacted::number(i64::try_from(out.to).unwrap_or(i64::MAX)));
        message.append(&Redacted::literal(" is missing"));
        out.events.push(NewEvent::warning(self.lease.attempt, message));
        Wait::Not
    }

    /// Suppresses the output between the cursor and the tail of the current step's output.
    async fn leave_out(&mut self, (from, stop): (u64, u64), reason: GapReason, out: &mut Outgoing) -> io::Result<Wait> {
        let Some(live) = &mut self.live else { return Ok(Wait::Not) };
        let tail = live.job_budget.tail_bytes();
        let find =
            move |spool: &mut SpoolReader, steps: &StepOrigins| gap::find(spool, steps, (from, stop), tail, reason);
        let gap = read_spool(WAITS, &self.spool, &self.steps, find).await?;
        live.job_budget.begin_tail(gap.step_end);
        (out.to, out.suppressed) = (gap.to, gap.to - from);
        out.events.extend(gap.event);
        Ok(Wait::Not)
    }

    /// Adds chunks of output to `out`, if they are due.
    async fn send(&mut self, known: Known, limit: u64, pressed: bool, out: &mut Outgoing) -> io::Result<Wait> {
        let from = self.progress.offset;
        let Some(live) = &mut self.live else { return Ok(Wait::Not) };
        let pending = pending(known, (from, limit), pressed);
        let (mut event_bytes, partial) = match live.budget.due(&pending, known.now) {
            Due::At(at) => return Ok(Wait::Until(Some(at))),
            Due::Now { event_bytes, partial } => (event_bytes, partial),
        };
        let limit = if partial { limit } else { limit.min(known.end.line_end) };
        loop {
            let budget = ReadBudget { event: event_bytes, all: live.job_budget.remaining(out.to) };
            let at = out.to;
            let read =
                move |spool: &mut SpoolReader, steps: &StepOrigins| chunks::read(spool, steps, at, limit, budget);
            let chunks = read_spool(WAITS, &self.spool, &self.steps, read).await?;
            live.budget.spend(u32::try_from(chunks.events.len()).unwrap_or(u32::MAX));
            live.job_budget.sent(out.to, chunks.to);
            out.events.extend(chunks.events);
            out.to = chunks.to;
            if chunks.budget_is_spent {
                live.job_budget.end_head();
            }
            if live.job_budget.is_spent() && !std::mem::replace(&mut live.reported, true) {
                out.events.push(NewEvent::warning(self.lease.attempt, Redacted::literal(BUDGET_SPENT)));
            }
            // If shipping is far behind, several events share the cost of one transaction.
            let rest = Pending { bytes: limit - out.to, ..pending };
            match live.budget.due(&rest, known.now) {
                Due::Now { event_bytes: next, .. }
                    if rest.bytes >= FAR_BEHIND
                        && out.to - from < APPEND_BYTES
                        && live.job_budget.remaining(out.to) > 0 =>
                {
                    event_bytes = next;
                }
                _ => return Ok(Wait::Not),
            }
        }
    }

    /// Appends one batch, and retries if the database is unavailable.
    async fn append(&mut self, out: Outgoing) -> Result<(), LinkError> {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let Outgoing { events, files, to, suppressed } = out;
        let number = self.progress.batch + 1;
        let from = signed(self.progress.offset);
        let batch = Batch { number, from, to: signed(to), suppressed: signed(suppressed), events };
        let mut waits = WAITS;
        FailPoint::BatchMade.reached();
        loop {
            match self.link.append(self.lease, batch.clone(), files.clone()).await {
                Ok(()) => break,
                Err(LinkError::Retry(error)) => {
                    tracing::warn!(job = %self.lease.job, %error, "output could not be appended to the event log; retrying");
                    tokio::time::sleep(waits.next_wait()).await;
                }
                Err(error) => return Err(error),
            }
        }
        FailPoint::Shipped.reached();
        // A server that has its own spool copies the output in events to that spool. The copy now ends where the batch
        // ends.
        if suppressed == 0 && self.copied == Some(self.progress.offset) {
            self.copied = Some(to);
        }
        let suppressed = self.progress.suppressed + suppressed;
        self.progress = Progress { batch: number, offset: to, suppressed, ..self.progress };
        self.send_suppressed().await
    }

    /// If the server cannot read the spool, sends the output that the server has not stored yet, up to the cursor.
    async fn send_suppressed(&mut self) -> Result<(), LinkError> {
        let mut has_asked = false;
        while L::SENDS_SUPPRESSED_OUTPUT && self.copied.is_none_or(|copied| copied < self.progress.offset) {
            let (from, to) = (self.copied, self.progress.offset);
            let chunks = match from {
                Some(from) => {
                    let budget =
                        ReadBudget { event: usize::try_from(APPEND_BYTES).unwrap_or(usize::MAX), all: to - from };
                    let read = move |spool: &mut SpoolReader, steps: &StepOrigins| {
                        chunks::read(spool, steps, from, to, budget)
                    };
                    match read_spool(WAITS, &self.spool, &self.steps, read).await {
                        Ok(chunks) if chunks.to > from => chunks.events,
                        _ => {
                            tracing::error!(job = %self.lease.job, "the stored output of a job cannot be read; the server's copy lacks a part of it");
                            self.copied = Some(u64::MAX);
                            return Ok(());
                        }
                    }
                }
                // The server's response to a request without output says how much it has stored.
                None => Vec::new(),
            };
            let mut waits = WAITS;
            self.copied = loop {
                match self.link.add_output(self.lease, chunks.clone()).await {
                    Ok(copied) => break Some(copied),
                    Err(LinkError::Retry(error)) => {
                        tracing::warn!(job = %self.lease.job, %error, "output could not be sent; retrying");
                        tokio::time::sleep(waits.next_wait()).await;
                    }
                    // After a power failure, the server may have stored less output than it has reported before.
                    Err(LinkError::Fatal(error)) if !has_asked => {
                        tracing::warn!(job = %self.lease.job, %error, "output was refused; asking how much is stored");
                        has_asked = true;
                        break None;
                    }
                    Err(error) => return Err(error),
                }
            };
        }
        Ok(())
    }
}

/// Reads the spool on a blocking thread. After an I/O error, the read is retried up to [`READ_TRIES`] times, so that a
/// temporary failure does not cause output to be lost.
async fn read_spool<T: Send + 'static>(
    mut waits: Backoff,
    spool: &SpoolReader,
    steps: &StepOrigins,
    read: impl Fn(&mut SpoolReader, &StepOrigins) -> io::Result<T> + Clone + Send + 'static,
) -> io::Result<T> {
    loop {
        let (mut spool, steps, read) = (spool.clone(), steps.clone(), read.clone());
        let done = tokio::task::spawn_blocking(move || read(&mut spool, &steps)).await.map_err(task_error)?;
        match done {
            Err(error) if error.raw_os_error().is_some() && waits.tries() < READ_TRIES => {
                tracing::warn!(%error, "the stored output cannot be read; retrying");
                tokio::time::sleep(waits.next_wait()).await;
            }
            done => return done,
        }
    }
}

fn pending(known: Known, (from, limit): (u64, u64), pressed: bool) -> Pending {
    let streams = known.end.stream_end.iter().filter(|stream_end| **stream_end > from).count();
    Pending {
        bytes: limit - from,
        has_line: known.end.line_end > from,
        streams: u32::try_from(streams).unwrap_or(2).max(1),
        since: known.since,
        pressed,
    }
}

/// The time of the next call to [`Shipper::step`].
enum Wait {
    /// Continue immediately.
    Not,
    /// Wait for a notification, or until the given time, if there is one.
    Until(Option<Instant>),
    /// Everything has been sent or suppressed, so shipping has ended.
    Ended,
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
