//! The command line, run as a real process against a real server.

mod credentials;
mod downloads;
mod following;
mod listing;
mod running;
mod settings;
mod submitting;
