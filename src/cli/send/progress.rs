//! Shows the progress of an upload as a line on the terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::words;

/// The interval at which the line is redrawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The progress of the upload.
#[derive(Debug)]
pub(super) struct Progress {
    total: u64,
    /// The number of bytes of file content that have been packed so far. The upload lags behind by at most a few
    /// blocks.
    pub(super) sent: AtomicU64,
}

/// The progress line. Dropping this value erases the line from the terminal.
pub(super) struct Line(Option<JoinHandle<()>>);

impl Progress {
    /// Creates the progress state for an upload that has not started. `total` is the total size of the files, in bytes.
    pub(super) const fn new(total: u64) -> Self {
        Self { total, sent: AtomicU64::new(0) }
    }

    /// Adds a number of packed bytes.
    pub(super) fn packed(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// If standard error is a terminal, redraws the line periodically until the returned value is dropped.
    pub(super) fn draw(self: &Arc<Self>) -> Line {
        let progress = Arc::clone(self);
        Line(io::stderr().is_terminal().then(|| {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(DRAW_EVERY).await;
                    write!(io::stderr(), "\r\u{1b}[K{}", progress.text()).ok();
                }
            })
        }))
    }

    fn text(&self) -> String {
        let bytes = |bytes: u64| words::bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
        let sent = self.sent.load(Ordering::Relaxed).min(self.total);
        let percent = (sent * 100).checked_div(self.total).unwrap_or(100);
        format!("tailwater: sending {} of {} ({percent}%)", bytes(sent), bytes(self.total))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(drawing) = self.0.take() {
            drawing.abort();
            write!(io::stderr(), "\r\u{1b}[K").ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_the_sent_and_the_total_size() {
        let progress = Progress::new(4000);
        progress.packed(1000);
        assert!(progress.text().contains("(25%)"), "{}", progress.text());
        assert!(Progress::new(0).text().contains("(100%)"), "an empty directory has no bytes to wait for");
    }
}
