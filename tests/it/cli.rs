//! The command line: the real program against a real server.

mod bytes;
mod credentials;
mod downloads;
mod edges;
mod following;
mod listing;
mod running;
mod settings;
mod submitting;
