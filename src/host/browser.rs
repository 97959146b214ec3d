//! The browser's implementations of the functions that differ between the server and the browser.

use leptos::nonce::Nonce;
use leptos::prelude::document;
use model::{Role, Timestamp};
use serde::de::DeserializeOwned;

use crate::ui::{CurrentUser, PROVIDER};

/// Whether this code runs on the server.
pub const IS_SERVER: bool = false;

/// Does nothing, because only the server can set the response's status.
pub const fn status(_code: u16) {}

/// Returns the text unchanged, because the browser does not parse it as HTML.
pub const fn escaped_text(text: String) -> String {
    text
}

/// Does nothing, because only the server can set the Content-Security-Policy.
pub const fn security_policy(_nonce: Option<&Nonce>) {}

/// Does nothing, because only the server can send the header that reloads the page.
pub const fn reload_after(_seconds: u32) {}

/// Parses the JSON result of a server function.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Returns the message unchanged, because the server has masked it.
pub const fn masked(message: String) -> String {
    message
}

/// Returns the URL path of a static file, given its name without a hash. The path is read from the `meta` element of
/// this name in the document.
pub fn asset(name: &str) -> String {
    meta(name).unwrap_or_else(|| format!("/{name}"))
}

/// Returns `None`, because only the server renders documents for requests.
pub const fn requested_path() -> Option<String> {
    None
}

/// Returns no paths, because only the server knows the files of the modules.
pub const fn module_urls(_module: &str) -> Vec<String> {
    Vec::new()
}

/// Returns the name and the role of the person who is viewing the page, or `None` if nobody is logged in. The document
/// contains both in `meta` elements.
pub fn current_user() -> Option<(String, Role)> {
    Some((meta(CurrentUser::NAME)?, Role::from_word(&meta(CurrentUser::ROLE)?)?))
}

/// Returns the name of the OpenID Connect provider with which people can log in, or `None` if there is none. The
/// document contains the name in a `meta` element.
pub fn provider_name() -> Option<String> {
    meta(PROVIDER)
}

/// Returns the content of a `meta` element of the document, or `None` if there is no such element.
fn meta(name: &str) -> Option<String> {
    let element = document().query_selector(&format!("meta[name='{name}']")).ok().flatten();
    element.and_then(|element| element.get_attribute("content"))
}

/// Returns the current time.
#[expect(clippy::cast_possible_truncation, reason = "a date in milliseconds is far below 2^53")]
pub fn now() -> Timestamp {
    Timestamp((js_sys::Date::now() * 1000.0) as i64)
}

/// Returns the offset of the reader's local time from UTC at the given time, in minutes. The offset is positive east of
/// Greenwich.
#[expect(clippy::cast_possible_truncation, reason = "the offset is less than a day")]
pub fn utc_offset_minutes(at: Timestamp) -> i64 {
    -(date(at).get_timezone_offset() as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a date in milliseconds is far below 2^53")]
fn date(at: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.0.div_euclid(1000) as f64))
}
