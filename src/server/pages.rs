//! Implements the server functions of the pages, with the same operations and errors as the REST API.

pub(crate) mod tail;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use engine::clock;
use engine::event_log::{Direction, Filter, Kinds, PageRequest};
use engine::queue::JobsFilter;
use engine::spool::Spools;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use model::{
    AuditPage, BulkAction, BulkFilter, BulkReply, BulkRequest, CreatedApiToken, CreatedLoginLink, Event, Job,
    JobChanges, JobId, JobStatus, JobsPage, NewJob, PausesPage, Payload, RedactionResult, RedactionRules, SecretsPage,
    Seq, Timestamp,
};

use super::AppState;
use super::access::{Requirement, function_requirement};
use super::audit::AuditNote;
use super::http::error::ApiError;
use crate::audit::{AuditFilter, AuditPosition};
use crate::auth::{Identity, ListRange};
use crate::page_data::{AccountPageData, JobPageData, PeoplePageData, RpcError, WorkersPageData};

/// The number of jobs per page of the list.
const JOBS: i64 = 50;

/// The number of entries per page of the audit log.
const AUDIT_ENTRIES: usize = 100;

/// The maximum number of events from the end of the log that are loaded with the page. It takes effect if a job has
/// many small events. [`tail::BYTES`] limits the amount of output in these events.
const TAIL: usize = 500;

/// The maximum number of lifecycle events that are loaded with the page, oldest first. Later lifecycle events are shown
/// only if they are among the last [`TAIL`] events.
const LIFECYCLE_EVENTS: usize = 2_000;

/// The maximum number of jobs that the list can skip.
const MAX_OFFSET: i64 = 1_000_000;

/// Returns one page of the list of jobs.
pub async fn list_jobs(
    status: Option<JobStatus>,
    q: Option<String>,
    user: Option<String>,
    created_after: Option<Timestamp>,
    offset: i64,
) -> Result<JobsPage, RpcError> {
    let filter = JobsFilter {
        statuses: status.into_iter().collect(),
        kind: None,
        text: q.filter(|text| !text.trim().is_empty()),
        user: user.filter(|user| !user.is_empty()),
        created_after,
        created_before: None,
        limit: JOBS,
        offset: offset.clamp(0, MAX_OFFSET),
        summary: true,
        counts: true,
    };
    state("list_jobs")?.queue.jobs(filter).await.map_err(refuse)
}

/// Returns the data for the first paint of a job's page.
pub async fn job_page(id: &str) -> Result<JobPageData, RpcError> {
    let (state, id) = (state("job_page")?, parse(id)?);
    let request = PageRequest { direction: Direction::Before(None), filter: Filter::default(), limit: TAIL };
    // The event log is read before the job, so that the job's state is never older than the events. The stream delivers
    // later events.
    let mut newest = state.events.page(id, &request).await.map_err(refuse)?;
    newest.events.reverse();
    let mut tail = newest.to_model();
    tail::shorten(&mut tail.items, tail::BYTES);
    let mut lifecycle_events = lifecycle_events(&state, id).await?;
    let job = state.queue.job(id).await.map_err(refuse)?;
    let artifacts = state.queue.artifacts(id).await.map_err(refuse)?;
    if job.output_removed_at.is_some() {
        lifecycle_events.iter_mut().chain(&mut tail.items).for_each(forget_output);
    }
    Ok(JobPageData { job, lifecycle_events, tail, artifacts })
}

/// Removes the numbers of lines and bytes from an `attempt` event whose output has been removed. Otherwise, the page
/// would try to load this output.
fn forget_output(event: &mut Event) {
    if let Payload::Attempt(attempt) = &mut event.payload {
        (attempt.lines, attempt.bytes) = (None, None);
    }
}

async fn lifecycle_events(state: &AppState, id: JobId) -> Result<Vec<Event>, RpcError> {
    let filter = Filter { kinds: Kinds::NotOutput, ..Filter::default() };
    let mut events = Vec::new();
    let mut after = Seq::START;
    while events.len() < LIFECYCLE_EVENTS {
        let request = PageRequest { direction: Direction::After(after), filter: filter.clone(), limit: 500 };
        let page = state.events.page(id, &request).await.map_err(refuse)?;
        after = page.next_after;
        let has_more = page.has_more;
        events.extend(page.to_model().items);
        if !has_more {
            break;
        }
    }
    Ok(events)
}

