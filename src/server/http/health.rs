//! `/readyz`: checks that the server can accept jobs. `/healthz` reports only that the server is running.

use axum::extract::State;

use super::error::ApiError;
use crate::limits::READY_PATIENCE;
use crate::server::AppState;

/// Succeeds if the database can be read and written within [`READY_PATIENCE`] and there is enough free disk space for
/// new jobs.
pub(super) async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    let answered = tokio::time::timeout(READY_PATIENCE, state.db.ping()).await;
    answered.map_err(|_| ApiError::StoreSilent(READY_PATIENCE.as_secs()))??;
    if state.disk.is_low() {
        return Err(ApiError::DiskLow);
    }
    Ok("ready\n")
}
