//! The columns of a user in the queries for sessions and API tokens.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::CredentialOwner;
use crate::auth::users::store::{role_of, source_of};

/// The columns that [`CredentialOwner::of_row`] reads. They belong to the table `users`, which the query calls `u`, and
/// are null if there is no user.
macro_rules! owner_columns {
    () => {
        "u.name as owner_name, u.role as owner_role, u.disabled or u.without_role as owner_refused,
         u.source as owner_source"
    };
}

pub(in crate::auth) use owner_columns;

impl CredentialOwner {
    /// Returns the user of a row, or `None` if the credential belongs to the admin token.
    pub(in crate::auth) fn of_row(row: &SqliteRow) -> sqlx::Result<Option<Self>> {
        let Some(name) = row.try_get("owner_name")? else { return Ok(None) };
        Ok(Some(Self {
            name,
            role: role_of(row.try_get("owner_role")?),
            is_refused: row.try_get("owner_refused")?,
            source: source_of(row.try_get("owner_source")?),
        }))
    }
}
