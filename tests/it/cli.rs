//! The command line: the real program against a real server.

mod bytes;
mod credentials;
mod downloads;
mod edges;
mod following;
mod listing;
mod places;
mod running;
mod sending;
mod settings;
mod submitting;
