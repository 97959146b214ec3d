//! The pages, one a file, and the parts that several of them show.

mod job;
mod jobs;
mod login;
mod new_job;
mod not_found;
mod parts;

pub use job::JobPage;
pub use jobs::JobsPage;
pub use login::LoginPage;
pub use new_job::NewJobPage;
pub use not_found::NotFoundPage;
pub(crate) use parts::{Icon, PageTitle, download_url};
