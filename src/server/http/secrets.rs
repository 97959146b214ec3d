//! `/secrets`: lists, sets and removes named secrets. Values are never sent.

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::{Extension, Form, Json};
use engine::queue::{QueueError, SecretChange};
use model::{NamedSecret, NewSecretValue, SecretsPage};
use serde::Deserialize;

use super::body::JsonBody;
use super::error::ApiError;
use super::query::Query;
use crate::auth::Identity;
use crate::server::AppState;
use crate::server::audit::AuditNote;

/// The page with the forms for secrets.
const PAGE: &str = "/secrets";

pub(super) async fn list(State(state): State<AppState>, query: Query) -> Result<Json<SecretsPage>, ApiError> {
    query.end()?;
    Ok(Json(SecretsPage { items: state.queue.secrets().await? }))
}

pub(super) async fn get(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<NamedSecret>, ApiError> {
    Ok(Json(state.queue.secret(&name).await?))
}

pub(super) async fn set(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    JsonBody(NewSecretValue { value }): JsonBody<NewSecretValue>,
) -> Result<(StatusCode, Json<NamedSecret>), ApiError> {
    let (secret, change) = state.queue.set_secret(&name, &value, &identity.user).await?;
    let status = match change {
        SecretChange::Created => StatusCode::CREATED,
        SecretChange::Replaced => StatusCode::OK,
    };
    Ok((status, Json(secret)))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.queue.remove_secret(&name, &identity.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The fields of a form on the page: either the form that sets a value, or the form that removes a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedSecret {
    name: String,
    /// The new value, or `None` in the form that removes a secret.
    value: Option<String>,
}

/// Handles the forms of the page, which work without scripts. Redirects to the page, which also shows any error.
pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    form: Result<Form<PostedSecret>, FormRejection>,
) -> Result<Redirect, ApiError> {
    let unknown = |_| ApiError::InvalidPayload("the form has missing or unknown fields; reload the page".into());
    let Form(PostedSecret { name, value }) = form.map_err(unknown)?;
    let name = name.trim();
    note.object(name);
    let (word, done) = if let Some(value) = value {
        // Browsers send line breaks as CR LF.
        let value = value.replace("\r\n", "\n");
        ("set", state.queue.set_secret(name, &value, &identity.user).await.map(drop))
    } else {
        note.action("secret.remove");
        ("removed", state.queue.remove_secret(name, &identity.user).await)
    };
    if done.is_err() {
        note.outcome(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let query = match done {
        Ok(()) => [(word, name)],
        Err(QueueError::Invalid(invalid)) if invalid.field == "name" => [("error", "name")],
        Err(QueueError::Invalid(invalid)) if invalid.field == "secrets" => [("error", "full")],
        Err(QueueError::Invalid(_)) => [("error", "value")],
        Err(QueueError::NoSuchSecret(_)) => [("error", "missing")],
        Err(error) => return Err(error.into()),
    };
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    Ok(Redirect::to(&format!("{PAGE}?{query}")))
}
