//! API tokens, which programs send instead of a password.
//!
//! A token consists of a prefix, 30 random letters and digits, and a checksum, as GitHub's tokens do. Secret scanners
//! and the redactor recognise tokens by this format. Only a token's hash is stored.

mod format;
pub(super) mod store;

use std::time::Duration;

use engine::clock;
use engine::db::DbError;
use engine::queue::{InvalidPayload, Maskers, WorkerLimits};
use model::{ApiToken, ApiTokensPage, CreatedApiToken, NewApiToken, Role, TokenId, TokenLimits};
use uuid::Uuid;

use super::changes::{Change, invalid};
use super::owner::admitted_owner;
use super::{ADMIN, Account, Auth, Credential, Identity, ListRange, PeopleError, hash};
use crate::limits::{EXPIRED_TOKEN_KEPT, LAST_USED_EVERY};
use store::TokenRow;

/// The maximum length of a token's name, in characters.
const MAX_NAME: usize = 100;

/// The maximum length of a token's description, in characters.
const MAX_DESCRIPTION: usize = 2_000;

/// The maximum number of tokens of an account.
const MAX_TOKENS: i64 = ListRange::MAX_LIMIT;

impl TokenRow {
    /// Returns the identity that the token authenticates. Its role is never more powerful than the role of the token's
    /// user. Returns `None` if the user is refused. Also returns `None` for a worker's token if its user may no longer
    /// create tokens for workers.
    fn identity(&self) -> Option<Identity> {
        let (user, role_of_user) = admitted_owner(self.account, self.user.as_ref())?;
        let role = match self.role {
            role if role_of_user.may_grant(role) => role,
            Role::Worker => return None,
            _ => role_of_user,
        };
        let (by, expires_at) = (Credential::ApiToken(self.id), Some(self.expires_at));
        Some(Identity { user, role, account: self.account, by, expires_at })
    }

    fn into_model(self) -> ApiToken {
        ApiToken {
            id: self.id,
            user_id: self.user.map_or_else(|| ADMIN.to_owned(), |user| user.name),
            name: self.name.to_text().into_owned(),
            role: self.role,
            description: self.description.map(|text| text.to_text().into_owned()),
            limits: self.limits,
            hint: self.hint,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
        }
    }
}

impl Auth {
    /// Returns the identity that an API token authenticates, or `None` if the token is not valid.
    pub(super) async fn token_identity(&self, token: &str) -> Result<Option<Identity>, DbError> {
        // A mistyped token is refused without a database query.
        if !format::is_token(token) {
            return Ok(None);
        }
        let now = clock::now();
        let mut connection = self.db.reader().await?;
        let Some(row) = store::by_digest(&mut connection, &hash(token), now).await? else { return Ok(None) };
        drop(connection);
        let before = now.before(LAST_USED_EVERY);
        if row.last_used_at.is_none_or(|used| used <= before) {
            let (db, id) = (self.db.clone(), row.id);
            // The request does not wait for this write.
            tokio::spawn(async move {
                let write = db.writer().write(move |tx| Box::pin(store::touch(tx.connection(), id, now, before)));
                if let Err(error) = write.await {
                    tracing::warn!(%error, "the time of a token's last use was not stored");
                }
            });
        }
        Ok(row.identity())
    }

    pub(super) async fn token_identity_by_id(&self, id: TokenId) -> Result<Option<Identity>, DbError> {
        let mut connection = self.db.reader().await?;
        let row = store::by_id(&mut connection, id).await?;
        Ok(row.filter(|row| row.expires_at > clock::now()).and_then(|row| row.identity()))
    }

    /// Returns the tokens of an account or, if `account` is `None`, all tokens. Tokens that `by` may not revoke are
    /// omitted.
    pub async fn tokens(
        &self,
        account: Option<Account>,
        range: ListRange,
        by: &Identity,
    ) -> Result<ApiTokensPage, PeopleError> {
        self.listed_tokens(account, None, range, by).await
    }