/// Submits a job.
pub async fn submit_job(job: NewJob) -> Result<Job, RpcError> {
    let job = state("submit_job")?.queue.submit(job, &user()?, None).await.map_err(refuse)?;
    audit_object(job.id);
    Ok(job)
}

/// Requests that a job be cancelled.
pub async fn cancel_job(id: &str, reason: Option<String>) -> Result<Job, RpcError> {
    audit_object(id);
    state("cancel_job")?.queue.cancel(parse(id)?, &user()?, reason).await.map_err(refuse)
}

/// Submits the payload of a job again as a new job.
pub async fn resubmit_job(id: &str) -> Result<Job, RpcError> {
    audit_object(id);
    let job =
        state("resubmit_job")?.queue.resubmit(parse(id)?, &user()?, JobChanges::default()).await.map_err(refuse)?;
    if is_form() {
        leptos_axum::redirect(&format!("/tasks/queue/{}", job.id));
    }
    Ok(job)
}

/// Returns a job.
pub async fn job(id: &str) -> Result<Job, RpcError> {
    state("job")?.queue.job(parse(id)?).await.map_err(refuse)
}

/// Submits the payload of a job again as a new job, with changes.
pub async fn resubmit_with_changes(id: &str, changes: JobChanges) -> Result<Job, RpcError> {
    audit_object(id);
    state("resubmit_with_changes")?.queue.resubmit(parse(id)?, &user()?, changes).await.map_err(refuse)
}

/// Counts the jobs that an action with this filter would affect.
pub async fn bulk_preview(action: BulkAction, filter: BulkFilter) -> Result<BulkReply, RpcError> {
    let state = state("bulk_preview")?;
    let request = BulkRequest { action, filter, reason: None, include_resubmitted: false, dry_run: true };
    let spools = Spools::new(&state.config.data_dir);
    state.queue.bulk(request, &user()?, &state.artifacts, &spools).await.map_err(refuse)
}

/// Returns all named secrets, without their values.
pub async fn list_secrets() -> Result<SecretsPage, RpcError> {
    Ok(SecretsPage { items: state("list_secrets")?.queue.secrets().await.map_err(refuse)? })
}

/// Returns text with its secrets masked, and the positions of the secrets.
pub async fn test_redaction(text: String) -> Result<RedactionResult, RpcError> {
    let state = state("test_redaction")?;
    // The test runs outside the async threads, because one megabyte of text takes several milliseconds.
    let tested = tokio::task::spawn_blocking(move || state.queue.test_redaction(&text)).await;
    tested.map_err(|error| refuse(ApiError::of_task(error)))
}

/// Returns the rules that recognise secrets by their format.
#[expect(clippy::unused_async, reason = "server functions are asynchronous")]
pub async fn redaction_rules() -> Result<RedactionRules, RpcError> {
    Ok(state("redaction_rules")?.queue.redaction_rules())
}

/// Returns a page of the audit log, newest first.
pub async fn audit(before: Option<i64>, user: Option<String>, action: Option<String>) -> Result<AuditPage, RpcError> {
    let filter = AuditFilter { position: AuditPosition::Before(before), user, action };
    state("audit")?.audit.page(&filter, AUDIT_ENTRIES).await.map_err(refuse)
}

/// Returns the data of the workers page.
pub async fn workers() -> Result<WorkersPageData, RpcError> {
    let queue = state("workers")?.queue.clone();
    Ok(WorkersPageData {
        workers: queue.workers().await.map_err(refuse)?,
        pauses: queue.pauses().await.map_err(refuse)?,
        now: clock::now(),
    })
}

/// Returns the pauses.
pub async fn pauses() -> Result<PausesPage, RpcError> {
    Ok(PausesPage { items: state("pauses")?.queue.pauses().await.map_err(refuse)? })
}

