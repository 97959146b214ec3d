//! `/readyz`: whether the server can do its work. Whether it lives, `/healthz` says without asking anybody.

use std::time::Duration;

use axum::extract::State;

use super::error::ApiError;
use crate::server::AppState;

/// How long the store may take to answer: who asks gives up soon after.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says that the store can be read and written, and that new jobs are taken.
pub(super) async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    let answered = tokio::time::timeout(PATIENCE, state.db.ping()).await;
    answered.map_err(|_| ApiError::StoreSilent(PATIENCE.as_secs()))??;
    if state.disk.is_low() {
        return Err(ApiError::DiskLow);
    }
    Ok("ready\n")
}
