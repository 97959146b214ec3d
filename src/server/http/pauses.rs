//! `/pauses`: pauses and resumes the queue, a type of jobs, or a worker.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::queue::PauseChange;
use model::{NewPause, ParsePauseTargetError, Pause, PauseTarget, PausesPage};

use super::body::OptionalJsonBody;
use super::error::ApiError;
use super::query::Query;
use crate::auth::Identity;
use crate::server::AppState;

pub(super) async fn list(State(state): State<AppState>, query: Query) -> Result<Json<PausesPage>, ApiError> {
    query.end()?;
    Ok(Json(PausesPage { items: state.queue.pauses().await? }))
}

pub(super) async fn set(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(target): Path<String>,
    OptionalJsonBody(new): OptionalJsonBody<NewPause>,
) -> Result<(StatusCode, Json<Pause>), ApiError> {
    let pause = state.queue.pause(parse(&target)?, new.reason, &identity.user).await?;
    let (pause, change) = pause.ok_or(ApiError::WorkerNotFound)?;
    let status = match change {
        PauseChange::Created => StatusCode::CREATED,
        PauseChange::Replaced => StatusCode::OK,
    };
    Ok((status, Json(pause)))
}

pub(super) async fn remove(State(state): State<AppState>, Path(target): Path<String>) -> Result<StatusCode, ApiError> {
    if state.queue.resume(parse(&target)?).await? { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::PauseNotFound) }
}

fn parse(target: &str) -> Result<PauseTarget, ApiError> {
    target.parse().map_err(|error: ParsePauseTargetError| ApiError::InvalidPayload(format!("target: {error}")))
}
