//! Reads and changes the parameters in the page's URL, so that readers can share the current view as a link.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::UrlSearchParams;

/// Returns the parameters in the page's URL, or `None` if the browser cannot parse them.
pub fn parameters() -> Option<UrlSearchParams> {
    UrlSearchParams::new_with_str(&window().location().search().ok()?).ok()
}

/// Replaces parameters in the page's URL without adding a history entry. Removes all parameters whose names are in
/// `names`, and adds the pairs of names and values in `values`.
pub fn replace_parameters(names: &[&str], values: &[(&str, &str)]) {
    let Some(parameters) = parameters() else { return };
    for name in names {
        parameters.delete(name);
    }
    for (name, value) in values {
        parameters.append(name, value);
    }
    let location = window().location();
    let (path, hash) = (location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    let query = String::from(parameters.to_string());
    let mark = if query.is_empty() { "" } else { "?" };
    put(&format!("{path}{mark}{query}{hash}"));
}

/// Changes the page's URL without adding a history entry.
pub fn put(address: &str) {
    let location = window().location();
    let current = [location.pathname(), location.search(), location.hash()].into_iter().map(Result::unwrap_or_default);
    if address == current.collect::<String>() {
        return;
    }
    // A browser may refuse the call, for example if it is repeated too often. The URL then remains unchanged.
    let _ = window().history().map(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(address)));
}
