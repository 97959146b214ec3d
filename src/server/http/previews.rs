//! `/jobs/{id}/artifacts/{artifact}/preview` and `/previews`: displays an artifact, such as an HTML report, in a frame.
//!
//! The signed token in the URL names the credential of the request that opened the preview. When that credential
//! becomes invalid, no further files can be loaded, and files that are being sent are aborted.
//!
//! The file is untrusted. Its origin is opaque (`sandbox`), so its scripts can neither read the pages nor use the
//! reader's session. The file can load only files of the same server.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::utf8_percent_encode;

use super::artifacts::{ENCODED, artifact, stored};
use super::error::ApiError;
use crate::auth::{Identity, PreviewScope};
use crate::server::AppState;
use crate::server::gate::revocable;

const POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox allow-scripts; default-src 'self' 'unsafe-inline' data: blob:; connect-src 'none'; frame-src 'none'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
);

/// Redirects to a URL that contains a signed token. Relative links in the file lead to other artifacts of the attempt.
pub(super) async fn begin(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Redirect, Framed> {
    let artifact = artifact(&state, path).await?.artifact;
    let scope = PreviewScope { job: artifact.job_id, attempt: artifact.attempt };
    let permission = state.auth.permit_preview(scope, &identity);
    let name: Vec<String> =
        artifact.name.split('/').map(|part| utf8_percent_encode(part, ENCODED).to_string()).collect();
    let name = name.join("/");
    Ok(Redirect::to(&format!("/previews/{permission}/{name}")))
}

/// Sends an artifact by its name.
pub(super) async fn file(
    State(state): State<AppState>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: HeaderMap,
) -> Result<Response, Framed> {
    let Path((permission, mut name)) = path.map_err(|_| ApiError::ArtifactNotFound)?;
    let permitted = state.auth.preview(&permission).await.map_err(ApiError::from)?;
    let (scope, identity) = permitted.ok_or(ApiError::ArtifactNotFound)?;
    if name.ends_with('/') {
        name.push_str("index.html");
    }
    let file = state.queue.artifact_named(scope.job, scope.attempt, &name).await.map_err(ApiError::from)?;
    let file = file.ok_or(ApiError::ArtifactNotFound)?;
    let mut reply = stored(&state, file).await?.reply(&request)?.into_response();
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    // Without this header, a document with an opaque origin cannot load modules and fonts. The header gives nobody else
    // access, because the path of a file contains the signed token that is required to read it.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    Ok(reply.map(|body| revocable::until(state.auth.clone().ended(identity), body)))
}

/// An error that is displayed in the preview's frame. Its response permits pages of this server to embed it.
pub(super) struct Framed(ApiError);

impl From<ApiError> for Framed {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Framed {
    fn into_response(self) -> Response {
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'self'");
        ([(header::CONTENT_SECURITY_POLICY, policy)], self.0).into_response()
    }
}
