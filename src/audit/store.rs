//! The SQL queries for the audit log.

use engine::db::{Connection, DbResult};
use model::{AuditEntry, Timestamp};
use redact::Redacted;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{AuditFilter, AuditPosition, NewEntry};

pub(super) async fn insert(connection: &mut Connection, entry: &NewEntry) -> DbResult<()> {
    sqlx::query(
        "insert into audit_log (created_at, user, credential, address, action, object, details, status)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(entry.created_at.0)
    .bind(text(entry.user.as_ref()))
    .bind(entry.credential)
    .bind(&entry.address)
    .bind(entry.action)
    .bind(text(entry.object.as_ref()))
    .bind(text(entry.details.as_ref()))
    .bind(i64::from(entry.status))
    .execute(connection.sqlite())
    .await?;
    Ok(())
}

fn text(redacted: Option<&Redacted>) -> Option<String> {
    redacted.map(|text| text.to_text().into_owned())
}

/// Returns the first entries that a filter selects.
pub(super) async fn select(
    connection: &mut Connection,
    filter: &AuditFilter,
    limit: usize,
) -> DbResult<Vec<AuditEntry>> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "select id, created_at, user, credential, address, action, object, details, status from audit_log where ",
    );
    match filter.position {
        AuditPosition::Before(id) => query.push("id < ").push_bind(id.unwrap_or(i64::MAX)),
        AuditPosition::After(id) => query.push("id > ").push_bind(id),
    };
    if let Some(user) = &filter.user {
        query.push(" and user = ").push_bind(user);
    }
    if let Some(action) = &filter.action {
        query.push(" and (action = ").push_bind(action);
        query.push(" or substr(action, 1, ").push_bind(i64::try_from(action.len() + 1).unwrap_or(i64::MAX));
        query.push(") = ").push_bind(format!("{action}.")).push(")");
    }
    query.push(match filter.position {
        AuditPosition::Before(_) => " order by id desc limit ",
        AuditPosition::After(_) => " order by id limit ",
    });
    let rows = query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX)).build().fetch_all(connection.sqlite()).await?;
    rows.iter()
        .map(|row| {
            Ok(AuditEntry {
                id: row.try_get("id")?,
                created_at: Timestamp(row.try_get("created_at")?),
                user: row.try_get("user")?,
                credential: row.try_get("credential")?,
                address: row.try_get("address")?,
                action: row.try_get("action")?,
                object: row.try_get("object")?,
                details: row.try_get("details")?,
                status: u16::try_from(row.try_get::<i64, _>("status")?).unwrap_or_default(),
            })
        })
        .collect()
}
