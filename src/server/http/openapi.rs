//! `/api/openapi.json`: describes the API as an OpenAPI 3.1 document.
//!
//! The schemas are derived from the types of the API, the errors from [`ApiError`](super::error::ApiError), and the
//! roles from the access table. A test compares the operations with the routes, so that neither can exist without the
//! other.

mod examples;
mod jobs;
mod operation;
mod output;
pub(super) mod page;
mod people;
mod security;
mod settings;
mod streams;
mod workers;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use model::ErrorBody;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths};

use crate::server::AppState;
use crate::server::access::requirement;
use operation::ApiOperation;

/// The prefix of all operations' paths, except paths that begin with `/api/` themselves.
const BASE: &str = "/api/queue";

/// The groups of operations, with their descriptions.
const TAGS: [(&str, &str); 6] = [
    (jobs::TAG, "Jobs, with their events, output and artifacts."),
    (workers::PROTOCOL, "The requests of programs that run jobs. docs/api.md describes their order."),
    (workers::TAG, "Workers, their tokens, and pauses."),
    (people::TAG, "Users, sessions, API tokens and the audit log."),
    (settings::SECRETS, "Named secrets, and what is masked in output."),
    (settings::SERVER, "The server itself."),
];

/// Sends the description.
pub(super) async fn send(State(state): State<AppState>) -> Json<Value> {
    Json(document(state.auth.cookie_name(state.tls.is_some())))
}

/// Returns the description. `cookie` is the name of the session cookie.
pub(super) fn document(cookie: &str) -> Value {
    let mut document = serde_json::to_value(typed_document(cookie)).expect("all maps in the document have string keys");
    for path in document.get_mut("paths").into_iter().flat_map(members_mut) {
        for operation in members_mut(path) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                // Forms send fields that are not filled in as empty parameters, so `allowEmptyValue` has to be set.
                // `utoipa` cannot set it.
                if parameter["in"] == "query" {
                    parameter["allowEmptyValue"] = true.into();
                }
            }
        }
    }
    document
}

fn members_mut(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut)
}

fn typed_document(cookie: &str) -> OpenApi {
    let mut of_errors = Vec::new();
    ErrorBody::schemas(&mut of_errors);
    let mut components = ComponentsBuilder::new().schema_from::<ErrorBody>().schemas_from_iter(of_errors);
    for (name, scheme) in security::schemes(cookie) {
        components = components.security_scheme(name, scheme);
    }
    let mut paths = Paths::new();
    for operation in operations() {
        let path = full_path(&operation);
        let requirement = requirement(&method(&operation.method), &path, &path);
        components = components.schemas_from_iter(operation.schemas.clone());
        let method = operation.method.clone();
        paths.add_path_operation(path, vec![method], operation.build(requirement));
    }
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let info = InfoBuilder::new()
        .title("Tailwater")
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .description(Some(
            "A job queue whose output can be watched live. Members of JSON objects are in camelCase, members without a \
             value are null, and times are in RFC 3339. docs/api.md describes the API in more detail.",
        ));
    OpenApiBuilder::new().info(info.build()).paths(paths).components(Some(components.build())).tags(Some(tags)).build()
}

/// Returns all operations.
fn operations() -> Vec<ApiOperation> {
    let groups = [jobs::operations(), output::operations(), workers::operations()];
    groups.into_iter().flatten().chain(people::operations()).chain(settings::operations()).collect()
}

fn full_path(operation: &ApiOperation) -> String {
    if operation.path.starts_with("/api/") { operation.path.clone() } else { format!("{BASE}{}", operation.path) }
}

fn method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Patch => Method::PATCH,
        _ => Method::GET,
    }
}

#[cfg(test)]
mod tests;
