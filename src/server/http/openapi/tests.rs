//! Tests that the description is complete and consistent.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::server::all_routes;

fn described() -> Value {
    document("cookie")
}

/// Returns every operation with its method and path.
fn every_operation(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("an object");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("an object").iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

/// Calls `then` with every object in the document.
fn visit<'a>(value: &'a Value, then: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Object(members) => {
            then(value);
            members.values().for_each(|member| visit(member, then));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, then)),
        _ => {}
    }
}

#[test]
fn every_route_of_the_api_has_an_operation_and_every_operation_has_a_route() {
    let document = described();
    let operations: BTreeSet<String> = every_operation(&document).into_iter().map(|(name, _)| name).collect();
    let routes = all_routes().into_iter().filter(|route| route.path.starts_with("/api/") && route.path != "/api/docs");
    let routes: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(routes, operations);
    assert_eq!(super::operations().len(), operations.len(), "an operation is described twice");
}

#[test]
fn every_operation_states_its_role_and_has_an_example() {
    let document = described();
    for (name, operation) in every_operation(&document) {
        let role = operation["x-required-role"].as_str().unwrap_or_default();
        assert!(["viewer", "operator", "admin", "worker"].contains(&role), "{name}: {role:?}");
        let mut has_example = false;
        visit(&operation["requestBody"], &mut |object| has_example |= object.get("example").is_some());
        let replies = operation["responses"].as_object().expect("an object").iter();
        for (_, reply) in replies.filter(|(status, _)| status.starts_with(['2', '3'])) {
            has_example |= reply["content"]
                .as_object()
                .is_none_or(|content| content.values().any(|content| content.get("example").is_some()));
        }
        assert!(has_example, "{name} has no example");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{name} has no summary");
    }
}

#[test]
fn every_operation_describes_its_errors_with_their_codes() {
    let document = described();
    for (name, operation) in every_operation(&document) {
        for (status, code) in [("401", "auth_required"), ("429", "too_many_requests"), ("503", "store_unavailable")] {
            let reply = &operation["responses"][status];
            assert!(reply["description"].as_str().is_some_and(|text| text.contains(code)), "{name}: {status}");
            let example = &reply["content"]["application/json"]["example"]["detail"]["code"];
            let example = format!("`{}`", example.as_str().expect("a code"));
            assert!(reply["description"].as_str().is_some_and(|text| text.contains(&example)), "{name}: {example}");
        }
    }
    let submit = &document["paths"]["/api/queue/jobs"]["post"]["responses"];
    assert!(submit["422"]["description"].as_str().is_some_and(|text| text.contains("`invalid_queue_payload`")));
    assert!(submit["403"]["description"].as_str().is_some_and(|text| text.contains("`origin_not_allowed`")));
}

#[test]
fn every_reference_and_every_link_has_a_target() {
    let document = described();
    let ids: Vec<&str> =
        every_operation(&document).iter().filter_map(|(_, operation)| operation["operationId"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an operationId occurs twice");
    let (mut references, mut links) = (0, 0);
    visit(&document, &mut |object| {
        if let Some(Value::String(reference)) = object.get("$ref") {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference} has no target");
            references += 1;
        }
        for link in object.get("links").and_then(Value::as_object).into_iter().flat_map(|links| links.values()) {
            let to = link["operationId"].as_str().expect("an id");
            assert!(ids.contains(&to), "the link to {to} has no target");
            links += 1;
        }
    });
    assert!(references > 100 && links > 20, "{references} references and {links} links");
}

#[test]
fn requests_have_the_bounds_and_the_names_of_their_types() {
    let schemas = &described()["components"]["schemas"];
    let job = &schemas["NewJob"];
    assert_eq!(job["properties"]["priority"]["minimum"], -1000);
    assert_eq!(job["properties"]["priority"]["maximum"], 1000);
    assert_eq!(job["properties"]["maxAttempts"]["default"], 1);
    assert_eq!(job["required"], serde_json::json!(["type"]));
    assert_eq!(job["additionalProperties"], false);
}
