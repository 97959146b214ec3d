//! `/audit`: the audit log, one page at a time or as a complete export.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::db::DbError;
use futures_util::stream;
use model::{AuditEntry, AuditPage};

use super::error::ApiError;
use super::events::NDJSON;
use super::query::Query;
use crate::audit::{AuditFilter, AuditPosition, MAX_PAGE};
use crate::server::AppState;

/// The number of entries per page if the request does not specify it.
pub(super) const DEFAULT_LIMIT: i64 = 100;

/// The maximum number of entries per page.
pub(super) const MAX_LIMIT: i64 = 1_000;

/// Sends a page, newest first.
pub(super) async fn list(State(state): State<AppState>, mut query: Query) -> Result<Json<AuditPage>, ApiError> {
    let before = query.number("before", 1..=i64::MAX)?;
    let limit = query.number("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let filter = filter(query, AuditPosition::Before(before))?;
    Ok(Json(state.audit.page(&filter, usize::try_from(limit).unwrap_or(MAX_PAGE)).await?))
}

/// Sends all entries, oldest first, one JSON object per line. With `after`, a program can continue where an earlier
/// export ended.
pub(super) async fn export(State(state): State<AppState>, mut query: Query) -> Result<Response, ApiError> {
    let after = query.number("after", 0..=i64::MAX)?.unwrap_or(0);
    let filter = filter(query, AuditPosition::After(after))?;
    let pages = stream::try_unfold(Some(filter), move |filter| {
        let audit = state.audit.clone();
        async move {
            let Some(mut filter) = filter else { return Ok(None) };
            let page = audit.page(&filter, MAX_PAGE).await?;
            let Some(last) = page.items.last() else { return Ok(None) };
            filter.position = AuditPosition::After(last.id);
            Ok::<_, DbError>(Some((lines(&page.items), Some(filter))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(NDJSON)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.ndjson\"")),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

/// Reads the parameters that both routes have, and refuses all others.
fn filter(mut query: Query, position: AuditPosition) -> Result<AuditFilter, ApiError> {
    let filter = AuditFilter { position, user: query.text("user"), action: query.text("action") };
    query.end()?;
    Ok(filter)
}

fn lines(entries: &[AuditEntry]) -> Bytes {
    let mut bytes = Vec::new();
    for entry in entries {
        // An entry consists of numbers and text, which can always be serialised.
        serde_json::to_writer(&mut bytes, entry).ok();
        bytes.push(b'\n');
    }
    bytes.into()
}