    /// Returns the tokens that have the role of a worker and that `by` may revoke.
    pub async fn tokens_of_workers(&self, range: ListRange, by: &Identity) -> Result<ApiTokensPage, PeopleError> {
        self.listed_tokens(None, Some(Role::Worker), range, by).await
    }

    /// Returns the token with this id, or `None` if there is none, if its role is not that of a worker, or if `by` may
    /// not revoke it.
    pub async fn token_of_worker(&self, id: TokenId, by: &Identity) -> Result<Option<ApiToken>, PeopleError> {
        let mut connection = self.db.reader().await?;
        let row = store::by_id(&mut connection, id).await?;
        let row = row.filter(|row| row.role == Role::Worker && by.manages_token(row.account, row.id, row.role));
        Ok(row.map(TokenRow::into_model))
    }

    async fn listed_tokens(
        &self,
        account: Option<Account>,
        role: Option<Role>,
        range: ListRange,
        by: &Identity,
    ) -> Result<ApiTokensPage, PeopleError> {
        let mut connection = self.db.reader().await?;
        let mut rows = store::list(&mut connection, account, role, range).await?;
        let limit = usize::try_from(range.limit).unwrap_or(0);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        rows.retain(|row| by.manages_token(row.account, row.id, row.role));
        Ok(ApiTokensPage { items: rows.into_iter().map(TokenRow::into_model).collect(), has_more })
    }

    /// Creates a token for the sender of the request. If the request was itself sent with a token, the new token
    /// expires no later than that token.
    pub async fn create_token(&self, new: NewApiToken, by: &Identity) -> Result<CreatedApiToken, PeopleError> {
        let NewApiToken { name, role, expires_in_days, description, .. } = &new;
        let (name, expires_in_days) = (name.trim().to_owned(), *expires_in_days);
        check_name(&name)?;
        let description = description.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
            return Err(invalid("description", format!("must have at most {MAX_DESCRIPTION} characters")));
        }
        let role = role.unwrap_or(by.role);
        if !by.role.may_grant(role) {
            return Err(PeopleError::NotAuthorized(by.role));
        }
        let (name, description) = (self.maskers.mask(&name), description.map(|text| self.maskers.mask(&text)));
        let limits = check_limits(role, new, &self.maskers)?;
        let days = expires_in_days.unwrap_or(NewApiToken::DEFAULT_DAYS);
        if !(1..=NewApiToken::MAX_DAYS).contains(&days) {
            return Err(invalid("expiresInDays", format!("must be 1 to {}", NewApiToken::MAX_DAYS)));
        }
        let (token, now) = (format::new_token(), clock::now());
        let end = now.after(Duration::from_hours(24) * days);
        // A token that was created with another token must not outlive it. Otherwise, somebody with a stolen token
        // could extend their access forever.
        let longest = by.expires_at.filter(|_| matches!(by.by, Credential::ApiToken(_)));
        let row = TokenRow {
            id: TokenId(Uuid::now_v7()),
            account: by.account,
            user: None,
            name,
            role,
            description,
            limits,
            hint: format::hint(&token),
            created_at: now,
            last_used_at: None,
            expires_at: longest.map_or(end, |longest| longest.min(end)),
        };
        let digest = hash(&token);
        let row = self
            .apply(Change::TokenCreated(row.id.to_string()), &by.user, move |tx| {
                Box::pin(async move {
                    let connection = tx.connection();
                    store::delete_expired(connection, now.before(EXPIRED_TOKEN_KEPT)).await?;
                    if store::count(connection, row.account).await? >= MAX_TOKENS {
                        return Err(invalid("tokens", format!("{MAX_TOKENS} tokens exist already; revoke one first")));
                    }
                    store::insert(connection, &row, &digest).await?;
                    Ok(row)
                })
            })
            .await?;
        let about = ApiToken { user_id: by.user.clone(), ..row.into_model() };
        Ok(CreatedApiToken { token, about })
    }

    /// Revokes a token. Only administrators can revoke the tokens of others.
    pub async fn revoke_token(&self, id: TokenId, by: &Identity) -> Result<(), PeopleError> {
        let (allowed, revocations) = (by.clone(), self.revocations.clone());
        self.apply(Change::TokenRevoked(id.to_string()), &by.user, move |tx| {
            Box::pin(async move {
                let row = store::by_id(tx.connection(), id).await?;
                let row = row.filter(|row| allowed.manages_token(row.account, row.id, row.role));
                let row = row.ok_or(PeopleError::NoSuchToken)?;
                store::delete(tx.connection(), id).await?;
                tx.after_commit(move || revocations.notify(row.account));
                Ok(())
            })
        })
        .await
    }
}

