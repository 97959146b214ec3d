//! The routes of workers on other machines. Such a worker claims a job, renews its lease, reports events and artifacts,
//! and ends the lease.
//!
//! The queue ([`engine::queue`]) checks that the worker holds the job's lease. The worker is identified by its API
//! token, the name in its requests and, except for older workers, the lease epoch.

mod token;
pub(super) mod upload;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::event_log::SharedEvent;
use engine::queue::{Appended, QueueError, RemoteWorker, Report, ReportedEvents, ReportedOutcome, lease_duration};
use model::{
    AppendBody, CancelAckBody, ClaimBody, ClaimReply, CompleteBody, FailBody, HeartbeatBody, Job, JobId, OutputBody,
    StoredBytes,
};

use tracing::Instrument;

use super::artifacts::open;
use super::body::{JsonBody, LargeJsonBody};
use super::error::ApiError;
use super::file::{StoredFile, etag};
use super::jobs::JobPath;
use crate::server::AppState;
use token::WorkerToken;

/// The media type of an archive, whose compression can be any of several formats.
const ARCHIVE: &str = "application/octet-stream";

pub(super) async fn claim(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JsonBody(body): JsonBody<ClaimBody>,
) -> Result<Json<ClaimReply>, ApiError> {
    let claim = state.queue.check_claim(body, token)?;
    // While the disk is nearly full, no new jobs are started. A worker that repeats an earlier claim still receives the
    // job that it holds, because otherwise the worker would abandon the job.
    if tokio::time::timeout(claim.wait, state.disk.enough_space()).await.is_err() {
        state.queue.note_worker(&claim).await?;
        return Ok(Json(state.queue.claim_remotely(&claim.of_held_job(), &state.shutdown).await?));
    }
    Ok(Json(state.queue.claim_remotely(&claim, &state.shutdown).await?))
}

pub(super) async fn heartbeat(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    JsonBody(body): JsonBody<HeartbeatBody>,
) -> Result<Json<Job>, ApiError> {
    let lease = lease_duration(body.lease_seconds)?;
    let worker = RemoteWorker { name: body.worker_id, token, epoch: body.lease_epoch };
    Ok(Json(state.queue.renew(job, worker, lease).await?))
}

pub(super) async fn complete(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    JsonBody(body): JsonBody<CompleteBody>,
) -> Result<Json<Job>, ApiError> {
    let worker = RemoteWorker { name: body.worker_id, token, epoch: body.lease_epoch };
    let outcome = ReportedOutcome::Completed { summary: body.result_summary };
    report(state, job, worker, Report { outcome, totals: body.totals }).await
}

pub(super) async fn fail(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    JsonBody(body): JsonBody<FailBody>,
) -> Result<Json<Job>, ApiError> {
    let worker = RemoteWorker { name: body.worker_id, token, epoch: body.lease_epoch };
    let outcome = ReportedOutcome::Failed {
        message: body.error_message,
        reason: body.failure_reason,
        is_retryable: body.retryable.unwrap_or(false),
    };
    report(state, job, worker, Report { outcome, totals: body.totals }).await
}

pub(super) async fn acknowledge_cancel(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    JsonBody(body): JsonBody<CancelAckBody>,
) -> Result<Json<Job>, ApiError> {
    let worker = RemoteWorker { name: body.worker_id, token, epoch: body.lease_epoch };
    let outcome = ReportedOutcome::Cancelled { message: body.message };
    report(state, job, worker, Report { outcome, totals: body.totals }).await
}

/// Appends events. The response contains the stored events, as one event or a list, like the request. If the request
/// states which range of the output its events contain, the worker does not need the stored events. The response then
/// contains only the `seq` of the last event.
pub(super) async fn append(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    LargeJsonBody(body): LargeJsonBody<AppendBody>,
) -> Result<Response, ApiError> {
    let is_list = body.events.is_some();
    let worker = RemoteWorker { name: body.worker_id.clone(), token, epoch: body.lease_epoch };
    let events = ReportedEvents::check(body)?;
    let appended = to_its_end(async move { state.queue.append_remotely(job, worker, events).await }).await?;
    let body = match appended {
        Appended::Batch(batch) => return Ok((StatusCode::CREATED, Json(batch)).into_response()),
        Appended::Events(events) if is_list => list(&events),
        Appended::Events(events) => events.first().map_or_else(Vec::new, |event| event.item().to_vec()),
    };
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Ends a lease.
async fn report(state: AppState, job: JobId, worker: RemoteWorker, report: Report) -> Result<Json<Job>, ApiError> {
    Ok(Json(to_its_end(async move { state.queue.report(job, worker, report).await }).await?))
}

/// Completes a request even if the client disconnects. If the request were interrupted, the stored output could be left
/// in a state that the next request does not expect.
async fn to_its_end<T: Send + 'static>(
    request: impl Future<Output = Result<T, QueueError>> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::spawn(request.in_current_span()).await;
    Ok(done.map_err(ApiError::of_task)??)
}

/// Stores output that is not in events, and responds with the size of the stored output.
pub(super) async fn add_output(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    LargeJsonBody(body): LargeJsonBody<OutputBody>,
) -> Result<Json<StoredBytes>, ApiError> {
    let worker = RemoteWorker { name: body.worker_id.clone(), token, epoch: body.lease_epoch };
    Ok(Json(to_its_end(async move { state.queue.add_output(job, worker, body).await }).await?))
}

/// Sends the input files of a job to the worker that holds it.
pub(super) async fn input(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    state.queue.lease_of_token(job, token).await?;
    let input = state.queue.job(job).await?.input.ok_or(ApiError::ArtifactNotFound)?;
    let path = engine::inputs::path(&state.config.data_dir, &input);
    let file = open(path).await?;
    StoredFile { file, etag: etag(&input.sha256), content_type: ARCHIVE.to_owned() }.reply(&request)
}

/// Returns a JSON object whose only member, `items`, contains the events.
fn list(events: &[SharedEvent]) -> Vec<u8> {
    let items: Vec<&[u8]> = events.iter().map(|event| event.item()).collect();
    [&b"{\"items\":["[..], &items.join(&b","[..]), b"]}"].concat()
}
