//! `/users`, `/account/password`, `/sessions` and `/tokens`: manages people, their login links, browser sessions and
//! API tokens.

pub(super) mod forms;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use model::{
    ApiToken, ApiTokensPage, CreatedApiToken, CreatedLoginLink, NewApiToken, NewLoginLink, NewUser, PasswordChange,
    Role, SessionsPage, TokenId, User, UserChanges, UsersPage,
};

use super::body::{JsonBody, OptionalJsonBody};
use super::error::ApiError;
use super::query::Query;
use super::session::login_client;
use crate::auth::{Account, Identity, ListRange, PeopleError, UserTicket};
use crate::server::AppState;
use crate::server::audit::AuditNote;
use crate::server::client::RequestClient;
use crate::server::gate::RequestHost;

pub(super) async fn users(State(state): State<AppState>, query: Query) -> Result<Json<UsersPage>, ApiError> {
    query.end()?;
    Ok(Json(state.auth.users().await?))
}

pub(super) async fn add_user(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    JsonBody(new): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<User>), ApiError> {
    note.object(&new.name);
    note.details(of_new_user(new.role));
    Ok((StatusCode::CREATED, Json(state.auth.add_user(new, &identity).await?)))
}

pub(super) async fn change_user(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    Path(name): Path<String>,
    JsonBody(changes): JsonBody<UserChanges>,
) -> Result<Json<User>, ApiError> {
    note.details(of_changes(&changes));
    Ok(Json(state.auth.change_user(&name, changes, &identity).await?))
}

pub(super) async fn remove_user(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.auth.remove_user(&name, &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn create_login_link(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(client): Extension<RequestClient>,
    Extension(host): Extension<RequestHost>,
    Extension(note): Extension<AuditNote>,
    Path(name): Path<String>,
    OptionalJsonBody(new): OptionalJsonBody<NewLoginLink>,
) -> Result<(StatusCode, Json<CreatedLoginLink>), ApiError> {
    let link = login_link(state.auth.create_login_link(&name, new, &identity).await?, client, &host);
    note.details(of_login_link(&link));
    Ok((StatusCode::CREATED, Json(link)))
}

pub(super) async fn revoke_login_link(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.auth.revoke_login_link(&name, &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn change_password(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(client): Extension<RequestClient>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    JsonBody(change): JsonBody<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    note.object(&identity.user);
    state.auth.change_own_password(change, &identity, &login_client(client, None, &headers)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn sessions(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    query: Query,
) -> Result<Json<SessionsPage>, ApiError> {
    let (account, range) = requested(&state, &identity, query).await?;
    Ok(Json(state.auth.sessions(account, range, &identity).await?))
}

pub(super) async fn end_session(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse().map_err(|_| ApiError::SessionNotFound)?;
    state.auth.end_session(id, &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn tokens(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    query: Query,
) -> Result<Json<ApiTokensPage>, ApiError> {
    let (account, range) = requested(&state, &identity, query).await?;
    Ok(Json(state.auth.tokens(account, range, &identity).await?))
}

pub(super) async fn create_token(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Extension(note): Extension<AuditNote>,
    JsonBody(new): JsonBody<NewApiToken>,
) -> Result<(StatusCode, Json<CreatedApiToken>), ApiError> {
    note.object(&new.name);
    let token = state.auth.create_token(new, &identity).await?;
    note.details(of_token(&token.about));
    Ok((StatusCode::CREATED, Json(token)))
}

pub(super) async fn revoke_token(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse().map_err(|_| ApiError::TokenNotFound)?;
    revoke(&state, id, &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Describes a new user for the audit log.
fn of_new_user(role: Role) -> String {
    format!("role {role}")
}

/// Describes the changes to a user for the audit log, without the new password.
fn of_changes(changes: &UserChanges) -> String {
    let role = changes.role.map(|role| format!("role {role}"));
    let password = changes.password.is_some().then(|| "new password".to_owned());
    let disabled = changes.disabled.map(|disabled| if disabled { "disabled" } else { "enabled" }.to_owned());
    [role, password, disabled].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Describes a new token for the audit log.
pub(super) fn of_token(token: &ApiToken) -> String {
    let expires = token.expires_at.to_string();
    let date = expires.split('T').next().unwrap_or_default();
    format!("role {}, expires on {date}", token.role)
}

/// Describes a new login link for the audit log.
fn of_login_link(link: &CreatedLoginLink) -> String {
    format!("expires at {}", link.expires_at)
}

/// Returns the login link with this ticket. The link begins with the address to which the request was sent. Even behind
/// a reverse proxy, this is an address at which browsers can reach the server.
fn login_link(new: UserTicket, client: RequestClient, host: &RequestHost) -> CreatedLoginLink {
    let UserTicket { user, ticket, expires_at } = new;
    let link = format!("{}/login?userTicket={}", host.origin(client.https), ticket.expose());
    CreatedLoginLink { user_id: user, link, expires_at }
}

/// Revokes a token. If a worker has claimed jobs with it, the leases of these jobs end.
pub(super) async fn revoke(state: &AppState, id: TokenId, by: &Identity) -> Result<(), PeopleError> {
    state.auth.revoke_token(id, by).await?;
    if let Err(error) = state.queue.end_leases_without_token().await {
        // These leases still end soon, because the queue looks for leases with revoked tokens every few seconds.
        tracing::error!(%error, "the leases of a revoked token could not be ended yet");
    }
    Ok(())
}

/// Parses the parameters that select a range of a list.
pub(super) fn list_range(query: &mut Query) -> Result<ListRange, ApiError> {
    Ok(ListRange {
        limit: query.number("limit", 1..=ListRange::MAX_LIMIT)?.unwrap_or(ListRange::MAX_LIMIT),
        offset: query.number("offset", 0..=i64::from(i32::MAX))?.unwrap_or(0),
    })
}

/// Returns the account whose sessions or tokens are requested, and the range of the list. If an administrator requests
/// no particular account, the account is `None`, which means all accounts. Other users can request only their own
/// account.
async fn requested(
    state: &AppState,
    identity: &Identity,
    mut query: Query,
) -> Result<(Option<Account>, ListRange), ApiError> {
    let range = list_range(&mut query)?;
    let user = query.text("user");
    query.end()?;
    let is_admin = identity.role == Role::Admin;
    let account = match user {
        None => (!is_admin).then_some(identity.account),
        Some(name) if name.eq_ignore_ascii_case(&identity.user) => Some(identity.account),
        Some(name) if is_admin => Some(state.auth.account(&name).await?),
        Some(_) => return Err(ApiError::NotAuthorized(identity.role)),
    };
    Ok((account, range))
}
