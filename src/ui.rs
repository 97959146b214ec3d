//! Code shared by the pages and Live Output in the browser: small views, and wrappers for browser APIs that are easy to
//! misuse.
//!
//! This module does not depend on the pages or on Live Output.

pub mod clipboard;
pub mod dom;
mod parts;
pub mod storage;

pub use parts::{ICONS, Icon, Now, PageTitle, Status, Time, download_url};
