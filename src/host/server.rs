//! What differs between the two halves, as the server has it: the reply around a page, and the clock.

use axum::http::{HeaderValue, StatusCode, header};
use leptos::nonce::Nonce;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use serde::de::DeserializeOwned;

pub use crate::clock::now;
use crate::model::Timestamp;
use crate::server::AppState;

/// Sets the status of the page's reply. A number that HTTP does not know changes nothing.
pub fn status(code: u16) {
    if let (Some(reply), Ok(code)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(code)) {
        reply.set_status(code);
    }
}

/// Returns a text as a `<title>` or `<textarea>` has to hold it: `leptos_meta` and Leptos write there what they are given.
///
/// Their content is escapable raw text (HTML, 13.1.2), in which only `&` and `<` mean anything.
pub fn escaped_text(text: String) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Sends the page's Content-Security-Policy: what it may load, and that only scripts with this nonce run.
///
/// Styles come from files alone. Heights and widths that the page computes are set through the CSSOM, which a policy
/// without `unsafe-inline` allows.
pub fn security_policy(nonce: Option<&Nonce>) {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
    if let (Some(reply), Ok(policy)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&policy)) {
        reply.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Lets the browser load the page again after so many seconds.
pub fn reload_after(seconds: u32) {
    if let Some(reply) = use_context::<ResponseOptions>() {
        reply.insert_header(header::REFRESH, HeaderValue::from(seconds));
    }
}

/// Reads the arguments of a call from the browser, by the rules for all bodies of JSON.
pub fn read_arguments<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    crate::json::read_bytes(bytes)
}

/// Returns where a file of the site is, by its plain name.
pub fn asset(name: &str) -> String {
    use_context::<AppState>().map_or_else(|| format!("/{name}"), |state| state.site.url(name))
}

/// Returns how far the reader's wall clock is ahead of UTC; the server does not know, so 0.
pub const fn utc_offset_minutes(_at: Timestamp) -> i64 {
    0
}
