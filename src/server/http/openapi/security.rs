//! The credentials that the API accepts, for its description.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The name of the scheme in which an API token or the admin token is sent as a bearer token.
pub(super) const BEARER: &str = "bearer";

/// The name of the scheme in which a worker's token is sent in a separate header.
pub(super) const WORKER_TOKEN: &str = "workerToken";

/// The name of the scheme in which a browser sends its session cookie.
pub(super) const SESSION: &str = "session";

/// Returns all schemes with their names. `cookie` is the name of the session cookie.
pub(super) fn schemes(cookie: &str) -> [(&'static str, SecurityScheme); 3] {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token, or the admin token."))
        .build();
    let worker = "An API token with the role `worker`. `Authorization: Bearer` has the same effect.";
    let session = "The session of a person who has logged in with a browser. Requests that change something, and \
                   streams, must come from a page of this server.";
    [
        (BEARER, SecurityScheme::Http(bearer)),
        (
            WORKER_TOKEN,
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-MoonMind-Worker-Token", worker))),
        ),
        (SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(cookie, session)))),
    ]
}
