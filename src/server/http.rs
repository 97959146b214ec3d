//! The table of all routes.

mod artifacts;
mod audit;
mod body;
mod bulk;
pub(super) mod error;
pub(super) mod events;
mod file;
mod form;
mod health;
mod jobs;
mod lines;
mod log;
mod machine;
mod metrics;
mod multipart;
pub(super) mod oidc;
mod openapi;
mod pauses;
mod people;
mod previews;
pub(super) mod query;
mod range;
mod redaction;
mod routes;
mod search;
mod secrets;
pub(super) mod session;
mod sse;
mod status;
mod stream;
mod streams;
mod submission;
mod usual;
mod worker_list;
mod worker_tokens;
mod workers;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, map_response_with_state};
use axum::response::{IntoResponse, Response};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};

use super::{AppState, arrival, gate, head, observe};
use crate::app;
use crate::page_data::RefusedPerson;
use error::{ApiError, write_error};
pub use routes::Route;
use routes::Routes;

/// Declares all routes except those of the pages, which Leptos generates.
fn routes() -> Routes {
    let api = Routes::new()
        .get("/machine", machine::machine)
        .get("/jobs", jobs::list)
        .post("/jobs", jobs::submit)
        .get("/events/stream", streams::stream)
        .get("/jobs/stream", jobs::stream::stream)
        .get("/jobs/{id}", jobs::get)
        .delete("/jobs/{id}", jobs::remove)
        .post("/jobs/{id}/cancel", jobs::cancel)
        .post("/jobs/{id}/resubmit", jobs::resubmit)
        .get("/jobs/{id}/events", events::page)
        .get("/jobs/{id}/events/stream", stream::stream)
        .get("/jobs/{id}/log", log::log)
        .get("/jobs/{id}/log/search", search::search)
        .get("/jobs/{id}/lines", lines::lines)
        .get("/jobs/{id}/usual", usual::usual)
        .get("/jobs/{id}/artifacts", artifacts::list)
        .get("/jobs/{id}/artifacts/{artifact}/download", artifacts::download)
        .get("/jobs/{id}/artifacts/{artifact}/preview", previews::begin)
        .post("/jobs/bulk", bulk::bulk)
        .post("/jobs/claim", workers::claim)
        .post("/jobs/{id}/heartbeat", workers::heartbeat)
        .post("/jobs/{id}/events", workers::append)
        .post("/jobs/{id}/output", workers::add_output)
        .get("/jobs/{id}/input", workers::input)
        .post("/jobs/{id}/artifacts/upload", workers::upload::upload)
        .post("/jobs/{id}/complete", workers::complete)
        .post("/jobs/{id}/fail", workers::fail)
        .post("/jobs/{id}/cancel/ack", workers::acknowledge_cancel)
        .get("/workers", worker_list::list)
        .get("/workers/tokens", worker_tokens::list)
        .post("/workers/tokens", worker_tokens::create)
        .post("/workers/tokens/{id}/revoke", worker_tokens::end)
        .post("/workers/{id}/drain", worker_list::drain)
        .post("/workers/{id}/resume", worker_list::resume)
        .get("/pauses", pauses::list)
        .put("/pauses/{name}", pauses::set)
        .delete("/pauses/{name}", pauses::remove)
        .get("/status", status::status)
        .post("/redact", redaction::test)
        .get("/redact/rules", redaction::rules)
        .get("/secrets", secrets::list)
        .get("/secrets/{name}", secrets::get)
        .put("/secrets/{name}", secrets::set)
        .delete("/secrets/{name}", secrets::remove)
        .get("/audit", audit::list)
        .get("/audit/export", audit::export)
        .get("/users", people::users)
        .post("/users", people::add_user)
        .patch("/users/{name}", people::change_user)
        .delete("/users/{name}", people::remove_user)
        .post("/users/{name}/login-link", people::create_login_link)
        .delete("/users/{name}/login-link", people::revoke_login_link)
        .post("/account/password", people::change_password)
        .get("/sessions", people::sessions)
        .delete("/sessions/{id}", people::end_session)
        .get("/tokens", people::tokens)
        .post("/tokens", people::create_token)
        .delete("/tokens/{id}", people::revoke_token);
    Routes::new()
        .nest("/api/queue", api)
        .get("/api/openapi.json", openapi::send)
        .get("/api/docs", openapi::page::page)
        .get("/previews/{permission}/{*name}", previews::file)
        .get("/healthz", async || "ok\n")
        .get("/readyz", health::ready)
        .get("/metrics", metrics::metrics)
        .post("/login", session::login)
        .get(oidc::START, oidc::start)
        .get(oidc::CALLBACK, oidc::finish)
        .post("/tasks/queue/new", form::submit)
        .post("/secrets", secrets::submit)
        .post("/tasks/queue/bulk", bulk::submit)
        .post("/workers", worker_list::submit)
        .post("/people", people::forms::people)
        .post("/account", people::forms::account)
        .post("/logout", session::logout)
        .server_functions("/rpc/{*function}", rpc)
}

