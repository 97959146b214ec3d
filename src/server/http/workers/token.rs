//! The API token with which a worker has sent a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::TokenId;

use crate::auth::{Credential, Identity};
use crate::server::http::error::ApiError;

/// The id of the sender's API token. Only API tokens can have the role of a worker, so the gate has already refused
/// requests with other credentials.
pub(in crate::server::http) struct WorkerToken(pub(super) TokenId);

impl<S: Send + Sync> FromRequestParts<S> for WorkerToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let identity = parts.extensions.get::<Identity>().ok_or(ApiError::AuthRequired)?;
        match identity.by {
            Credential::ApiToken(id) => Ok(Self(id)),
            Credential::AdminToken | Credential::Session(_) | Credential::Proxy(_) => {
                Err(ApiError::WorkerNotAuthorized(identity.role))
            }
        }
    }
}
