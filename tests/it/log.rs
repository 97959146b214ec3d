//! The complete log can be read by line number, as a whole and in byte ranges, both while the job runs and afterwards.

mod compressed;
mod curl;
mod follow;
mod formats;
mod grep;
mod lines;
mod ranges;
mod redraw;
mod search;
mod spool;
mod story;
