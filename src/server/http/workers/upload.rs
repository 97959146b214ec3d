//! Receives the artifacts that workers on other machines upload.
//!
//! A form has the parts `file`, `workerId`, `name`, `contentType`, `digest` and `leaseEpoch`, in any order. The file is
//! written to the disk while it arrives. It is recorded as an artifact only after the end of the form, when the worker,
//! the checksum and the limits have been checked. If a check fails, the file is removed.

use std::io::{self, Read};

use axum::Json;
use axum::body::Bytes;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use engine::artifacts::{Stored, location};
use engine::event_log::Lease;
use engine::queue::{QueueError, RemoteWorker, Upload};
use model::{Artifact, ArtifactId};
use tokio::sync::mpsc;

use super::token::WorkerToken;
use crate::server::AppState;
use crate::server::http::error::ApiError;
use crate::server::http::jobs::JobPath;
use crate::server::http::multipart::{broken, chunk, drain};

/// The maximum length of a part other than the file, in bytes.
const MAX_TEXT: usize = 4 << 10;

/// The maximum number of chunks that wait to be written. It bounds the memory of an upload.
const WAITING: usize = 4;

pub(in crate::server::http) async fn upload(
    State(state): State<AppState>,
    WorkerToken(token): WorkerToken,
    JobPath(job): JobPath,
    mut request: Request,
) -> Result<(StatusCode, Json<Artifact>), ApiError> {
    // The limit for the whole body is disabled, because each part of the form has its own limit.
    DefaultBodyLimit::disable().apply(&mut request);
    let form = Multipart::from_request(request, &state).await;
    let mut form = form.map_err(|_| ApiError::UnsupportedMediaType("multipart/form-data"))?;
    // This check prevents workers that do not hold the job's lease from filling the disk. It is repeated when the file
    // is recorded.
    let received = match state.queue.lease_of_token(job, token).await {
        Ok(lease) => receive(&mut form, &state, lease).await,
        Err(error) => Err(error.into()),
    };
    let (fields, file) = match received {
        Ok(received) => received,
        Err(error) => {
            drain(&mut form).await;
            return Err(error);
        }
    };
    let worker = RemoteWorker { name: required("workerId", fields.worker)?, token, epoch: fields.epoch };
    let upload = Upload {
        lease: file.lease,
        id: file.id,
        name: fields.name.or_else(|| file.name.clone()).ok_or_else(|| missing("name"))?,
        content_type: fields.content_type.or_else(|| file.content_type.clone()),
        stored: file.stored.clone(),
        digest: fields.digest,
    };
    // The file is recorded in a separate task, which is completed even if the client disconnects. If it were
    // interrupted, the file of a recorded artifact could be removed.
    let recording = tokio::spawn(async move {
        let limits = state.config.upload_limits();
        let recorded = state.queue.record_upload(job, worker, upload, limits).await?;
        file.keep();
        if let Some(path) = recorded.replaced
            && let Err(error) = state.artifacts.remove(&path)
        {
            tracing::warn!(%error, "the file of a replaced artifact could not be removed");
        }
        Ok::<_, QueueError>(recorded.artifact)
    });
    let artifact = recording.await.map_err(ApiError::of_task)??;
    Ok((StatusCode::CREATED, Json(artifact)))
}

/// The parts of a form, except the file.
#[derive(Debug, Default)]
struct Fields {
    worker: Option<String>,
    name: Option<String>,
    content_type: Option<String>,
    digest: Option<String>,
    epoch: Option<i64>,
}

/// A file that has been written to the disk. It is removed on drop, unless [`Self::keep`] was called.
struct ReceivedFile {
    state: AppState,
    lease: Lease,
    id: ArtifactId,
    /// The name and the media type that the part specifies, each `None` if the part does not specify it.
    name: Option<String>,
    content_type: Option<String>,
    stored: Stored,
    is_kept: bool,
}

