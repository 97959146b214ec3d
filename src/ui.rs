//! What the pages and Live Output share in the browser: small views, and wrappers for the browser APIs that need care.
//!
//! Nothing here depends on a page or on Live Output.

pub mod clipboard;
pub mod dom;
mod parts;
pub mod storage;

pub use parts::{ICONS, Icon, Now, PageTitle, Status, Time, download_url};