/// Returns the data of the people page.
pub async fn people() -> Result<PeoplePageData, RpcError> {
    let (auth, by) = (state("people")?.auth.clone(), identity()?);
    Ok(PeoplePageData {
        users: auth.users().await.map_err(refuse)?.items,
        sessions: auth.sessions(None, ListRange::FIRST, &by).await.map_err(refuse)?,
        tokens: auth.tokens(None, ListRange::FIRST, &by).await.map_err(refuse)?,
        created: use_context::<NewLoginLinkToShow>().map(|link| link.0),
    })
}

/// A new login link, which the people page shows in the response to the form that created the link.
#[derive(Clone)]
pub struct NewLoginLinkToShow(pub CreatedLoginLink);

/// A new API token, which the account page shows in the response to the form that created the token.
#[derive(Clone)]
pub struct NewTokenToShow(pub CreatedApiToken);

/// Returns the data of the account page.
pub async fn account() -> Result<AccountPageData, RpcError> {
    let (auth, by) = (state("account")?.auth.clone(), identity()?);
    Ok(AccountPageData {
        has_password: auth.has_password(by.account).await.map_err(refuse)?,
        sessions: auth.sessions(Some(by.account), ListRange::FIRST, &by).await.map_err(refuse)?,
        tokens: auth.tokens(Some(by.account), ListRange::FIRST, &by).await.map_err(refuse)?,
        created: use_context::<NewTokenToShow>().map(|token| token.0),
    })
}

/// Returns whether the request is a form sent by a browser without scripts. The response to such a request is a
/// redirect.
fn is_form() -> bool {
    let accepts = use_context::<Parts>().and_then(|parts| parts.headers.get(header::ACCEPT).cloned());
    accepts.is_some_and(|accepts| accepts.to_str().is_ok_and(|accepts| accepts.contains("text/html")))
}

/// Returns the server's state if the sender of the request may call the server function of this name.
///
/// The gate has already checked requests to `/rpc`. This check is for calls that the server makes itself while it
/// renders a page.
fn state(function: &str) -> Result<AppState, RpcError> {
    let role = identity()?.role;
    match function_requirement(function) {
        Some(Requirement::AtLeast(required)) if !role.includes(required) => {
            return Err(refuse(ApiError::NotAuthorized(role)));
        }
        Some(_) => {}
        None => return Err(refuse(ApiError::Internal(format!("{function} is missing in the access table")))),
    }
    use_context().ok_or_else(|| refuse(ApiError::Internal("a server function ran without the server".into())))
}

/// Returns the name of the user who sent the request, as authenticated by `server::gate`.
fn user() -> Result<String, RpcError> {
    identity().map(|identity| identity.user)
}

/// Records the object of the request in the audit log.
fn audit_object(object: impl ToString) {
    if let Some(note) = use_context::<Parts>().and_then(|parts| parts.extensions.get::<AuditNote>().cloned()) {
        note.object(object);
    }
}

fn identity() -> Result<Identity, RpcError> {
    let identity = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Identity>().cloned());
    identity.ok_or_else(|| refuse(ApiError::AuthRequired))
}

fn parse(id: &str) -> Result<JobId, RpcError> {
    id.parse().map_err(|_| refuse(ApiError::JobNotFound))
}

/// Converts an error to the error that the REST API would return. Also sets the status of the response, unless the
/// server function was called to render a page.
fn refuse(error: impl Into<ApiError>) -> RpcError {
    let error = error.into();
    let (status, code) = error.status_and_code();
    if status == StatusCode::INTERNAL_SERVER_ERROR || status == StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(?error, "a page's request failed");
    }
    let is_call = use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with("/rpc/"));
    if is_call && let Some(reply) = use_context::<ResponseOptions>() {
        reply.set_status(status);
    }
    let message = match use_context::<AppState>() {
        Some(state) => state.queue.maskers().mask_error(&error.to_string(), None),
        None => error.to_string(),
    };
    RpcError::Refused { status: status.as_u16(), code: code.into(), message }
}
