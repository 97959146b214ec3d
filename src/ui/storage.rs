//! The browser's persistent storage for this site. If the storage is disabled, full or unavailable, nothing is stored.

use leptos::prelude::window;
use web_sys::Storage;

/// Returns the text that is stored under a name, or `None` if there is none.
pub fn read(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten()
}

/// Stores text under a name. Errors are ignored.
pub fn write(name: &str, text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(name, text);
    }
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
