//! Tailwater without its interfaces (HTTP, pages, command line): the queue, the event log, the output of jobs, and the
//! worker that runs the jobs.
//!
//! This file lists all modules. Each module uses only modules that are listed after it.

pub mod worker;

pub mod output;
pub mod queue;

pub mod artifacts;
pub mod event_log;
pub mod inputs;
pub mod json;
pub mod spool;

pub mod cage;
pub mod db;
pub mod files;

pub mod clock;
pub mod fail_point;
pub mod metrics;
pub mod seal;
pub mod task;