/// Checks the limits of a new token. Only tokens of workers can have limits.
fn check_limits(role: Role, new: NewApiToken, maskers: &Maskers) -> Result<TokenLimits, PeopleError> {
    let limits = WorkerLimits {
        kinds: new.allowed_job_types.unwrap_or_default(),
        repositories: new.allowed_repositories.unwrap_or_default(),
        capabilities: new.capabilities.unwrap_or_default(),
    };
    if role != Role::Worker && limits != WorkerLimits::default() {
        return Err(invalid("allowedJobTypes", "only tokens with the role worker can have limits"));
    }
    let refused = |error: InvalidPayload| {
        let fields = ["allowedRepositories", "capabilities"];
        let field = fields.into_iter().find(|field| error.field.starts_with(field)).unwrap_or("allowedJobTypes");
        invalid(field, error.problem)
    };
    // Limits are compared with the names in jobs, so they cannot be masked.
    let WorkerLimits { kinds, repositories, capabilities } = &limits;
    let fields = [("allowedJobTypes", kinds), ("allowedRepositories", repositories), ("capabilities", capabilities)];
    for (field, names) in fields {
        if names.iter().any(|name| maskers.reveals_secret(name)) {
            return Err(invalid(field, "must not contain a secret, because it is stored and shown as it is"));
        }
    }
    let WorkerLimits { kinds, repositories, capabilities } = limits.check().map_err(refused)?;
    let some = |names: Vec<String>| (!names.is_empty()).then_some(names);
    Ok(TokenLimits {
        allowed_job_types: some(kinds),
        allowed_repositories: some(repositories),
        capabilities: some(capabilities),
    })
}

fn check_name(name: &str) -> Result<(), PeopleError> {
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(invalid("name", format!("must have 1 to {MAX_NAME} characters, without control characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use redact::Redacted;

    use super::store::TokenRow;
    use super::*;
    use crate::auth::owner::CredentialOwner;

    fn role(of_token: Role, of_user: Role, is_refused: bool) -> Option<Role> {
        let row = TokenRow {
            id: TokenId(Uuid::nil()),
            account: Account::User(1),
            user: Some(CredentialOwner {
                name: "ada".into(),
                role: of_user,
                is_refused,
                source: model::UserSource::Local,
            }),
            name: Redacted::literal("test"),
            role: of_token,
            description: None,
            limits: TokenLimits::default(),
            hint: String::new(),
            created_at: Timestamp(0),
            last_used_at: None,
            expires_at: Timestamp(1),
        };
        row.identity().map(|identity| identity.role)
    }

    #[test]
    fn a_token_never_permits_more_than_its_user() {
        for of_user in Role::OF_PEOPLE {
            for of_token in Role::ALL {
                assert_eq!(role(of_token, of_user, true), None, "a disabled {of_user}");
                let expected = match of_token {
                    Role::Worker => (of_user == Role::Admin).then_some(Role::Worker),
                    _ if of_user.includes(of_token) => Some(of_token),
                    _ => Some(of_user),
                };
                assert_eq!(role(of_token, of_user, false), expected, "a token {of_token} of a {of_user}");
            }
        }
    }
}
