//! What the pages and Live Output share in the browser: small views, and the parts of the browser's API that need care.
//!
//! Nothing here knows a page, or Live Output.

pub mod clipboard;
pub mod dom;
mod parts;
pub mod storage;

pub use parts::{ICONS, Icon, Now, PageTitle, Status, Time, download_url};
