//! Stopping an attempt from outside: a wish, and a descriptor that wakes whoever polls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// Why an attempt is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody wants the job cancelled.
    Cancelled,
    /// The server stops.
    Shutdown,
    /// The lease has ended or could not be renewed: another worker may have the job.
    LeaseLost,
}

/// The wish to end an attempt. Cheap to clone; the first wish stays.
#[derive(Clone, Debug)]
pub struct Control {
    stop: Arc<Mutex<Option<Stop>>>,
    wake: Arc<OwnedFd>,
}

impl Control {
    /// Makes one without a wish.
    pub fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { stop: Arc::default(), wake: Arc::new(wake) })
    }

    /// Asks the attempt to end.
    pub fn stop(&self, stop: Stop) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
        // A counter that is full wakes as well.
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }

    /// Returns why the attempt is to end, if it is.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Control {
    /// The descriptor is readable once there is a wish.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
