//! Tests that run the command line as a separate process with a real server.

mod bytes;
mod credentials;
mod downloads;
mod edges;
mod following;
mod listing;
mod places;
mod progress;
mod rerunning;
mod running;
mod sending;
mod settings;
mod submitting;
mod terminals;
mod workers;
