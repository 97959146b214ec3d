//! What the browser keeps for this server between visits. It may be switched off, full or forbidden; then nothing is kept.

use leptos::prelude::window;
use web_sys::Storage;

/// Returns the text that is kept under a name.
pub fn read(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten()
}

/// Keeps a text under a name, if the browser lets it.
pub fn write(name: &str, text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(name, text);
    }
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
