//! `POST /tasks/queue/new`: the form for a new job, as browsers send it without scripts.

mod fields;

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Redirect;
use axum::{Extension, Form};
use model::JobId;

use super::error::ApiError;
use crate::auth::Identity;
use crate::job_form::{Misread, Original};
use crate::server::AppState;
use crate::server::audit::AuditNote;
use fields::FormFields;

/// Submits the job and redirects to its page. Error messages are the same as in the API.
pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Redirect, ApiError> {
    let unknown = || {
        ApiError::InvalidPayload("the form has missing or unknown fields; reload the page and submit it again".into())
    };
    let Form(pairs) = form.map_err(|_| unknown())?;
    let fields = FormFields::read(pairs).ok_or_else(unknown)?;
    let job = match fields.from() {
        None => state.queue.submit(fields.form(None).new_job()?, &identity.user, None).await?,
        Some(from) => {
            let from: JobId = from.parse().map_err(|_| ApiError::JobNotFound)?;
            let original = Original::of(&state.queue.job(from).await?)
                .ok_or_else(|| ApiError::InvalidPayload("from: must be the id of a job of type command".into()))?;
            let changes = original.changes(&fields.form(Some(&original)))?;
            state.queue.resubmit(from, &identity.user, changes).await?
        }
    };
    note.object(job.id);
    Ok(Redirect::to(&format!("/tasks/queue/{}", job.id)))
}

impl From<Misread> for ApiError {
    fn from(misread: Misread) -> Self {
        Self::InvalidPayload(misread.to_string())
    }
}