impl ReceivedFile {
    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for ReceivedFile {
    fn drop(&mut self) {
        let path = location(self.lease.job, self.lease.attempt, self.id);
        if !self.is_kept
            && let Err(error) = self.state.artifacts.remove(&path)
        {
            tracing::warn!(%error, "an uploaded file that was not recorded could not be removed");
        }
    }
}

async fn receive(form: &mut Multipart, state: &AppState, lease: Lease) -> Result<(Fields, ReceivedFile), ApiError> {
    let (mut fields, mut file) = (Fields::default(), None);
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" if file.is_some() => return Err(twice("file")),
            "file" => file = Some(receive_file(field, state, lease).await?),
            "workerId" => set(&mut fields.worker, "workerId", text(field).await?)?,
            "name" => set(&mut fields.name, "name", text(field).await?)?,
            "contentType" => set(&mut fields.content_type, "contentType", text(field).await?)?,
            "digest" => set(&mut fields.digest, "digest", text(field).await?)?,
            "leaseEpoch" => {
                let epoch = text(field).await?;
                let number = epoch.parse().map_err(|_| {
                    ApiError::InvalidPayload(format!("leaseEpoch: must be a whole number, not {epoch:?}"))
                })?;
                set(&mut fields.epoch, "leaseEpoch", number)?;
            }
            // Parts that this version does not know are skipped, like unknown members of JSON bodies.
            _ => drop(text(field).await?),
        }
    }
    Ok((fields, file.ok_or_else(|| missing("file"))?))
}

fn set<T>(field: &mut Option<T>, name: &str, value: T) -> Result<(), ApiError> {
    if field.replace(value).is_some() { Err(twice(name)) } else { Ok(()) }
}

fn twice(name: &str) -> ApiError {
    ApiError::InvalidPayload(format!("{name}: is given twice"))
}

fn missing(name: &str) -> ApiError {
    ApiError::InvalidPayload(format!("{name}: is missing"))
}

fn required(name: &str, value: Option<String>) -> Result<String, ApiError> {
    value.ok_or_else(|| missing(name))
}

/// Reads a part that contains a short string.
async fn text(mut field: Field<'_>) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(bytes) = chunk(&mut field).await? {
        text.extend_from_slice(&bytes);
        if text.len() > MAX_TEXT {
            return Err(ApiError::PayloadTooLarge(MAX_TEXT));
        }
    }
    String::from_utf8(text).map_err(|_| ApiError::InvalidPayload("a part of the form is not UTF-8".into()))
}

/// Writes a file to the disk while it arrives.
async fn receive_file(mut field: Field<'_>, state: &AppState, lease: Lease) -> Result<ReceivedFile, ApiError> {
    if state.disk.is_low() {
        return Err(ApiError::DiskLow);
    }
    let (name, content_type) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
    let id = ArtifactId(uuid::Uuid::now_v7());
    let (sender, waiting) = mpsc::channel(WAITING);
    let owner = state.clone();
    // If the request is aborted, the thread drops the [`ReceivedFile`] when it ends. Dropping the value removes the
    // file.
    let keeping = tokio::task::spawn_blocking(move || {
        let content = Chunks { waiting, current: Bytes::new(), is_complete: false };
        let stored = owner.artifacts.keep_streamed(&location(lease.job, lease.attempt, id), content)?;
        Ok::<_, io::Error>(ReceivedFile { state: owner, lease, id, name, content_type, stored, is_kept: false })
    });
    let sent = send(&mut field, &sender, state.config.jobs.artifact_file_bytes).await;
    // Without this final message, the writing thread considers the file incomplete and does not store it.
    if sent.is_ok() {
        sender.send(FileMessage::End).await.ok();
    }
    drop(sender);
    let kept = keeping.await.map_err(ApiError::of_task)?;
    sent?;
    kept.map_err(|error| failed(&error))
}

/// Passes the chunks of a file on to the thread that writes them.
async fn send(field: &mut Field<'_>, sender: &mpsc::Sender<FileMessage>, limit: u64) -> Result<(), ApiError> {
    let mut size = 0_u64;
    while let Some(bytes) = chunk(field).await? {
        size = size.saturating_add(bytes.len() as u64);
        if size > limit {
            return Err(ApiError::ArtifactTooLarge(format!("an artifact can have at most {limit} bytes")));
        }
        // If writing has failed, the channel is closed, and the error is returned by the thread.
        if sender.send(FileMessage::Chunk(bytes)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn failed(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::DiskLow,
        _ => ApiError::Internal(error.to_string()),
    }
}

/// A message to the thread that writes a file.
enum FileMessage {
    Chunk(Bytes),
    /// The file is complete.
    End,
}

/// A reader of a file's chunks that blocks until the next chunk has arrived.
struct Chunks {
    waiting: mpsc::Receiver<FileMessage>,
    current: Bytes,
    is_complete: bool,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.is_complete {
            match self.waiting.blocking_recv() {
                Some(FileMessage::Chunk(bytes)) => self.current = bytes,
                Some(FileMessage::End) => self.is_complete = true,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let count = self.current.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
