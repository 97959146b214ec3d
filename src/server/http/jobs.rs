//! `/jobs`: submits, lists, shows, cancels, resubmits and removes jobs.

pub(super) mod stream;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use engine::inputs::Incoming;
use engine::queue::{JobsFilter, QueueError};
use engine::spool::Spools;
use model::{Job, JobChanges, JobId, JobStatus, JobsPage};
use serde::{Deserialize, Serialize};

use super::body::OptionalJsonBody;
use super::error::ApiError;
use super::query::Query;
use super::submission::Submitted;
use crate::auth::Identity;
use crate::server::AppState;
use crate::server::audit::AuditNote;

/// The default and the maximum number of jobs in a page.
pub(super) const LIMIT: (i64, i64) = (50, 200);

/// The job's id in the path of a request. An invalid id is treated as the id of an unknown job.
pub(super) struct JobPath(pub(super) JobId);

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::JobNotFound)?;
        job_id(&id).map(Self)
    }
}

/// Parses a job's id.
pub(super) fn job_id(text: &str) -> Result<JobId, ApiError> {
    text.parse().map_err(|_| ApiError::JobNotFound)
}

pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    Submitted { new, input }: Submitted,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let key = match headers.get("idempotency-key") {
        Some(key) => {
            let text = key.to_str().map_err(|_| ApiError::InvalidPayload("Idempotency-Key: must be ASCII".into()))?;
            Some(text.to_owned())
        }
        None => None,
    };
    // The submission runs in a separate task, so that it is completed even if the client disconnects. If it were
    // interrupted, the input files of a job that has already been stored could be removed.
    let submitting = tokio::spawn(async move {
        let about = input.as_ref().map(Incoming::input);
        let job = state.queue.submit_with(new, &identity.user, key, about.clone()).await?;
        // If this submission repeats an earlier one, its files are removed again. The existing job has its own files.
        if let Some(input) = input.filter(|_| job.input == about) {
            input.keep();
        }
        Ok::<_, QueueError>(job)
    });
    let job = submitting.await.map_err(ApiError::of_task)??;
    note.object(job.id);
    Ok((StatusCode::CREATED, Json(job)))
}

pub(super) async fn list(State(state): State<AppState>, mut query: Query) -> Result<Json<JobsPage>, ApiError> {
    let filter = JobsFilter {
        statuses: statuses(query.text("status"))?,
        kind: query.text("type"),
        text: query.text("q"),
        user: query.text("user"),
        created_after: query.parsed("createdAfter")?,
        created_before: query.parsed("createdBefore")?,
        limit: query.number("limit", 1..=LIMIT.1)?.unwrap_or(LIMIT.0),
        offset: query.number("offset", 0..=i64::from(i32::MAX))?.unwrap_or(0),
        summary: query.word("summary", &[("true", true), ("false", false)])?.unwrap_or(false),
        counts: query.word("counts", &[("true", true), ("false", false)])?.unwrap_or(false),
    };
    query.end()?;
    Ok(Json(state.queue.jobs(filter).await?))
}

fn statuses(words: Option<String>) -> Result<Vec<JobStatus>, ApiError> {
    let parse = |word: &str| {
        let known = JobStatus::ALL.map(JobStatus::as_str).join(", ");
        JobStatus::from_word(word)
            .ok_or_else(|| ApiError::InvalidStatusFilter(format!("status: must be one of {known}, not {word:?}")))
    };
    words.as_deref().map_or_else(|| Ok(Vec::new()), |words| words.split(',').map(parse).collect())
}

pub(super) async fn get(State(state): State<AppState>, JobPath(job): JobPath) -> Result<Json<Job>, ApiError> {
    Ok(Json(state.queue.job(job).await?))
}

pub(super) async fn remove(State(state): State<AppState>, JobPath(job): JobPath) -> Result<StatusCode, ApiError> {
    let spools = Spools::new(&state.config.data_dir);
    state.queue.remove(job, &state.artifacts, &spools).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of a request to cancel a job.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBody {
    /// The reason. It is stored with the job and shown wherever the job is displayed.
    #[schema(max_length = 2_000)]
    reason: Option<String>,
}

pub(super) async fn cancel(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    JobPath(job): JobPath,
    OptionalJsonBody(cancel): OptionalJsonBody<CancelBody>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(state.queue.cancel(job, &identity.user, cancel.reason).await?))
}

pub(super) async fn resubmit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    JobPath(job): JobPath,
    OptionalJsonBody(changes): OptionalJsonBody<JobChanges>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let job = state.queue.resubmit(job, &identity.user, changes).await?;
    Ok((StatusCode::CREATED, Json(job)))
}
