//! Limits the number of jobs that a worker runs at the same time.
//!
//! The commands of a job occupy a slot. After they have ended, the worker still sends the rest of the output and
//! reports the result, which may take a long time if the server or the network is slow. The job therefore releases its
//! slot when its commands have ended, so that the next job need not wait.
//!
//! At most as many jobs are reported at the same time as there are slots, so that jobs do not pile up behind a slow
//! server. If this limit is reached, a job keeps its slot until it has been reported.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots of a worker.
#[derive(Clone, Debug)]
pub(super) struct JobSlots {
    running: Arc<Semaphore>,
    reporting: Arc<Semaphore>,
}

/// A slot that a job occupies. It is released at the latest when this value is dropped.
#[derive(Debug)]
pub(super) struct JobSlot {
    /// The permit to run commands or, after they have ended, to report the job.
    permit: OwnedSemaphorePermit,
    reporting: Arc<Semaphore>,
}

impl JobSlots {
    /// Creates the slots of a worker that runs up to `count` jobs.
    pub(super) fn new(count: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(count)), reporting: Arc::new(Semaphore::new(count)) }
    }

    /// Waits for a free slot.
    pub(super) async fn acquire(&self) -> JobSlot {
        let permit = Arc::clone(&self.running).acquire_owned().await.expect("the semaphore is never closed");
        JobSlot { permit, reporting: Arc::clone(&self.reporting) }
    }
}

impl JobSlot {
    /// Releases the slot after the job's commands have ended. If too many other jobs are still being reported, keeps
    /// the slot.
    pub(super) fn commands_have_ended(&mut self) {
        if let Ok(permit) = Arc::clone(&self.reporting).try_acquire_owned() {
            self.permit = permit;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_job_whose_commands_have_ended_does_not_delay_the_next_one() {
        let slots = JobSlots::new(1);
        let mut first = slots.acquire().now_or_never().expect("the slot is free");
        assert!(slots.acquire().now_or_never().is_none());
        first.commands_have_ended();
        assert!(slots.acquire().now_or_never().is_some());
    }

    #[test]
    fn jobs_that_cannot_be_reported_do_not_pile_up() {
        let slots = JobSlots::new(2);
        let mut jobs = Vec::new();
        while let Some(mut slot) = slots.acquire().now_or_never() {
            slot.commands_have_ended();
            jobs.push(slot);
        }
        assert_eq!(jobs.len(), 4);
        // A job that has kept its slot releases it only when it has been reported.
        jobs.remove(0);
        assert!(slots.acquire().now_or_never().is_none());
        jobs.clear();
        assert!(slots.acquire().now_or_never().is_some());
    }
}
