//! Formats numbers, times and statuses consistently on all pages. All functions are pure.

mod numbers;
mod states;
mod texts;
mod times;

pub use numbers::{bytes, count, plural};
pub use states::{
    NOT_MASKED_EVERYWHERE, UNREADABLE_SECRET, output_removed, paused, paused_briefly, status, status_sign, step_status,
    waits_for_key, worker_status,
};
pub use texts::{browser, sentence, visible, worker};
pub use times::{ago, compared, date_time, duration, offset, run_time, running, time_of_day};
