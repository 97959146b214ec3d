//! `/jobs/bulk`: cancels, resubmits or removes all jobs that match a filter. Also handles the form of the page that
//! asks for confirmation.

use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Redirect;
use axum::{Extension, Form, Json};
use engine::spool::Spools;
use model::{BulkAction, BulkFilter, BulkReply, BulkRequest, JobStatus, Role, Timestamp};
use serde::Deserialize;

use super::body::JsonBody;
use super::error::ApiError;
use crate::auth::Identity;
use crate::server::AppState;
use crate::server::audit::AuditNote;

/// The page that asks for confirmation, and then shows the result.
const PAGE: &str = "/tasks/queue/bulk";

pub(super) async fn bulk(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    JsonBody(request): JsonBody<BulkRequest>,
) -> Result<Json<BulkReply>, ApiError> {
    Ok(Json(run(&state, &identity, &note, request).await?))
}

/// Applies the action, if the sender's role permits it, and records it in the audit log.
async fn run(
    state: &AppState,
    identity: &Identity,
    note: &AuditNote,
    request: BulkRequest,
) -> Result<BulkReply, ApiError> {
    let (action, dry_run) = (request.action, request.dry_run);
    note.action(match action {
        BulkAction::Cancel => "job.cancel",
        BulkAction::Resubmit => "job.resubmit",
        BulkAction::Remove => "job.remove",
    });
    if action == BulkAction::Remove && !identity.role.includes(Role::Admin) {
        return Err(ApiError::NotAuthorized(identity.role));
    }
    let spools = Spools::new(&state.config.data_dir);
    let reply = state.queue.bulk(request, &identity.user, &state.artifacts, &spools).await?;
    note.object(if dry_run { "counted only".to_owned() } else { format!("{} jobs", reply.done) });
    Ok(reply)
}

/// The fields of the form. Empty fields do not restrict the jobs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BulkForm {
    action: BulkAction,
    status: String,
    q: String,
    user: String,
    created_after: String,
    created_before: String,
    /// Whether to also resubmit jobs that have been resubmitted already. If the checkbox is not checked, browsers do
    /// not send this field.
    #[serde(default)]
    include_resubmitted: bool,
}

impl BulkForm {
    /// Returns the request, or `None` if a field is not valid.
    fn into_request(self) -> Option<BulkRequest> {
        let text = |text: String| (!text.is_empty()).then_some(text);
        let time = |text: &str| if text.is_empty() { Some(None) } else { text.parse::<Timestamp>().ok().map(Some) };
        let status = match self.status.as_str() {
            "" => None,
            word => Some(vec![JobStatus::from_word(word)?]),
        };
        let filter = BulkFilter {
            status,
            kind: None,
            q: text(self.q),
            user: text(self.user),
            created_after: time(&self.created_after)?,
            created_before: time(&self.created_before)?,
        };
        let include_resubmitted = self.include_resubmitted;
        Some(BulkRequest { action: self.action, filter, reason: None, include_resubmitted, dry_run: false })
    }
}

/// Handles the form, and redirects to the page with a URL that contains the result.
pub(super) async fn submit(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    form: Result<Form<BulkForm>, FormRejection>,
) -> Result<Redirect, ApiError> {
    let unknown = || ApiError::InvalidPayload("the form has missing or unknown fields; reload the page".into());
    let Form(form) = form.map_err(|_| unknown())?;
    let request = form.into_request().ok_or_else(unknown)?;
    let action = request.action.as_str();
    let BulkReply { done, skipped, failed, .. } = run(&state, &identity, &note, request).await?;
    Ok(Redirect::to(&format!("{PAGE}?action={action}&done={done}&skipped={skipped}&failed={failed}")))
}
