//! `/workers`: lists, drains and resumes workers, and handles the forms of the workers page.

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::{Extension, Form, Json};
use engine::queue::QueueError;
use model::{ListedWorker, PauseTarget, WorkerId, WorkersPage};
use serde::Deserialize;

use super::error::ApiError;
use super::query::Query;
use crate::auth::Identity;
use crate::server::AppState;
use crate::server::audit::AuditNote;

/// The workers page.
const PAGE: &str = "/workers";

pub(super) async fn list(State(state): State<AppState>, query: Query) -> Result<Json<WorkersPage>, ApiError> {
    query.end()?;
    Ok(Json(WorkersPage { items: state.queue.workers().await? }))
}

pub(super) async fn drain(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<Json<ListedWorker>, ApiError> {
    let worker = state.queue.drain_worker(worker_id(&id)?, &identity.user).await?;
    worker.map(Json).ok_or(ApiError::WorkerNotFound)
}

pub(super) async fn resume(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<ListedWorker>, ApiError> {
    let worker = state.queue.resume_worker(worker_id(&id)?).await?;
    worker.map(Json).ok_or(ApiError::WorkerNotFound)
}

/// Parses a worker's id. An invalid id is reported as an unknown worker.
fn worker_id(text: &str) -> Result<WorkerId, ApiError> {
    text.parse().map_err(|_| ApiError::WorkerNotFound)
}

/// The forms of the page.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub(super) enum WorkersForm {
    Drain {
        id: WorkerId,
    },
    ResumeWorker {
        id: WorkerId,
    },
    Pause {
        /// The type whose jobs are paused. If it is empty, the whole queue is paused.
        kind: String,
        reason: String,
    },
    Resume {
        target: PauseTarget,
    },
}

impl WorkersForm {
    /// Returns the form's action and the object of the action, for the audit log.
    fn audited(&self) -> (&'static str, String) {
        match self {
            Self::Drain { id } => ("worker.drain", id.to_string()),
            Self::ResumeWorker { id } => ("worker.resume", id.to_string()),
            Self::Pause { kind, .. } => ("queue.pause", target_of(kind).to_string()),
            Self::Resume { target } => ("queue.resume", target.to_string()),
        }
    }
}

/// Returns the target of the form that pauses the queue or a type.
fn target_of(kind: &str) -> PauseTarget {
    match kind.trim() {
        "" => PauseTarget::Queue,
        kind => PauseTarget::Type(kind.to_owned()),
    }
}

/// Handles the forms of the page, which work without scripts. Redirects to the page, which also shows any error.
pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    form: Result<Form<WorkersForm>, FormRejection>,
) -> Result<Redirect, ApiError> {
    let unknown = |_| ApiError::InvalidPayload("the form has missing or unknown fields; reload the page".into());
    let Form(form) = form.map_err(unknown)?;
    let (action, object) = form.audited();
    note.action(action);
    note.object(object);
    let queue = &state.queue;
    let (word, done) = match form {
        WorkersForm::Drain { id } => {
            ("drained", queue.drain_worker(id, &identity.user).await.map(|worker| worker.is_some()))
        }
        WorkersForm::ResumeWorker { id } => {
            ("worker-resumed", queue.resume_worker(id).await.map(|worker| worker.is_some()))
        }
        WorkersForm::Pause { kind, reason } => {
            let pause = queue.pause(target_of(&kind), Some(reason), &identity.user).await;
            ("paused", pause.map(|pause| pause.is_some()))
        }
        // It is not an error if somebody else has already resumed the target.
        WorkersForm::Resume { target } => ("resumed", queue.resume(target).await.map(|_| true)),
    };
    let query = match done {
        Ok(true) => format!("done={word}"),
        Ok(false) => "error=worker".to_owned(),
        Err(QueueError::Invalid(invalid)) if invalid.field == "reason" => "error=reason".to_owned(),
        Err(QueueError::Invalid(_)) => "error=type".to_owned(),
        Err(error) => return Err(error.into()),
    };
    if query.starts_with("error") {
        note.outcome(StatusCode::UNPROCESSABLE_ENTITY);
    }
    Ok(Redirect::to(&format!("{PAGE}?{query}")))
}
