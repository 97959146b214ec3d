//! `/readyz`: whether the server can do its work. Whether it lives, `/healthz` says without asking anybody.

use axum::extract::State;

use super::error::ApiError;
use crate::limits::READY_PATIENCE;
use crate::server::AppState;

/// Says that the store can be read and written, and that new jobs are taken.
pub(super) async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    let answered = tokio::time::timeout(READY_PATIENCE, state.db.ping()).await;
    answered.map_err(|_| ApiError::StoreSilent(READY_PATIENCE.as_secs()))??;
    if state.disk.is_low() {
        return Err(ApiError::DiskLow);
    }
    Ok("ready\n")
}
