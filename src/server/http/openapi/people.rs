//! The operations on users, login links, sessions, API tokens and the audit log.

use model::{
    ApiTokensPage, AuditPage, CreatedApiToken, CreatedLoginLink, NewApiToken, NewLoginLink, NewUser, PasswordChange,
    SessionsPage, UserChanges, UsersPage,
};
use serde_json::{Value, json};

use super::examples::{self, example};
use super::operation::{ApiOperation, id, integer, limit, text, value};
use crate::auth::ListRange;
use crate::server::http::error::ApiError;
use crate::server::http::{audit, events};

/// The tag that groups these operations.
pub(super) const TAG: &str = "people";

/// Returns the operations on users, login links, sessions, API tokens and the audit log.
pub(super) fn operations() -> Vec<ApiOperation> {
    let operations = users().into_iter().chain(login_links()).chain(sessions()).chain(tokens()).chain(audit_log());
    operations.map(|operation| operation.tag(TAG)).collect()
}

/// Adds the parameters that select a range of a list.
pub(super) fn with_range(operation: ApiOperation) -> ApiOperation {
    operation.query("limit", limit((ListRange::MAX_LIMIT, ListRange::MAX_LIMIT)), "The maximum number of items.").query(
        "offset",
        integer(0..=i64::from(i32::MAX)).default(Some(json!(0))),
        "The number of items to skip.",
    )
}

/// Adds the parameters that select a range of a list and one user.
fn with_user(operation: ApiOperation) -> ApiOperation {
    let about = "The user whose items are listed. The default is you or, for administrators, all users.";
    with_range(operation).query("user", text(), about).refuses([ApiError::UserNotFound])
}

fn named(operation: ApiOperation) -> ApiOperation {
    operation.path("name", text().min_length(Some(1)), "ada", "The name of the user.").refuses([ApiError::UserNotFound])
}

fn users() -> [ApiOperation; 5] {
    let new: NewUser = example(json!({"name": "ada", "role": "operator", "password": "correct horse battery"}));
    let changes: UserChanges = example(json!({"role": "viewer", "disabled": false}));
    let change: PasswordChange =
        example(json!({"currentPassword": "correct horse battery", "newPassword": "staple correct horse"}));
    let about = "Changes the role or the password of a user, or disables a user.";
    [
        ApiOperation::get("/users", "listUsers", "Lists the users, sorted by name.").query_refused().reply(
            200,
            "All users.",
            &UsersPage { items: vec![examples::user()] },
        ),
        ApiOperation::post("/users", "addUser", "Adds a user.")
            .about("Without a password, the user can log in only with a login link.")
            .body(&new)
            .reply(201, "The user.", &examples::user())
            .link(201, "changeUser", ("name", "$response.body#/name"))
            .link(201, "createLoginLink", ("name", "$response.body#/name"))
            .link(201, "removeUser", ("name", "$response.body#/name")),
        named(ApiOperation::patch("/users/{name}", "changeUser", about))
            .about("A new role or password, and disabling, end the user's sessions and login link.")
            .body(&changes)
            .reply(200, "The user.", &examples::user()),
        named(ApiOperation::delete("/users/{name}", "removeUser", "Removes a user with all sessions and tokens."))
            .empty_reply(204, "The user has been removed."),
        ApiOperation::post("/account/password", "changePassword", "Changes your own password.")
            .about("All other sessions of the user end.")
            .body(&change)
            .empty_reply(204, "The password has been changed."),
    ]
}

fn login_links() -> [ApiOperation; 2] {
    let new: NewLoginLink = example(json!({"expiresInHours": 24}));
    let created: CreatedLoginLink = example(json!({
        "userId": "ada", "link": "https://tailwater.example/login?userTicket=...",
        "expiresAt": "2026-02-01T12:00:00.000000Z",
    }));
    let summary = "Creates a one-time login link for a local user.";
    let about = "The person who opens the link logs in once, without a password, and can choose a new one. The user's \
        previous link ends.";
    [
        named(ApiOperation::post("/users/{name}/login-link", "createLoginLink", summary))
            .about(about)
            .optional_body(&new)
            .reply(201, "The link. Only this response contains it.", &created)
            .link(201, "revokeLoginLink", ("name", "$response.body#/userId")),
        named(ApiOperation::delete("/users/{name}/login-link", "revokeLoginLink", "Ends the login link of a user."))
            .empty_reply(204, "The user has no login link."),
    ]
}

fn sessions() -> [ApiOperation; 2] {
    let page = SessionsPage { items: vec![examples::session()], has_more: false };
    let list = ApiOperation::get("/sessions", "listSessions", "Lists the sessions of browsers, newest first.");
    [
        with_user(list).reply(200, "The sessions.", &page).link(
            200,
            "endSession",
            ("id", "$response.body#/items/0/id"),
        ),
        ApiOperation::delete("/sessions/{id}", "endSession", "Ends a session.")
            .path("id", id(), examples::ID, "The id of the session.")
            .empty_reply(204, "The session has ended.")
            .refuses([ApiError::SessionNotFound]),
    ]
}

fn tokens() -> [ApiOperation; 3] {
    let new: NewApiToken = example(json!({"name": "ci", "role": "operator", "expiresInDays": 90}));
    let created = CreatedApiToken { token: "tw_...".to_owned(), about: examples::token() };
    let page = ApiTokensPage { items: vec![examples::token()], has_more: false };
    let list = ApiOperation::get("/tokens", "listTokens", "Lists the API tokens, newest first.");
    [
        with_user(list).reply(200, "The tokens, without their texts.", &page),
        ApiOperation::post("/tokens", "createToken", "Creates an API token.")
            .about("By default, the token has the role of the sender. It cannot have a role that permits more.")
            .body(&new)
            .reply(201, "The token. Only this response contains its text.", &created)
            .link(201, "revokeToken", ("id", "$response.body#/id")),
        ApiOperation::delete("/tokens/{id}", "revokeToken", "Revokes an API token.")
            .path("id", id(), examples::ID, "The id of the token.")
            .empty_reply(204, "The token has been revoked.")
            .refuses([ApiError::TokenNotFound]),
    ]
}

fn audit_log() -> [ApiOperation; 2] {
    let page = AuditPage { items: vec![examples::audit_entry()], next_before: None };
    let with_filter = |operation: ApiOperation| {
        operation.query("user", text(), "Only entries about requests of this user.").query(
            "action",
            text(),
            "Only entries about this action, such as `job.submit`.",
        )
    };
    let export = "Sends all entries of the audit log, oldest first.";
    let lines = Value::String(format!("{}\n", value(&examples::audit_entry())));
    [
        with_filter(ApiOperation::get("/audit", "listAuditEntries", "Lists the audit log, newest first."))
            .query("before", integer(1..=i64::MAX), "The id before which the page begins.")
            .query("limit", limit((audit::DEFAULT_LIMIT, audit::MAX_LIMIT)), "The maximum number of entries.")
            .reply(200, "A page of entries.", &page),
        with_filter(ApiOperation::get("/audit/export", "exportAuditEntries", export))
            .query("after", integer(0..=i64::MAX).default(Some(json!(0))), "The id after which the export begins.")
            .reply_as(200, "One entry as a JSON object on each line.", events::NDJSON, text(), lines),
    ]
}
