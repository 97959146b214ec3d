//! Stops an attempt from outside: a request, and a descriptor that wakes the polling thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// Why an attempt should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The job's cancellation was requested.
    Cancelled,
    /// The server is stopping.
    Shutdown,
    /// The lease has ended or could not be renewed: another worker may have the job.
    LeaseLost,
}

/// The request to end an attempt. Cheap to clone; the first request counts.
#[derive(Clone, Debug)]
pub struct Control {
    stop: Arc<Mutex<Option<Stop>>>,
    wake: Arc<OwnedFd>,
}

impl Control {
    /// Creates a control without a request.
    pub fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { stop: Arc::default(), wake: Arc::new(wake) })
    }

    /// Requests that the attempt ends.
    pub fn stop(&self, stop: Stop) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
        // If the counter is full, the descriptor is readable anyway.
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }

    /// Returns why the attempt should end, if it should.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Control {
    /// The descriptor becomes readable when there is a request.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
