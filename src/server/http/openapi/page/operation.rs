//! Renders an operation: its parameters, its body, an example of a request, and its responses.

use leptos::prelude::*;
use serde_json::Value;

use super::prose::{inline, prose};
use super::schema::type_of;
use super::table::table;
use super::{Described, members, text_of};

/// The address of the server in the examples, which is its default address.
const SERVER: &str = "http://127.0.0.1:3000";

/// Renders an operation.
pub(super) fn operation(described: &Described<'_>) -> AnyView {
    let Described { method, path, operation } = described;
    let role = text_of(&operation["x-required-role"]).to_owned();
    let responses = members(&operation["responses"]).map(|(status, reply)| response(status, reply)).collect_view();
    view! {
        <article id=text_of(&operation["operationId"]).to_owned() class="api-operation">
            <h3>
                <span class="api-method">{method.clone()}</span>
                <code>{(*path).to_owned()}</code>
            </h3>
            {prose(text_of(&operation["summary"]))}
            {prose(text_of(&operation["description"]))}
            <p>
                "Requires the role "
                <code>{role}</code>
                "."
            </p>
            {parameters(operation)}
            {body(&operation["requestBody"])}
            <h4>"Example"</h4>
            <pre tabindex="0">{example_request(described)}</pre>
            <h4>"Responses"</h4>
            {responses}
        </article>
    }
    .into_any()
}

fn parameters(operation: &Value) -> AnyView {
    let Some(parameters) = operation["parameters"].as_array().filter(|all| !all.is_empty()) else {
        return ().into_any();
    };
    let rows = parameters.iter().map(|parameter| {
        view! {
            <tr>
                <td>
                    <code>{text_of(&parameter["name"]).to_owned()}</code>
                </td>
                <td>{text_of(&parameter["in"]).to_owned()}</td>
                <td>{type_of(&parameter["schema"])}</td>
                <td>{inline(text_of(&parameter["description"]))}</td>
            </tr>
        }
    });
    view! {
        <h4>"Parameters"</h4>
        {table(&["Name", "In", "Type", "Meaning"], rows.collect_view().into_any())}
    }
    .into_any()
}

fn body(body: &Value) -> AnyView {
    if body.is_null() {
        return ().into_any();
    }
    let optional = (body["required"] != true).then_some(" (optional)");
    let forms = members(&body["content"]).map(|(media_type, content)| content_of(media_type, content)).collect_view();
    view! {
        <h4>"Body" {optional}</h4>
        {forms}
    }
    .into_any()
}

/// Renders the content of a body or of a response: its media type, its type and, for a form, its parts.
fn content_of(media_type: &str, content: &Value) -> AnyView {
    let parts = members(&content["schema"]["properties"]).map(|(name, part)| {
        view! {
            <li>
                <code>{name.clone()}</code>
                ": "
                {inline(text_of(&part["description"]))}
            </li>
        }
    });
    let parts: Vec<_> = parts.collect();
    let parts = (!parts.is_empty()).then(|| view! { <ul>{parts}</ul> });
    view! {
        <p>
            <code>{media_type.to_owned()}</code>
            ": "
            {type_of(&content["schema"])}
        </p>
        {parts}
    }
    .into_any()
}

/// Renders a response. Error responses have no example, because their description lists all error codes.
fn response(status: &str, reply: &Value) -> AnyView {
    let is_error = status.starts_with(['4', '5']);
    let contents = members(&reply["content"]).filter(|_| !is_error).map(|(media_type, content)| {
        let example = shown(&content["example"]);
        view! {
            {content_of(media_type, content)}
            <details>
                <summary>"Example"</summary>
                <pre tabindex="0">{example}</pre>
            </details>
        }
    });
    let contents = contents.collect_view();
    view! {
        <div class="api-response">
            <code>{status.to_owned()}</code>
            <div>
                {prose(text_of(&reply["description"]))}
                {contents}
            </div>
        </div>
    }
    .into_any()
}

/// Returns an example as text: a string as it is, and other values as indented JSON.
fn shown(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        json => serde_json::to_string_pretty(json).unwrap_or_default(),
    }
}

/// Returns a command that sends an example of the request.
fn example_request(described: &Described<'_>) -> String {
    let Described { method, path, operation } = described;
    let mut path = (*path).to_owned();
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|it| it["in"] == "path") {
        path = path.replace(&format!("{{{}}}", text_of(&parameter["name"])), text_of(&parameter["example"]));
    }
    let method = if method == "GET" { String::new() } else { format!(" -X {method}") };
    let request = format!("curl -s{method} '{SERVER}{path}' \\\n  -H \"Authorization: Bearer $TOKEN\"");
    let content = &operation["requestBody"]["content"];
    let body = match (&content["application/json"], &content["multipart/form-data"]) {
        (Value::Null, Value::Null) => String::new(),
        (Value::Null, _) => " \\\n  -F workerId=greeter -F leaseEpoch=1 -F file=@report.html".to_owned(),
        (json, _) => {
            let json = json["example"].to_string().replace('\'', r"'\''");
            format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{json}'")
        }
    };
    request + &body
}
