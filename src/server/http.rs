//! Every route on one screen.

mod artifacts;
mod body;
pub(super) mod error;
mod events;
mod file;
mod form;
mod health;
mod jobs;
mod lines;
mod log;
mod metrics;
pub(super) mod query;
mod range;
mod session;
mod sse;
mod stream;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};

use super::{AppState, arrival, gate, observe};
use crate::app;
use error::ApiError;

/// Returns everything that the server answers.
pub(super) fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/jobs", get(jobs::list).post(jobs::submit))
        .route("/jobs/stream", get(jobs::stream::stream))
        .route("/jobs/{id}", get(jobs::get))
        .route("/jobs/{id}/cancel", post(jobs::cancel))
        .route("/jobs/{id}/resubmit", post(jobs::resubmit))
        .route("/jobs/{id}/events", get(events::page))
        .route("/jobs/{id}/events/stream", get(stream::stream))
        .route("/jobs/{id}/log", get(log::log))
        .route("/jobs/{id}/lines", get(lines::lines))
        .route("/jobs/{id}/artifacts", get(artifacts::list))
        .route("/jobs/{id}/artifacts/{artifact}/download", get(artifacts::download));
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let options = state.leptos.clone();
    Router::new()
        .nest("/api/queue", api)
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/login", post(session::login))
        .route("/tasks/queue/new", post(form::submit))
        .route("/logout", post(session::logout))
        .route("/rpc/{*function}", post(rpc))
        .leptos_routes_with_context(&state, generate_route_list(app::App), context, move || app::shell(options.clone()))
        .fallback(files_and_pages)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(state.config.body_bytes))
        .layer(middleware::from_fn_with_state(state.clone(), arrival::arrival))
        .layer(middleware::from_fn_with_state(state.clone(), gate::gate))
        .layer(map_response(with_default_headers))
        .layer(middleware::from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}

/// What every reply says unless its route says something else.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds the headers that every reply has.
pub(super) async fn with_default_headers(mut reply: Response) -> Response {
    for (name, value) in DEFAULT_HEADERS {
        reply.headers_mut().entry(name).or_insert(value);
    }
    reply
}

/// Answers a server function of the pages.
async fn rpc(State(state): State<AppState>, request: Request) -> impl IntoResponse {
    leptos_axum::handle_server_fns_with_context(move || provide_context(state.clone()), request).await
}

/// Answers what no route does: a file of the site, else the page that says that there is nothing.
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
