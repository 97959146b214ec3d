//! Formats and parses timestamps with the browser's own calendar.

/// Formats a time, given in microseconds since 1970, as RFC 3339 in UTC with six fractional digits. Returns `None` if
/// the time is out of range.
#[expect(clippy::cast_precision_loss, reason = "a date in milliseconds is far below 2^53")]
pub fn write(micros: i64) -> Option<String> {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(micros.div_euclid(1000) as f64));
    if date.get_time().is_nan() {
        return None;
    }
    // The browser writes only milliseconds: `2026-01-31T12:00:00.000Z`.
    let text = String::from(date.to_iso_string());
    Some(format!("{}{:03}Z", text.strip_suffix('Z')?, micros.rem_euclid(1000)))
}

/// Parses a time in the server's format: RFC 3339 in UTC, with six fractional digits. Returns microseconds since 1970,
/// or `None` if the text is not in this format.
///
/// The browser's calendar is used because a library would increase the size of the WASM module by 5 %.
#[expect(clippy::cast_possible_truncation, reason = "a date in milliseconds is far below 2^53")]
pub fn read(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.strip_suffix('Z')?.split_once('.')?;
    let millis = js_sys::Date::parse(&format!("{seconds}Z"));
    let micros = fraction.parse::<u32>().ok().filter(|_| fraction.len() == 6)?;
    (!millis.is_nan()).then(|| millis as i64 * 1000 + i64::from(micros))
}
