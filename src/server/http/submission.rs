//! Receives a submission over HTTP, either as JSON, or as `multipart/form-data` that also contains the job's input
//! files.
//!
//! A form has two parts. The first part, `job`, contains the submission, so that an invalid submission is refused
//! before the files are received. The second part, `input`, contains an archive ([`engine::inputs`]). The job is stored
//! only after the whole form has been received, so an interrupted upload has no effect.

use std::io;

use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use engine::inputs::Incoming;
use model::NewJob;

use super::body::{JsonBody, parse};
use super::error::ApiError;
use super::multipart::{broken, chunk, drain};
use crate::server::AppState;

/// A submission and its input files.
pub(super) struct Submitted {
    pub(super) new: NewJob,
    pub(super) input: Option<Incoming>,
}

impl FromRequest<AppState> for Submitted {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &AppState) -> Result<Self, ApiError> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
        {
            let JsonBody(new) = JsonBody::from_request(request, state).await?;
            return Ok(Self { new, input: None });
        }
        // The limit for the whole body is disabled, because each part of the form has its own limit.
        DefaultBodyLimit::disable().apply(&mut request);
        let form = Multipart::from_request(request, state).await;
        let mut form = form.map_err(|error| ApiError::InvalidPayload(format!("the form cannot be read: {error}")))?;
        let received = receive(&mut form, state).await;
        if received.is_err() {
            drain(&mut form).await;
        }
        received
    }
}

async fn receive(form: &mut Multipart, state: &AppState) -> Result<Submitted, ApiError> {
    let mut job = next(form, "job").await?;
    let mut text = Vec::new();
    while let Some(bytes) = chunk(&mut job).await? {
        text.extend_from_slice(&bytes);
        if text.len() > state.config.body_bytes {
            return Err(ApiError::PayloadTooLarge(state.config.body_bytes));
        }
    }
    drop(job);
    let new: NewJob = parse(&text, state)?;
    state.queue.check(&new).await?;
    if new.kind != "command" {
        return Err(ApiError::InvalidPayload("input: only jobs of type command can have files".into()));
    }
    if state.disk.is_low() {
        return Err(ApiError::DiskLow);
    }
    let input = receive_input(next(form, "input").await?, state).await?;
    // The input is known to be complete only at the end of the form.
    match form.next_field().await.map_err(|error| broken(&error))? {
        None => Ok(Submitted { new, input: Some(input) }),
        Some(_) => Err(ApiError::InvalidPayload("the form must have two parts: job and input".into())),
    }
}

async fn receive_input(mut field: Field<'_>, state: &AppState) -> Result<Incoming, ApiError> {
    let data_dir = state.config.data_dir.clone();
    let mut input = blocking(move || Incoming::create(&data_dir)).await?;
    while let Some(bytes) = chunk(&mut field).await? {
        if input.size().saturating_add(bytes.len() as u64) > state.config.jobs.input_bytes {
            let limit = usize::try_from(state.config.jobs.input_bytes).unwrap_or(usize::MAX);
            return Err(ApiError::PayloadTooLarge(limit));
        }
        input = blocking(move || input.push(&bytes).map(|()| input)).await?;
    }
    blocking(move || input.sync().map(|()| input)).await
}

/// Returns the next part, which must have the given name.
async fn next<'a>(form: &'a mut Multipart, name: &str) -> Result<Field<'a>, ApiError> {
    let field = form.next_field().await.map_err(|error| broken(&error))?;
    let field = field.filter(|field| field.name() == Some(name));
    field.ok_or_else(|| {
        ApiError::InvalidPayload(format!(
            "{name}: is missing; the form must have the parts job and input, in this order"
        ))
    })
}

/// Runs a blocking operation in Tokio's thread pool for blocking operations.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(ApiError::of_task)?;
    done.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::DiskLow,
        _ => ApiError::Internal(error.to_string()),
    })
}
