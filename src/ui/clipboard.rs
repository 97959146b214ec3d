//! Copies text with the Clipboard API or, if that is unavailable or fails, with `execCommand("copy")`.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlDocument, HtmlTextAreaElement};

/// The message that is shown if copying fails.
pub const REFUSED: &str = "The browser does not allow copying. Select the text and copy it yourself.";

/// Copies text to the clipboard. Returns whether that succeeded.
pub async fn copy(text: &str) -> bool {
    // In an insecure context (plain HTTP), this value is `undefined`, although its Rust type suggests that it always
    // exists.
    let clipboard = window().navigator().clipboard();
    if !JsValue::from(&clipboard).is_undefined() && JsFuture::from(clipboard.write_text(text)).await.is_ok() {
        return true;
    }
    copy_by_selection(text).unwrap_or(false)
}

fn copy_by_selection(text: &str) -> Option<bool> {
    let document = document();
    let area: HtmlTextAreaElement = document.create_element("textarea").ok()?.unchecked_into();
    area.set_value(text);
    area.set_class_name("visually-hidden");
    document.body()?.append_child(&area).ok()?;
    area.select();
    let copied = document.unchecked_into::<HtmlDocument>().exec_command("copy").unwrap_or(false);
    area.remove();
    Some(copied)
}
