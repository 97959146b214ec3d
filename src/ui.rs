//! Small views and wrappers for browser APIs, which the pages and Live Output share.
//!
//! This module does not depend on the pages or on Live Output.

pub mod clipboard;
mod current_user;
pub mod dom;
mod dropdown;
mod parts;
pub mod shared_stream;
pub mod storage;

pub use current_user::{CurrentUser, PROVIDER, PersonMenu, may};
pub use dropdown::Dropdown;
pub use parts::{ICONS, Icon, LOG_NAME, Now, PageTitle, SHARED_STREAM, Status, Time, download_url};
