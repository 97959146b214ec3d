//! The pages of the site, with one file per page.

mod account;
mod audit;
mod frame;
mod job;
mod jobs;
mod lazy;
mod live_job;
mod login;
pub mod modules;
mod new_job;
mod not_allowed;
mod not_found;
mod people;
mod redaction;
mod refusal;
mod secrets;
mod several;
mod workers;

use account::AccountPage;
use audit::AuditLogPage;
use job::JobPage;
use jobs::{BulkPage, JobsPage};
pub use lazy::LazyPage;
pub use login::LoginPage;
use new_job::NewJobPage;
pub use not_allowed::NotAllowedPage;
pub use not_found::NotFoundPage;
use people::PeoplePage;
use redaction::RedactionPage;
use secrets::SecretsPage;
use several::SeveralJobsPage;
use workers::WorkersPage;
