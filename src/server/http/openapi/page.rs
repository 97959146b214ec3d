//! `/api/docs`: the description of the API as a page, for people.
//!
//! The page is rendered from the same document that `/api/openapi.json` sends. It has no scripts, and loads nothing but
//! the styles of the site. If it were one of the pages in `crate::pages`, the pages' WASM module would contain the
//! description.

mod operation;
mod prose;
mod schema;
mod table;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use serde_json::Value;

use super::document;
use crate::app;
use crate::server::AppState;
use crate::ui::PageTitle;
use operation::operation;
use prose::prose;
use schema::named_schema;

/// Sends the page.
pub(in crate::server::http) async fn page(State(state): State<AppState>, request: Request) -> Response {
    let document = Arc::new(document(state.auth.cookie_name(state.tls.is_some())));
    let options = state.leptos.clone();
    let render = leptos_axum::render_app_to_stream_with_context(
        move || provide_context(state.clone()),
        move || {
            let document = document.clone();
            app::plain_shell(&options, move || content(&document))
        },
    );
    render(request).await.into_response()
}

/// Returns the members of an object in the document, or no members if the value is not an object.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Returns a string in the document, or an empty string if the value is not a string.
fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An operation in the document, with its method in upper case and its path.
struct Described<'a> {
    method: String,
    path: &'a str,
    operation: &'a Value,
}

/// Returns the operations in a group, in the order of their paths.
fn in_group<'a>(document: &'a Value, tag: &str) -> Vec<Described<'a>> {
    let paths = members(&document["paths"]);
    let all = paths.flat_map(|(path, item)| {
        members(item).map(move |(method, operation)| Described { method: method.to_uppercase(), path, operation })
    });
    all.filter(|described| described.operation["tags"][0] == tag).collect()
}

fn content(document: &Value) -> AnyView {
    let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
    let index = tags.iter().map(|tag| group_index(document, text_of(&tag["name"]))).collect_view();
    let groups = tags.iter().map(|tag| group(document, tag)).collect_view();
    let schemas = members(&document["components"]["schemas"]).map(|(name, schema)| named_schema(name, schema));
    let schemas = schemas.collect_view();
    let credentials = members(&document["components"]["securitySchemes"]).map(|(name, scheme)| {
        view! {
            <li>
                <code>{name.clone()}</code>
                ": "
                {prose(text_of(&scheme["description"]))}
            </li>
        }
    });
    let credentials = credentials.collect_view();
    view! {
        <PageTitle text="API \u{b7} Tailwater" />
        <header class="page-header">
            <a href="/tasks/queue" class="back">
                <span>"Queue"</span>
            </a>
            <h1>"API"</h1>
            <span class="push"></span>
            <a href="/api/openapi.json">"openapi.json"</a>
        </header>
        <main class="api-docs">
            {prose(text_of(&document["info"]["description"]))}
            <h2>"Credentials"</h2>
            <ul>{credentials}</ul>
            <nav aria-label="Operations">{index}</nav>
            {groups}
            <section>
                <h2>"Types"</h2>
                {schemas}
            </section>
        </main>
    }
    .into_any()
}

/// Returns the links to the operations in a group.
fn group_index(document: &Value, tag: &str) -> AnyView {
    let links = in_group(document, tag).into_iter().map(|Described { method, path, operation }| {
        view! {
            <li>
                <a href=format!("#{}", text_of(&operation["operationId"]))>
                    <span class="api-method">{method}</span>
                    <code>{path.to_owned()}</code>
                </a>
            </li>
        }
    });
    let links = links.collect_view();
    view! {
        <h2>{heading(tag)}</h2>
        <ul class="api-index">{links}</ul>
    }
    .into_any()
}

fn group(document: &Value, tag: &Value) -> AnyView {
    let name = text_of(&tag["name"]);
    let operations = in_group(document, name).iter().map(operation).collect_view();
    view! {
        <section>
            <h2>{heading(name)}</h2>
            {prose(text_of(&tag["description"]))}
            {operations}
        </section>
    }
    .into_any()
}

/// Returns a heading with a capital letter.
fn heading(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_every_response_without_scripts() {
        let document = document("cookie");
        let tags = document["tags"].as_array().expect("an array");
        let html: String = tags.iter().map(|tag| group(&document, tag).to_html()).collect();
        let (mut operations, mut responses) = (0, 0);
        for (path, item) in members(&document["paths"]) {
            for (method, operation) in members(item) {
                let id = format!("id=\"{}\"", text_of(&operation["operationId"]));
                assert!(html.contains(&id), "{method} {path} is not on the page");
                operations += 1;
                responses += members(&operation["responses"]).count();
            }
        }
        assert!(operations > 50, "only {operations} operations");
        assert_eq!(html.matches("class=\"api-response\"").count(), responses);
        assert_eq!(html.matches("curl -s").count(), operations);
        assert!(!html.contains("<script") && !html.contains("style="), "the policy refuses scripts and styles");
    }
}
