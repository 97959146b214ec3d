//! Tailwater: a self-hosted job queue whose operators watch their commands' output live in the browser.
//!
//! This file lists all modules in reading order. It is the only place that assigns modules to the server (`ssr`) or to
//! the browser (`hydrate`).
// The types of whole pages in Leptos are nested more deeply than the compiler's default limit.
#![recursion_limit = "256"]

// Shared by the server and the browser.
pub mod job_form;
pub mod page_data;
pub mod rpc;

// The pages, rendered by the server and hydrated by the browser.
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

// The server, from the outermost module inwards.
#[cfg(feature = "ssr")]
pub mod auth;
#[cfg(feature = "ssr")]
pub mod cli;
#[cfg(feature = "ssr")]
pub mod limits;
#[cfg(feature = "ssr")]
pub mod logging;
#[cfg(feature = "ssr")]
pub mod machine;
#[cfg(feature = "ssr")]
pub mod server;

/// Hydrates the page that the server rendered. This is the entry point in the browser.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
