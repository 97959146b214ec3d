//! The signals that cancel a job.
//!
//! Ctrl-C sends SIGINT, `kill` and service managers send SIGTERM, and a closed terminal or a lost connection sends
//! SIGHUP. A signal that was ignored when this program started remains ignored, so that `nohup tailwater run` survives
//! its terminal like any other command.

use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the program listens for.
pub(in crate::cli) struct Signals(Vec<Signal>);

impl Signals {
    /// Starts listening for the signals that are not ignored.
    pub(in crate::cli) fn listen() -> io::Result<Self> {
        let ignored = ignored();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let heeded = kinds.into_iter().filter(|kind| !is_in(ignored, *kind));
        heeded.map(signal).collect::<io::Result<_>>().map(Self)
    }

    /// Waits for the next signal.
    pub(in crate::cli) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let any = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Returns a bit mask of the signals that were ignored when this process started; see `proc_pid_status(5)`.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn is_in(set: u64, kind: SignalKind) -> bool {
    set & (1 << (kind.as_raw_value() - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_sets_have_one_bit_per_signal() {
        // SIGHUP is 1, SIGINT is 2, SIGQUIT is 3, and SIGTERM is 15. Shells make background jobs ignore SIGINT and
        // SIGQUIT, whose bit mask is 0x6.
        assert!(is_in(0x6, SignalKind::interrupt()) && !is_in(0x6, SignalKind::hangup()));
        assert!(is_in(0x4001, SignalKind::hangup()) && is_in(0x4001, SignalKind::terminate()));
    }
}
