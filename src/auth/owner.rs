//! The user to whom a session or an API token belongs. The queries for sessions and the queries for tokens both return
//! this user.

pub(super) mod store;

use model::{Role, UserSource};

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

/// Returns the name and the role of the account to which a credential belongs, or `None` if its user is refused.
pub(super) fn admitted_owner(account: Account, owner: Option<&CredentialOwner>) -> Option<(String, Role)> {
    match (account, owner) {
        (Account::AdminToken, _) => Some((ADMIN.to_owned(), Role::Admin)),
        (Account::User(_), Some(user)) if !user.is_refused => Some((user.name.clone(), user.role)),
        (Account::User(_), _) => None,
    }
}
