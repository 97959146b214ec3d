//! Renders schemas: the type of a value in a few words, and the members of an object as a table.

use leptos::prelude::*;
use serde_json::Value;

use super::prose::{inline, prose};
use super::table::table;
use super::{members, text_of};

/// Returns the id of a named schema on the page.
fn anchor(name: &str) -> String {
    format!("type-{name}")
}

/// Renders a named schema.
pub(super) fn named_schema(name: &str, schema: &Value) -> AnyView {
    let (name, id) = (name.to_owned(), anchor(name));
    view! {
        <article id=id class="api-type">
            <h3>
                <code>{name}</code>
            </h3>
            {prose(text_of(&schema["description"]))}
            {details(schema)}
        </article>
    }
    .into_any()
}

/// Renders the members of a schema, or of the schemas that it combines.
fn details(schema: &Value) -> AnyView {
    let combined = ["allOf", "anyOf", "oneOf"].iter().find_map(|word| schema[*word].as_array().map(|all| (*word, all)));
    if let Some((word, all)) = combined {
        let items = all.iter().map(|item| view! { <li>{details(item)}</li> }).collect_view();
        let label = if word == "allOf" { "All of:" } else { "One of:" };
        return view! {
            <p>{label}</p>
            <ul>{items}</ul>
        }
        .into_any();
    }
    if schema["properties"].is_null() {
        return view! { <p>{type_of(schema)}</p> }.into_any();
    }
    let is_required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name));
    let rows = members(&schema["properties"]).map(|(name, member)| {
        let required = is_required(name).then_some(" (required)");
        view! {
            <tr>
                <td>
                    <code>{name.clone()}</code>
                    {required}
                </td>
                <td>{type_of(member)}</td>
                <td>{inline(text_of(&member["description"]))}</td>
            </tr>
        }
    });
    table(&["Member", "Type", "Meaning"], rows.collect_view().into_any())
}

/// Renders the type of a value in a few words, with a link if the type has a name.
pub(super) fn type_of(schema: &Value) -> AnyView {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return view! { <a href=format!("#{}", anchor(name))>{name.to_owned()}</a> }.into_any();
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[word].as_array() {
            let between = if word == "allOf" { " and " } else { " or " };
            let each = |(index, item): (usize, &Value)| {
                view! {
                    {(index > 0).then_some(between)}
                    {type_of(item)}
                }
            };
            return all.iter().enumerate().map(each).collect_view().into_any();
        }
    }
    if !schema["items"].is_null() && schema["enum"].is_null() {
        return view! {
            "list of "
            {type_of(&schema["items"])}
        }
        .into_any();
    }
    words(schema).into_any()
}

/// Returns the type of a value that is neither named nor composed, with its bounds and its default.
fn words(schema: &Value) -> String {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text_of).collect::<Vec<_>>().join(" or "),
        Value::String(kind) => kind.clone(),
        _ => "any value".to_owned(),
    };
    let mut words = vec![match schema["enum"].as_array() {
        Some(values) => values.iter().map(text_of).collect::<Vec<_>>().join(", "),
        None => kinds,
    }];
    match schema["format"].as_str() {
        Some("uuid") => words.push(" (UUID)".to_owned()),
        Some("date-time") => words.push(" (time)".to_owned()),
        _ => {}
    }
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => {}
        (least, Value::Null) => words.push(format!(", {least} or more")),
        (Value::Null, most) => words.push(format!(", {most} or less")),
        (least, most) => words.push(format!(", {least} to {most}")),
    }
    if !schema["default"].is_null() {
        words.push(format!(", default {}", schema["default"]));
    }
    words.concat()
}
