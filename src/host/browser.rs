//! What differs between the two halves, as the browser has it: the reply around a page has long arrived; the clock is its own.

use leptos::nonce::Nonce;

use crate::model::Timestamp;

/// Does nothing in the browser.
pub const fn status(_code: u16) {}

/// Does nothing in the browser.
pub const fn security_policy(_nonce: Option<&Nonce>) {}

/// Returns the present time.
#[expect(clippy::cast_possible_truncation, reason = "a date in milliseconds is far below 2^53")]
pub fn now() -> Timestamp {
    Timestamp((js_sys::Date::now() * 1000.0) as i64)
}

/// Returns how far the reader's wall clock was ahead of UTC at that time, in minutes.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "both are far below 2^53")]
pub fn utc_offset_minutes(at: Timestamp) -> i64 {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64((at.0 / 1000) as f64));
    -(date.get_timezone_offset() as i64)
}
