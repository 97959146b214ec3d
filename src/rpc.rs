//! Leptos server functions, under `/rpc`. They load the data for a page's first paint and perform the page's actions.
//!
//! Server functions are not used for live data. The job page receives events through Server-Sent Events or polling (see
//! [`crate::live_output`]), starting at the cursor that [`job_page`] returns.

use leptos::prelude::*;
use leptos::server_fn::codec::Post;
use model::{
    AuditPage, BulkAction, BulkFilter, BulkReply, Job, JobChanges, JobStatus, JobsPage, NewJob, PausesPage,
    RedactionResult, RedactionRules, SecretsPage, Timestamp,
};

use crate::page_data::{AccountPageData, JobPageData, PeoplePageData, RpcError, RpcJson, WorkersPageData};

/// Returns a page of jobs, newest first.
#[server(prefix = "/rpc", endpoint = "list_jobs", output = Post<RpcJson>)]
pub async fn list_jobs(
    /// If set, only jobs with this status are returned.
    status: Option<JobStatus>,
    /// If set, only jobs whose title, command or id contains this text are returned.
    q: Option<String>,
    /// If set, only jobs that this user has submitted are returned.
    user: Option<String>,
    /// If set, only jobs that were submitted at this time or later are returned.
    created_after: Option<Timestamp>,
    /// The number of jobs to skip.
    offset: i64,
) -> Result<JobsPage, RpcError> {
    crate::server::pages::list_jobs(status, q, user, created_after, offset).await
}

/// Returns the data for the first paint of the job page.
#[server(name = LoadJobPage, prefix = "/rpc", endpoint = "job_page", output = Post<RpcJson>)]
pub async fn job_page(
    /// The job's id.
    id: String,
) -> Result<JobPageData, RpcError> {
    crate::server::pages::job_page(&id).await
}

/// Submits a job.
#[server(prefix = "/rpc", endpoint = "submit_job", input = Post<RpcJson>, output = Post<RpcJson>)]
pub async fn submit_job(
    /// The submission.
    job: NewJob,
) -> Result<Job, RpcError> {
    crate::server::pages::submit_job(job).await
}

/// Requests that a job be cancelled.
#[server(prefix = "/rpc", endpoint = "cancel_job", output = Post<RpcJson>)]
pub async fn cancel_job(
    /// The job's id.
    id: String,
    /// The reason, shown to users, or `None` if there is none.
    reason: Option<String>,
) -> Result<Job, RpcError> {
    crate::server::pages::cancel_job(&id, reason).await
}

/// Submits the payload of a job again as a new job.
#[server(prefix = "/rpc", endpoint = "resubmit_job", output = Post<RpcJson>)]
pub async fn resubmit_job(
    /// The job's id.
    id: String,
) -> Result<Job, RpcError> {
    crate::server::pages::resubmit_job(&id).await
}

/// Returns the job that is to be edited in the form.
#[server(name = LoadJob, prefix = "/rpc", endpoint = "job", output = Post<RpcJson>)]
pub async fn job(
    /// The job's id.
    id: String,
) -> Result<Job, RpcError> {
    crate::server::pages::job(&id).await
}

/// Submits the payload of a job again as a new job, with changes.
#[server(prefix = "/rpc", endpoint = "resubmit_with_changes", input = Post<RpcJson>, output = Post<RpcJson>)]
pub async fn resubmit_with_changes(
    /// The job's id.
    id: String,
    /// The changes to the payload and settings of the job.
    changes: JobChanges,
) -> Result<Job, RpcError> {
    crate::server::pages::resubmit_with_changes(&id, changes).await
}

/// Counts the jobs that an action on all matching jobs would affect.
#[server(name = PreviewBulk, prefix = "/rpc", endpoint = "bulk_preview", input = Post<RpcJson>, output = Post<RpcJson>)]
pub async fn bulk_preview(
    /// The action.
    action: BulkAction,
    /// The filter that selects the jobs.
    filter: BulkFilter,
) -> Result<BulkReply, RpcError> {
    crate::server::pages::bulk_preview(action, filter).await
}

/// Returns all named secrets, without their values.
#[server(prefix = "/rpc", endpoint = "list_secrets", output = Post<RpcJson>)]
pub async fn list_secrets() -> Result<SecretsPage, RpcError> {
    crate::server::pages::list_secrets().await
}

/// Returns text with its secrets masked, and the positions of the secrets. The text is not stored.
#[server(prefix = "/rpc", endpoint = "test_redaction", input = Post<RpcJson>, output = Post<RpcJson>)]
pub async fn test_redaction(
    /// The text.
    text: String,
) -> Result<RedactionResult, RpcError> {
    crate::server::pages::test_redaction(text).await
}

/// Returns the rules that recognise secrets by their format.
#[server(name = LoadRules, prefix = "/rpc", endpoint = "redaction_rules", output = Post<RpcJson>)]
pub async fn redaction_rules() -> Result<RedactionRules, RpcError> {
    crate::server::pages::redaction_rules().await
}

/// Returns a page of the audit log, newest first.
#[server(name = LoadAudit, prefix = "/rpc", endpoint = "audit", output = Post<RpcJson>)]
pub async fn audit(
    /// If set, only entries whose ids are smaller than this id are returned.
    before: Option<i64>,
    /// If set, only entries of this user are returned.
    user: Option<String>,
    /// If set, only entries with this action, or with actions that begin with this text and a dot, are returned.
    action: Option<String>,
) -> Result<AuditPage, RpcError> {
    crate::server::pages::audit(before, user, action).await
}

/// Returns the data of the workers page.
#[server(name = LoadWorkers, prefix = "/rpc", endpoint = "workers", output = Post<RpcJson>)]
pub async fn workers() -> Result<WorkersPageData, RpcError> {
    crate::server::pages::workers().await
}

/// Returns the pauses.
#[server(name = LoadPauses, prefix = "/rpc", endpoint = "pauses", output = Post<RpcJson>)]
pub async fn pauses() -> Result<PausesPage, RpcError> {
    crate::server::pages::pauses().await
}

/// Returns the data of the people page.
#[server(name = LoadPeople, prefix = "/rpc", endpoint = "people", output = Post<RpcJson>)]
pub async fn people() -> Result<PeoplePageData, RpcError> {
    crate::server::pages::people().await
}

/// Returns the data of the account page.
#[server(name = LoadAccount, prefix = "/rpc", endpoint = "account", output = Post<RpcJson>)]
pub async fn account() -> Result<AccountPageData, RpcError> {
    crate::server::pages::account().await
}
