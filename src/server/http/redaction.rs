//! `/redact`: tests what would be masked in a piece of text, without storing it, and lists the rules.

use axum::Json;
use axum::extract::State;
use model::{RedactionResult, RedactionRules, RedactionTest};

use super::body::JsonBody;
use super::error::ApiError;
use super::query::Query;
use crate::server::AppState;

pub(super) async fn test(
    State(state): State<AppState>,
    query: Query,
    JsonBody(RedactionTest { text }): JsonBody<RedactionTest>,
) -> Result<Json<RedactionResult>, ApiError> {
    query.end()?;
    // The test runs outside the async threads, because one megabyte of text takes several milliseconds.
    let tested = tokio::task::spawn_blocking(move || state.queue.test_redaction(&text)).await;
    tested.map(Json).map_err(ApiError::of_task)
}

pub(super) async fn rules(State(state): State<AppState>, query: Query) -> Result<Json<RedactionRules>, ApiError> {
    query.end()?;
    Ok(Json(state.queue.redaction_rules()))
}
