//! The SQL queries for secrets.

use model::Timestamp;

use crate::db::{Connection, DbResult};

/// The current value of a secret.
#[derive(Clone, Debug)]
pub(in crate::queue) struct SecretRow {
    pub(in crate::queue) name: String,
    /// The encrypted value.
    pub(in crate::queue) sealed: String,
    pub(in crate::queue) created_at: Timestamp,
    pub(in crate::queue) set_at: Timestamp,
    pub(in crate::queue) set_by: String,
}

type Columns = (String, String, i64, i64, String);

impl From<Columns> for SecretRow {
    fn from((name, sealed, created_at, set_at, set_by): Columns) -> Self {
        Self { name, sealed, created_at: Timestamp(created_at), set_at: Timestamp(set_at), set_by }
    }
}

/// Returns the encrypted text with which the key is checked. At the first start, stores `sealed` as this text.
pub(in crate::queue) async fn key_check(connection: &mut Connection, sealed: &str) -> DbResult<String> {
    sqlx::query("insert into seal_check (sealed) select ? where not exists (select 1 from seal_check)")
        .bind(sealed)
        .execute(connection.sqlite())
        .await?;
    Ok(sqlx::query_scalar("select sealed from seal_check").fetch_one(connection.sqlite()).await?)
}

/// Returns the current values of all secrets, sorted by name.
pub(in crate::queue) async fn current(connection: &mut Connection) -> DbResult<Vec<SecretRow>> {
    let rows: Vec<Columns> = sqlx::query_as(
        "select name, sealed, created_at, set_at, set_by from secrets where retired_at is null order by name",
    )
    .fetch_all(connection.sqlite())
    .await?;
    Ok(rows.into_iter().map(SecretRow::from).collect())
}

/// Returns the current value of a secret, or `None` if there is no such secret.
pub(in crate::queue) async fn current_of(connection: &mut Connection, name: &str) -> DbResult<Option<SecretRow>> {
    let row: Option<Columns> = sqlx::query_as(
        "select name, sealed, created_at, set_at, set_by from secrets where name = ? and retired_at is null",
    )
    .bind(name)
    .fetch_optional(connection.sqlite())
    .await?;
    Ok(row.map(SecretRow::from))
}

/// Returns the names and encrypted values of the secrets whose names are in the JSON list `names`.
pub(in crate::queue) async fn sealed_of(connection: &mut Connection, names: &str) -> DbResult<Vec<(String, String)>> {
    Ok(sqlx::query_as(
        "select name, sealed from secrets where retired_at is null and name in (select value from json_each(?))",
    )
    .bind(names)
    .fetch_all(connection.sqlite())
    .await?)
}

/// Returns the names and encrypted values of all secrets, current and former ones.
pub(in crate::queue) async fn all(connection: &mut Connection) -> DbResult<Vec<(String, String)>> {
    Ok(sqlx::query_as("select name, sealed from secrets").fetch_all(connection.sqlite()).await?)
}

/// Marks the current value of a secret as a former one. Returns whether there was a current value.
pub(in crate::queue) async fn retire(connection: &mut Connection, name: &str, now: Timestamp) -> DbResult<bool> {
    let retired = sqlx::query("update secrets set retired_at = ? where name = ? and retired_at is null")
        .bind(now.0)
        .bind(name)
        .execute(connection.sqlite())
        .await?;
    Ok(retired.rows_affected() > 0)
}

/// Stores the current value of a secret.
pub(in crate::queue) async fn insert(connection: &mut Connection, row: &SecretRow) -> DbResult<()> {
    sqlx::query("insert into secrets (name, sealed, created_at, set_at, set_by) values (?, ?, ?, ?, ?)")
        .bind(&row.name)
        .bind(&row.sealed)
        .bind(row.created_at.0)
        .bind(row.set_at.0)
        .bind(&row.set_by)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}

/// Returns the ids, names and encrypted values of all former values, latest first.
pub(in crate::queue) async fn retired(connection: &mut Connection) -> DbResult<Vec<(i64, String, String)>> {
    Ok(sqlx::query_as(
        "select id, name, sealed from secrets where retired_at is not null order by retired_at desc, id desc",
    )
    .fetch_all(connection.sqlite())
    .await?)
}

/// Deletes a former value.
pub(in crate::queue) async fn forget(connection: &mut Connection, id: i64) -> DbResult<()> {
    sqlx::query("delete from secrets where id = ? and retired_at is not null")
        .bind(id)
        .execute(connection.sqlite())
        .await?;
    Ok(())
}
