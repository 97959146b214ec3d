//! The pages of the site, with one file per page.

mod account;
mod audit;
mod frame;
mod job;
mod jobs;
mod live_job;
mod login;
mod new_job;
mod not_allowed;
mod not_found;
mod people;
mod redaction;
mod refusal;
mod secrets;
mod several;
mod workers;

pub use account::AccountPage;
pub use audit::AuditLogPage;
pub use job::JobPage;
pub use jobs::{BulkPage, JobsPage};
pub use login::LoginPage;
pub use new_job::NewJobPage;
pub use not_allowed::NotAllowedPage;
pub use not_found::NotFoundPage;
pub use people::PeoplePage;
pub use redaction::RedactionPage;
pub use secrets::SecretsPage;
pub use several::SeveralJobsPage;
pub use workers::WorkersPage;
