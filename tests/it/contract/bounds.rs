//! The bounds of request members in `/api/openapi.json` are exactly those that the server enforces. The server's
//! constants are private to its modules, so this test sends values within and beyond each bound.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bodies::{BodyMember, BodyRequest, Description, Sent, requests};
use crate::harness::TestServer;

/// The number of characters or items in the large value that is sent for a member without a maximum.
const MANY: u64 = 20_000;

/// Members whose values are checked by other rules than bounds: base64, output with its position, the current password,
/// and names of secrets, which must exist.
const CHECKED: [&str; 7] = [
    "raw",
    "chunks",
    "currentPassword",
    "payload.secrets",
    "payload.secretFiles",
    "payload.steps[0].secrets",
    "payload.steps[0].secretFiles",
];

/// Test values that are not sent, because whether they are valid depends on other members or on earlier requests.
const RELATIVE: [(&str, &str); 3] =
    [("batch", "2147483647"), ("suppressedBytes", "9007199254740992"), ("events", "[]")];

/// A test value for a member, and whether it is within the documented bounds.
struct Probe {
    value: Value,
    is_within: bool,
}

fn text(length: u64) -> Value {
    json!("x".repeat(usize::try_from(length).expect("it fits into memory")))
}

/// Returns a list of `count` items. Strings differ from each other, and items of other types are equal.
fn items(count: u64, schema: &Value, description: &Description) -> Value {
    let least = description.least(&schema["items"]);
    (0..count).map(|index| if least == "x" { json!(format!("x{index}")) } else { least.clone() }).collect()
}

/// Returns values at and beyond the bounds of a member, and large values for bounds that are missing. Returns no values
/// for members that are not strings, enumerations, integers or lists.
fn probes(schema: &Value, description: &Description) -> Vec<Probe> {
    let within = |value: Value| Probe { value, is_within: true };
    let beyond = |value: Value| Probe { value, is_within: false };
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    let number = |name: &str| schema[name].as_i64();
    let size = |name: &str| schema[name].as_u64();
    let least_and_one_less = |least: u64| (least, least.saturating_sub(1));
    let mut probes = Vec::new();
    match kind {
        Some("string") if schema["enum"].is_array() => {
            let words = schema["enum"].as_array().into_iter().flatten().filter(|word| !word.is_null());
            probes.extend(words.cloned().map(within));
            probes.push(beyond(json!("nonsense")));
        }
        Some("string") if ["format", "pattern"].iter().all(|name| schema[*name].is_null()) => {
            match size("minLength").map(least_and_one_less) {
                Some((least, less)) => probes.extend([within(text(least)), beyond(text(less))]),
                None => probes.push(within(text(0))),
            }
            match size("maxLength") {
                Some(most) => probes.extend([within(text(most)), beyond(text(most + 1))]),
                None => probes.push(within(text(MANY))),
            }
        }
        Some("integer") => {
            match number("minimum") {
                Some(least) => probes.extend([within(json!(least)), beyond(json!(least - 1))]),
                None => probes.push(within(json!(-1))),
            }
            match number("maximum") {
                Some(most) => probes.extend([within(json!(most)), beyond(json!(most + 1))]),
                None => probes.push(within(json!(i32::MAX))),
            }
        }
        Some("array") => {
            let items = |count: u64| items(count, schema, description);
            match size("minItems").map(least_and_one_less) {
                Some((least, less)) => probes.extend([within(items(least)), beyond(items(less))]),
                None => probes.push(within(items(0))),
            }
            match size("maxItems") {
                Some(most) => probes.extend([within(items(most)), beyond(items(most + 1))]),
                None => probes.push(within(items(MANY))),
            }
        }
        _ => {}
    }
    probes
}

/// Sends values at and beyond the bounds of a member. Returns the number of values, and a description of each value for
/// which the server disagrees with the schema.
async fn check(
    server: &TestServer,
    description: &Description,
    request: &BodyRequest,
    member: &BodyMember,
) -> (usize, Vec<String>) {
    let (name, mut checked, mut problems) = (member.name(), 0, Vec::new());
    for Probe { value, is_within } in probes(&member.schema, description) {
        let text = value.to_string();
        if RELATIVE.contains(&(name.as_str(), text.as_str())) {
            continue;
        }
        let shown: String = text.chars().take(30).collect();
        let answer = request.send(server, description, member, &Sent::Value(value)).await;
        if member.is_blamed_by(&answer) == is_within {
            let (operation, schema) = (request.operation, &member.schema);
            problems.push(format!("{operation}: {name} = {shown}: {} {}, {schema}", answer.status, answer.message));
        }
        checked += 1;
    }
    (checked, problems)
}

#[tokio::test]
async fn the_bounds_in_the_description_of_the_api_are_those_of_the_server() {
    let server = TestServer::start().await;
    let description = Description::of(&server).await;
    let mut requests = requests(&server).await;
    // Names must not contain a secret or its beginning, so the values of secrets are set last.
    requests.sort_by_key(|request| request.operation.contains("/secrets/"));
    let listed: BTreeSet<String> = requests.iter().map(|request| request.operation.to_owned()).collect();
    assert_eq!(listed, description.operations_with_bodies(), "each operation with a JSON body has a request");
    let (mut checked, mut nested, mut problems) = (0, BTreeSet::new(), Vec::new());
    for request in &requests {
        let members = description.members(request);
        for member in members.iter().filter(|member| !CHECKED.contains(&member.name().as_str())) {
            let (count, found) = check(&server, &description, request, member).await;
            checked += count;
            problems.extend(found);
            if count > 0 && member.name().contains('.') {
                nested.insert(member.name());
            }
        }
    }
    assert!(checked > 200, "only {checked} values were checked");
    for name in ["filter.q", "payload.timeoutSeconds", "payload.steps[0].run", "events[0].level"] {
        assert!(nested.contains(name), "{name} was not checked: {nested:?}");
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
