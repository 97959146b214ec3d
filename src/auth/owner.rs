//! The user to whom a session or an API token belongs, as read by the queries for both.

use model::{Role, UserSource};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::users::store::{role_of, source_of};
use super::{ADMIN, Account};

/// The user to whom a session or a token belongs.
#[derive(Clone, Debug)]
pub(super) struct CredentialOwner {
    pub(super) name: String,
    pub(super) role: Role,
    /// Whether the user's credentials are refused, because the user is disabled or has no role.
    pub(super) is_refused: bool,
    pub(super) source: UserSource,
}

/// The columns that [`CredentialOwner::of_row`] reads, from the table `users` as `u`. They are null if there is no
/// user.
macro_rules! owner_columns {
    () => {
        "u.name as owner_name, u.role as owner_role, u.disabled or u.without_role as owner_refused,
         u.source as owner_source"
    };
}

pub(super) use owner_columns;

impl CredentialOwner {
    /// Returns the user of a row, or `None` if the credential belongs to the admin token.
    pub(super) fn of_row(row: &SqliteRow) -> sqlx::Result<Option<Self>> {
        let Some(name) = row.try_get("owner_name")? else { return Ok(None) };
        Ok(Some(Self {
            name,
            role: role_of(row.try_get("owner_role")?),
            is_refused: row.try_get("owner_refused")?,
            source: source_of(row.try_get("owner_source")?),
        }))
    }
}

/// Returns the name and the role of the account to which a credential belongs, or `None` if its user is refused.
pub(super) fn admitted_owner(account: Account, owner: Option<&CredentialOwner>) -> Option<(String, Role)> {
    match (account, owner) {
        (Account::AdminToken, _) => Some((ADMIN.to_owned(), Role::Admin)),
        (Account::User(_), Some(user)) if !user.is_refused => Some((user.name.clone(), user.role)),
        (Account::User(_), _) => None,
    }
}
