//! The whole log: by line number, as one text and by ranges, while it grows and after.

mod compressed;
mod curl;
mod follow;
mod formats;
mod lines;
mod ranges;
mod spool;
mod story;