/// Returns all routes, including those of the pages and their server functions.
#[must_use]
pub fn all_routes() -> Vec<Route> {
    routes().into_list(&generate_route_list(app::App))
}

/// Returns the router for all requests.
pub(super) fn router(state: AppState) -> Router {
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let options = state.leptos.clone();
    routes()
        .into_router()
        .leptos_routes_with_context(&state, generate_route_list(app::App), context, move || app::shell(options.clone()))
        .fallback(files_and_pages)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(state.config.body_bytes))
        .layer(middleware::from_fn_with_state(state.clone(), arrival::arrival))
        .layer(middleware::from_fn_with_state(state.clone(), gate::gate))
        .layer(middleware::from_fn_with_state(state.clone(), super::audit::audit))
        .layer(middleware::from_fn_with_state(state.clone(), head::limit))
        .layer(map_response_with_state(state.clone(), default_headers))
        .layer(middleware::from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}

/// The headers of every response, unless the route sets other values.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 7] = [
    // Responses for programs are not meant to be displayed. With this policy, a browser that displays one anyway loads
    // and runs nothing, and no page can embed it. Pages, previews, downloads and static files have policies of their
    // own.
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    // With these headers, pages of other sites get no reference to a window of this site, and cannot embed or load its
    // content.
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// With this header, browsers use only HTTPS for this host during the next year, on all ports (RFC 6797).
const ONLY_HTTPS: (HeaderName, HeaderValue) =
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));

/// Adds the default headers to a response, unless they are already set. Also writes the body of an error.
pub(super) fn with_default_headers(state: &AppState, mut reply: Response) -> Response {
    write_error(&mut reply, |message| state.queue.maskers().mask_error(message, None));
    // A server on a loopback address does not send `Strict-Transport-Security`, because the header would also affect
    // all other servers on the reader's machine.
    let only_https = (state.tls.is_some() && !state.leptos.site_addr.ip().is_loopback()).then_some(ONLY_HTTPS);
    for (name, value) in DEFAULT_HEADERS.into_iter().chain(only_https) {
        reply.headers_mut().entry(name).or_insert(value);
    }
    reply
}

async fn default_headers(State(state): State<AppState>, reply: Response) -> Response {
    with_default_headers(&state, reply)
}

/// Handles the server functions of the pages.
async fn rpc(State(state): State<AppState>, request: Request) -> impl IntoResponse {
    let mut reply = leptos_axum::handle_server_fns_with_context(move || provide_context(state.clone()), request)
        .await
        .into_response();
    // For forms, Leptos sets `Location` to the request's `Referer`, which may be the address of another site.
    if !reply.status().is_redirection() {
        reply.headers_mut().remove(LOCATION);
    }
    reply
}

/// Returns the page for a person whose role does not permit the requested page, or who is refused for another reason.
pub(super) async fn refused_page(state: &AppState, request: Request, refused: Option<RefusedPerson>) -> Response {
    let (state, options) = (state.clone(), state.leptos.clone());
    let render = leptos_axum::render_app_to_stream_with_context(
        move || {
            provide_context(state.clone());
            if let Some(refused) = refused.clone() {
                provide_context(refused);
            }
        },
        move || app::refused_shell(options.clone()),
    );
    render(request).await.into_response()
}

/// Handles requests that match no route. Responds with a file of the site, or else with the page for unknown addresses.
async fn files_and_pages(State(state): State<AppState>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") || request.uri().path() == "/api" {
        return ApiError::RouteNotFound.into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::MethodNotAllowed.into_response();
    }
    if let Some(file) = state.site.get(request.method(), request.uri(), request.headers()).await {
        return file;
    }
    let options = state.leptos.clone();
    let render = leptos_axum::render_app_to_stream_with_context(
        move || provide_context(state.clone()),
        move || app::shell(options.clone()),
    );
    render(request).await.into_response()
}
