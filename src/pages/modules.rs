//! The modules into which the code of the pages is split. A browser loads only the modules of the page that it
//! displays.
//!
//! Each function returns a page, and its attribute names the module with the page's code. Pages with the same module
//! are loaded together. `xtask/src/modules.rs` splits the browser's code into these modules, into modules with the code
//! that some of them share, and into the code that is always loaded. The server calls the functions directly.
#![expect(clippy::unnecessary_wraps, reason = "the attribute adds the error to the functions that it generates")]

use leptos::prelude::{AnyView, IntoAny};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::{
    AccountPage, AuditLogPage, BulkPage, JobPage, JobsPage, NewJobPage, PeoplePage, RedactionPage, SecretsPage,
    SeveralJobsPage, WorkersPage,
};

/// A page, or the error that its module could not be loaded.
pub type SplitPage = Result<AnyView, SplitLoaderError>;

/// The page of a job.
#[wasm_split(job, fallible)]
pub fn job() -> SplitPage {
    Ok(JobPage().into_any())
}

/// The logs of several jobs.
#[wasm_split(several, fallible)]
pub fn several_jobs() -> SplitPage {
    Ok(SeveralJobsPage().into_any())
}

/// The list of jobs.
#[wasm_split(queue, fallible)]
pub fn jobs() -> SplitPage {
    Ok(JobsPage().into_any())
}

/// The confirmation and the result of an action on many jobs.
#[wasm_split(queue, fallible)]
pub fn bulk() -> SplitPage {
    Ok(BulkPage().into_any())
}

/// The form for a job.
#[wasm_split(form, fallible)]
pub fn new_job() -> SplitPage {
    Ok(NewJobPage().into_any())
}

/// The named secrets.
#[wasm_split(settings, fallible)]
pub fn secrets() -> SplitPage {
    Ok(SecretsPage().into_any())
}

/// The rules of redaction.
#[wasm_split(settings, fallible)]
pub fn redaction() -> SplitPage {
    Ok(RedactionPage().into_any())
}

/// The workers and the pauses.
#[wasm_split(settings, fallible)]
pub fn workers() -> SplitPage {
    Ok(WorkersPage().into_any())
}

/// The users, sessions and API tokens.
#[wasm_split(settings, fallible)]
pub fn people() -> SplitPage {
    Ok(PeoplePage().into_any())
}

/// The audit log.
#[wasm_split(settings, fallible)]
pub fn audit_log() -> SplitPage {
    Ok(AuditLogPage().into_any())
}

/// The person's own account.
#[wasm_split(settings, fallible)]
pub fn account() -> SplitPage {
    Ok(AccountPage().into_any())
}

/// Returns the name of the module that contains the page at `path`, or `None` if its code is always loaded.
pub fn of_path(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    Some(match (parts.next()?, parts.next(), parts.next()) {
        ("tasks", Some("queue"), None | Some("bulk")) => "queue",
        ("tasks", Some("queue"), Some("new")) => "form",
        ("tasks", Some("queue"), Some("view")) => "several",
        ("tasks", Some("queue"), Some(_)) => "job",
        ("secrets" | "redaction" | "workers" | "people" | "audit" | "account", None, _) => "settings",
        _ => return None,
    })
}
