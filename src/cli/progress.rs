//! Shows the progress of an upload or a download as a bar on the terminal.
//!
//! The bar is drawn on standard error, and only if standard error is a terminal. It is removed when the transfer ends,
//! so that it never mixes with a command's output.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The interval at which the bar is redrawn if no bytes are transferred, so that a stalled transfer can be noticed.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The template of a bar and its labels. The bar fills the rest of the terminal's width.
const TEMPLATE: &str =
    "tailwater: {msg} [{wide_bar}] {percent}% of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";

/// Whether the progress of transfers is shown on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProgressBars {
    Shown,
    Hidden,
}

impl ProgressBars {
    /// Returns whether progress is shown. It is hidden if `quiet` is set, or if `json` is set, because programs that
    /// read JSON do not need it.
    pub(super) fn of(quiet: bool, json: bool) -> Self {
        if quiet || json { Self::Hidden } else { Self::Shown }
    }
}

/// The bar of a transfer. Dropping it removes the bar from the terminal.
#[derive(Debug)]
pub(super) struct TransferBar(ProgressBar);

impl TransferBar {
    /// Shows a bar for a new transfer. `action` describes the transfer, such as `sending files`, and `total` is the
    /// number of bytes to transfer.
    pub(super) fn new(bars: ProgressBars, action: &str, total: u64) -> Self {
        if bars == ProgressBars::Hidden {
            return Self(ProgressBar::hidden());
        }
        // This target draws nothing if standard error is not a terminal that can erase the bar, according to `TERM`.
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(TEMPLATE).expect("a test parses the template");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(action.to_owned());
        bar.enable_steady_tick(DRAW_EVERY);
        Self(bar)
    }

    /// Sets the number of bytes that an earlier, interrupted transfer has transferred. These bytes do not affect the
    /// displayed rate.
    pub(super) fn resume_at(&self, bytes: u64) {
        self.0.set_position(bytes);
        self.0.reset_eta();
    }

    /// Adds transferred bytes.
    pub(super) fn add(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Returns a counter with which another thread can add transferred bytes.
    pub(super) fn counter(&self) -> TransferCounter {
        TransferCounter(self.0.clone())
    }
}

/// Counts the bytes of a transfer. If the bar has already been dropped, counting has no effect.
#[derive(Debug)]
pub(super) struct TransferCounter(ProgressBar);

impl TransferCounter {
    /// Adds transferred bytes.
    pub(super) fn add(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }
}

impl Drop for TransferBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_can_be_parsed() {
        ProgressStyle::with_template(TEMPLATE).expect("it is valid");
    }

    #[test]
    fn a_hidden_bar_draws_nothing_and_counts() {
        let bar = TransferBar::new(ProgressBars::of(true, false), "sending files", 10);
        bar.resume_at(3);
        bar.add(3);
        bar.counter().add(1);
        assert!(bar.0.is_hidden() && bar.0.position() == 7);
        assert_eq!(ProgressBars::of(false, true), ProgressBars::Hidden);
    }
}
