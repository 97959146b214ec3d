//! `POST /tasks/queue/new`: the form for a new job, as browsers send it without scripts.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Redirect;
use axum::{Extension, Form};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::auth::Identity;
use crate::model::NewJob;
use crate::server::AppState;

/// The fields of the form without scripts, which has one command. Empty fields are empty strings.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewJobForm {
    run: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    working_directory: String,
    #[serde(default)]
    shell: String,
    #[serde(default)]
    timeout_seconds: String,
    #[serde(default)]
    max_attempts: String,
    #[serde(default)]
    priority: String,
}

/// Submits the job and redirects to its page. Errors have the texts of the API; the link back keeps what was typed.
pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    form: Result<Form<NewJobForm>, FormRejection>,
) -> Result<Redirect, ApiError> {
    let Form(form) = form.map_err(|_| ApiError::InvalidPayload("the form: has missing or unknown fields".into()))?;
    let job = state.queue.submit(form.job()?, &identity.user, None).await?;
    Ok(Redirect::to(&format!("/tasks/queue/{}", job.id)))
}

impl NewJobForm {
    fn job(self) -> Result<NewJob, ApiError> {
        // Browsers send CR LF as line breaks, but a shell would treat the CR as part of the command.
        let run = self.run.replace("\r\n", "\n");
        let mut payload = Map::new();
        let mut put = |key: &str, value: Value| {
            payload.insert(key.to_owned(), value);
        };
        if !self.title.trim().is_empty() {
            put("title", self.title.trim().into());
        }
        if !self.working_directory.trim().is_empty() {
            put("workingDirectory", self.working_directory.trim().into());
        }
        match self.shell.as_str() {
            "" => put("run", run.into()),
            shell => put("steps", serde_json::json!([{"run": run, "shell": shell}])),
        }
        if let Some(seconds) = number("payload.timeoutSeconds", &self.timeout_seconds)? {
            put("timeoutSeconds", seconds.into());
        }
        Ok(NewJob {
            kind: "command".into(),
            priority: number("priority", &self.priority)?.unwrap_or(0),
            payload: Value::from(payload).into(),
            affinity_key: None,
            max_attempts: number("maxAttempts", &self.max_attempts)?.unwrap_or(1),
        })
    }
}

fn number(field: &str, text: &str) -> Result<Option<i32>, ApiError> {
    match text.trim() {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|_| ApiError::InvalidPayload(format!("{field}: must be a whole number")))
        }
    }
}
