//! Tailwater: a self-hosted job queue whose operators watch their commands' output live in the browser.
//!
//! This file is the map, in reading order, and the only place where a module belongs to one half of the program.
//! `ssr` is the server, `hydrate` the browser.
// The types of whole pages, as Leptos makes them, are nested deeper than the compiler's default allows.
#![recursion_limit = "256"]

// What both sides of the wire share.
pub mod ansi;
#[cfg(feature = "ssr")]
#[path = "calendar/server.rs"]
mod calendar;
#[cfg(not(feature = "ssr"))]
#[path = "calendar/browser.rs"]
mod calendar;
pub mod level;
pub mod model;
pub mod page_data;
#[cfg(test)]
mod random;
pub mod rpc;

// The pages, rendered by the server and made alive by the browser.
pub mod app;
#[cfg(feature = "ssr")]
#[path = "host/server.rs"]
mod host;
#[cfg(not(feature = "ssr"))]
#[path = "host/browser.rs"]
mod host;
mod live_output;
mod pages;
mod rest;
mod ui;
mod words;

// The server, from the edge inwards.
#[cfg(feature = "ssr")]
pub mod artifacts;
#[cfg(feature = "ssr")]
pub mod auth;
#[cfg(feature = "ssr")]
pub mod cli;
#[cfg(feature = "ssr")]
pub mod clock;
#[cfg(feature = "ssr")]
pub mod db;
#[cfg(feature = "ssr")]
pub mod event_log;
#[cfg(feature = "ssr")]
pub mod fail_point;
#[cfg(feature = "ssr")]
pub mod log;
#[cfg(feature = "ssr")]
pub mod logging;
#[cfg(feature = "ssr")]
pub mod metrics;
#[cfg(feature = "ssr")]
pub mod queue;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(feature = "ssr")]
pub mod worker;

/// Makes the page that the server rendered alive; the browser's entry.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
