//! Tailwater: a self-hosted job queue with live output in the browser.
//!
//! This file lists all modules in reading order. Only this file assigns modules to the server (`ssr`) or to the browser
//! (`hydrate`).
// In Leptos, the types of whole pages are nested more deeply than the compiler's default limit allows.
#![recursion_limit = "256"]

// These modules are shared by the server and the browser.
pub mod job_form;
pub mod page_data;
pub mod rpc;

// These modules contain the pages, which the server renders and the browser hydrates.
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

// These modules belong to the server.
#[cfg(feature = "ssr")]
pub mod audit;
#[cfg(feature = "ssr")]
pub mod auth;
#[cfg(feature = "ssr")]
pub mod cli;
#[cfg(feature = "ssr")]
pub mod jobs_config;
#[cfg(feature = "ssr")]
pub mod limits;
#[cfg(feature = "ssr")]
pub mod logging;
#[cfg(feature = "ssr")]
pub mod machine;
#[cfg(feature = "ssr")]
pub mod oidc;
#[cfg(feature = "ssr")]
pub mod server;

/// Hydrates the page that the server rendered. This is the entry point in the browser.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    let body = leptos::prelude::document().body().expect("the document has been parsed");
    // `hydrate_from_async` waits until the page's module has been loaded.
    leptos::mount::hydrate_from_async(body.clone(), app::App).await.forget();
    // Until this attribute is set, a script in the document (see `app`) lets the browser follow links itself. The
    // browser tests also wait for the attribute.
    leptos::prelude::request_animation_frame(move || {
        let _ = body.set_attribute("data-hydrated", "");
    });
}
