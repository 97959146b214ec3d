//! Reads the name and the groups of a person from verified claims.

use serde_json::{Map, Value};

/// The maximum number of groups of a person. Each group is compared with those in the settings.
const MAX_GROUPS: usize = 1_000;

/// Returns the claim with this name. If there is no claim with exactly this name, the name is read as a path into
/// nested objects, such as `realm_access.roles`. Returns `None` if the path does not exist either.
pub(super) fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

/// Returns the name of the person, which is in the claim `of`. Returns `None` if the claim is missing, empty or not a
/// string.
pub(super) fn name(claims: &Map<String, Value>, of: &str) -> Option<String> {
    let name = claim(claims, of)?.as_str()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns the groups of the person, which are in the claim `of`. The claim is a string or a list of strings. Other
/// values are ignored.
pub(super) fn groups(claims: &Map<String, Value>, of: &str) -> Vec<String> {
    match claim(claims, of) {
        Some(Value::String(group)) => vec![group.clone()],
        Some(Value::Array(groups)) => {
            groups.iter().filter_map(Value::as_str).take(MAX_GROUPS).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_a_text_or_a_list_of_texts_at_a_name_or_a_path() {
        let claims = json!({
            "groups": ["ops", 7, null, "dev"],
            "one": "ops",
            "realm_access": {"roles": ["admin"]},
            "https://example.com/groups": ["x"],
            "wrong": {"ops": true},
        });
        let claims = claims.as_object().expect("it is an object");
        for (name, expected) in [
            ("groups", &["ops", "dev"][..]),
            ("one", &["ops"]),
            ("realm_access.roles", &["admin"]),
            ("https://example.com/groups", &["x"]),
            ("wrong", &[]),
            ("missing", &[]),
            ("one.missing", &[]),
        ] {
            assert_eq!(groups(claims, name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_a_text_that_is_not_empty() {
        let claims = json!({"preferred_username": " ada ", "empty": " ", "number": 7});
        let claims = claims.as_object().expect("it is an object");
        assert_eq!(name(claims, "preferred_username").as_deref(), Some("ada"));
        for of in ["empty", "number", "missing"] {
            assert_eq!(name(claims, of), None, "{of}");
        }
    }
}
