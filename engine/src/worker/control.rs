//! Requests to stop an attempt. A file descriptor wakes the attempt's thread while it polls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// Why an attempt should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The job's cancellation was requested.
    Cancelled,
    /// The server is stopping.
    Shutdown,
    /// The lease has ended or could not be renewed, so another worker may be running the job.
    LeaseLost,
}

/// A request to stop an attempt. Cheap to clone. Only the first request has an effect.
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

    /// Requests that the attempt stops.
    pub fn stop(&self, stop: Stop) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
        // If the counter is full, the descriptor is readable anyway.
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }

    /// Returns why the attempt should stop, or `None` if there is no request.
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
