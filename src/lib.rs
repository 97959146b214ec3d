//! Tailwater: a self-hosted job queue whose operators watch their commands' output live in the browser.
//!
//! This file is the map, in reading order, and the only place where a module belongs to one half of the program.
//! `ssr` is the server, `hydrate` the browser.

// What both sides of the wire share.
pub mod model;
pub mod rpc;

#[cfg(feature = "ssr")]
pub mod server;
