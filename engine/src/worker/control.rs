//! Lets other tasks request that an attempt stop. A request makes a file descriptor readable, which wakes the attempt's
//! thread from `poll`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use super::Host;

/// The reason why an attempt should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The job's cancellation was requested.
    Cancelled,
    /// The program that contains the worker is stopping.
    Shutdown(Host),
    /// The lease has ended or could not be renewed, so another worker may be running the job.
    LeaseLost,
}

/// A handle for requesting that an attempt stop. Cheap to clone. Only the first request has an effect.
#[derive(Clone, Debug)]
pub struct Control {
    stop: Arc<Mutex<Option<Stop>>>,
    wake: Arc<OwnedFd>,
}

impl Control {
    /// Creates a handle for an attempt that has not been asked to stop.
    pub fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { stop: Arc::default(), wake: Arc::new(wake) })
    }

    /// Requests that the attempt stop.
    pub fn stop(&self, stop: Stop) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
        // If the counter of the eventfd is full, the write fails, but the descriptor is already readable.
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }

    /// Returns why the attempt should stop, or `None` if there is no request.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Control {
    /// Returns a descriptor that becomes readable when a stop is requested.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
