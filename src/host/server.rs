//! The server's implementations of the functions that differ between the server and the browser.

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use engine::json::{InvalidBody, JsonDepth};
use leptos::nonce::Nonce;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use model::{Role, Timestamp};
use serde::de::DeserializeOwned;

use crate::auth::Identity;
use crate::server::AppState;
pub use engine::clock::now;

/// Whether this code runs on the server.
pub const IS_SERVER: bool = true;

/// Sets the status of the page's response. An invalid status is ignored.
pub fn status(code: u16) {
    if let (Some(reply), Ok(code)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(code)) {
        reply.set_status(code);
    }
}

/// Escapes the text of a `<title>` or `<textarea>` element, because Leptos and `leptos_meta` do not escape it there.
///
/// The content of these elements is escapable raw text (HTML, 13.1.2), in which only `&` and `<` are special.
pub fn escaped_text(text: String) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Sends the page's Content-Security-Policy, which restricts the resources that the page may load. Inline scripts need
/// the given nonce.
///
/// Styles may come only from files. Heights and widths that the page computes are set through the CSSOM, which a policy
/// without `unsafe-inline` permits.
pub fn security_policy(nonce: Option<&Nonce>) {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
    if let (Some(reply), Ok(policy)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&policy)) {
        reply.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Makes the browser reload the page after the given number of seconds.
pub fn reload_after(seconds: u32) {
    if let Some(reply) = use_context::<ResponseOptions>() {
        reply.insert_header(header::REFRESH, HeaderValue::from(seconds));
    }
}

/// Parses the arguments of a server function that the browser has called, by the same rules as all JSON bodies. An
/// error does not quote secrets in the arguments.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let state = use_context::<AppState>();
    let depth = state.as_ref().map_or(JsonDepth::MAX, |state| state.config.json_depth);
    engine::json::read_bytes(bytes, depth).map_err(|InvalidBody { problem, json }| match &state {
        Some(state) => state.queue.maskers().mask_error(&problem, json.as_ref()),
        None => problem,
    })
}

/// Masks the message of an error, which may quote the request.
pub fn masked(message: String) -> String {
    match use_context::<AppState>() {
        Some(state) => state.queue.maskers().mask_error(&message, None),
        None => message,
    }
}

/// Returns the URL path of a static file, given its name without a hash.
pub fn asset(name: &str) -> String {
    use_context::<AppState>().map_or_else(|| format!("/{name}"), |state| state.site.url(name))
}

/// Returns the path of the requested page.
pub fn requested_path() -> Option<String> {
    Some(use_context::<Parts>()?.uri.path().to_owned())
}

/// Returns the URL paths of the files that contain the code of one of the modules of the pages.
pub fn module_urls(module: &str) -> Vec<String> {
    use_context::<AppState>().map(|state| state.site.module_urls(module)).unwrap_or_default()
}

/// Returns the name and the role of the person who has requested the page, or `None` if nobody is logged in.
pub fn current_user() -> Option<(String, Role)> {
    let identity = use_context::<Parts>()?.extensions.get::<Identity>().cloned()?;
    Some((identity.user, identity.role))
}

/// Returns the name of the OpenID Connect provider with which people can log in, or `None` if there is none.
pub fn provider_name() -> Option<String> {
    Some(use_context::<AppState>()?.oidc.as_ref()?.name().to_owned())
}

/// Returns 0, because the server does not know the reader's time zone.
pub const fn utc_offset_minutes(_at: Timestamp) -> i64 {
    0
}
