//! `/jobs/{id}/artifacts`: lists and downloads the artifacts of a job.

use std::path::PathBuf;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use engine::files::KeptFile;
use engine::queue::ArtifactFile;
use model::{ArtifactId, ArtifactsPage};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ApiError;
use super::file::{StoredFile, etag};
use super::jobs::{JobPath, job_id};
use crate::server::AppState;

/// The characters of a name that are percent-encoded in headers and URLs.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

pub(super) async fn list(
    State(state): State<AppState>,
    JobPath(job): JobPath,
) -> Result<Json<ArtifactsPage>, ApiError> {
    Ok(Json(ArtifactsPage { items: state.queue.artifacts(job).await? }))
}

/// Sends an artifact, always as an attachment, so that a browser never displays the file as one of the server's own
/// pages.
pub(super) async fn download(
    State(state): State<AppState>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let file = artifact(&state, path).await?;
    let disposition = HeaderValue::from_str(&attachment(&file.artifact.name));
    let disposition = disposition.map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut reply = stored(&state, file).await?.reply(&request)?;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    Ok(reply)
}

/// Returns the artifact for a path that contains the id of a job and the id of one of its artifacts.
pub(super) async fn artifact(
    state: &AppState,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<ArtifactFile, ApiError> {
    let Path((id, artifact)) = path.map_err(|_| ApiError::ArtifactNotFound)?;
    let job = state.queue.job(job_id(&id)?).await?.id;
    let artifact: ArtifactId = artifact.parse().map_err(|_| ApiError::ArtifactNotFound)?;
    let file = state.queue.artifact(artifact).await?.ok_or(ApiError::ArtifactNotFound)?;
    if file.artifact.job_id == job { Ok(file) } else { Err(ApiError::ArtifactJobMismatch) }
}

/// Opens the file of an artifact.
pub(super) async fn stored(state: &AppState, file: ArtifactFile) -> Result<StoredFile, ApiError> {
    Ok(StoredFile {
        file: open(state.config.data_dir.join(&file.path)).await?,
        etag: etag(file.artifact.digest.trim_start_matches("sha256:")),
        content_type: file.artifact.content_type,
    })
}

/// Opens a file in the data directory.
pub(super) async fn open(path: PathBuf) -> Result<KeptFile, ApiError> {
    let opened = tokio::task::spawn_blocking(move || KeptFile::open(&path)).await;
    let opened = opened.map_err(ApiError::of_task)?;
    let opened = opened.map_err(|error| ApiError::Internal(error.to_string()))?;
    opened.ok_or(ApiError::ArtifactFileMissing)
}

/// Returns the header that makes a browser save a file under the last component of `name` (RFC 6266).
fn attachment(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let ascii: String = name.chars().map(|c| if c.is_ascii() && plain(c as u8) { c } else { '_' }).collect();
    let encoded = utf8_percent_encode(name, ENCODED);
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_add_headers_or_parameters() {
        let header = attachment("logs/a\"b\r\nSet-Cookie: ä.log");
        assert_eq!(
            header,
            "attachment; filename=\"a_b__Set-Cookie___.log\"; filename*=UTF-8''a%22b%0D%0ASet-Cookie%3A%20%C3%A4.log"
        );
    }
}
