//! `/status`: the overview of the server that `tailwater status` shows.

use axum::Json;
use axum::extract::State;
use model::{DiskStatus, ServerStatus, WorkerCounts};

use super::error::ApiError;
use super::query::Query;
use crate::server::AppState;

pub(super) async fn status(State(state): State<AppState>, query: Query) -> Result<Json<ServerStatus>, ApiError> {
    query.end()?;
    Ok(Json(ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: state.started_at,
        jobs: state.queue.counts().await?,
        workers: WorkerCounts::of(&state.queue.workers().await?),
        pauses: state.queue.pauses().await?,
        disk: DiskStatus {
            free_bytes: i64::try_from(state.disk.free_bytes()).unwrap_or(i64::MAX),
            is_low: state.disk.is_low(),
        },
    }))
}
