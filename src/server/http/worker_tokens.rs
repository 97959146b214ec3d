//! `/workers/tokens`: creates, lists and revokes API tokens with the role `worker`. The format is the one that existing
//! clients of such a queue use. `/tokens` manages the same tokens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::clock;
use model::{
    ApiToken, CreatedApiToken, CreatedWorkerToken, ListedWorkerToken, NewApiToken, NewWorkerToken, Role,
    WorkerTokensPage,
};

use super::body::JsonBody;
use super::error::ApiError;
use super::people::{list_range, of_token, revoke};
use super::query::Query;
use crate::auth::{Identity, PeopleError};
use crate::server::AppState;
use crate::server::audit::AuditNote;

pub(super) async fn list(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    mut query: Query,
) -> Result<Json<WorkerTokensPage>, ApiError> {
    let range = list_range(&mut query)?;
    query.end()?;
    let page = state.auth.tokens_of_workers(range, &identity).await?;
    let now = clock::now();
    let items = page.items.into_iter().map(|token| ListedWorkerToken::of(token, now)).collect();
    Ok(Json(WorkerTokensPage { items, has_more: page.has_more }))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    JsonBody(new): JsonBody<NewWorkerToken>,
) -> Result<(StatusCode, Json<CreatedWorkerToken>), ApiError> {
    note.object(&new.worker_id);
    let new = NewApiToken {
        name: new.worker_id,
        role: Some(Role::Worker),
        expires_in_days: new.expires_in_days,
        description: new.description,
        allowed_job_types: new.allowed_job_types,
        allowed_repositories: new.allowed_repositories,
        capabilities: new.capabilities,
    };
    let CreatedApiToken { token, about } =
        state.auth.create_token(new, &identity).await.map_err(|error| match error {
            // In this API, the name of the token is the name of the worker.
            PeopleError::Invalid { field: "name", problem } => PeopleError::Invalid { field: "workerId", problem },
            error => error,
        })?;
    note.details(of_token(&about));
    let worker_token = ListedWorkerToken::of(about, clock::now());
    Ok((StatusCode::CREATED, Json(CreatedWorkerToken { token, worker_token })))
}

/// Revokes a token. The response describes the token, which is no longer active.
pub(super) async fn end(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<Json<ListedWorkerToken>, ApiError> {
    let id = id.parse().map_err(|_| ApiError::WorkerTokenNotFound)?;
    let token: ApiToken = match state.auth.token_of_worker(id, &identity).await? {
        Some(token) => token,
        None => return Err(ApiError::WorkerTokenNotFound),
    };
    revoke(&state, id, &identity).await.map_err(|error| match error {
        PeopleError::NoSuchToken => ApiError::WorkerTokenNotFound,
        error => error.into(),
    })?;
    Ok(Json(ListedWorkerToken { is_active: false, ..ListedWorkerToken::of(token, clock::now()) }))
}
