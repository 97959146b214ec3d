//! Masks the payloads of jobs for external workers. The structure of these payloads is unknown, so every member with a
//! secret-looking name is masked at any depth, together with its contents.

use redact::Redactor;

use super::masking::{mask, text};
use crate::json::{Json, Member, Node};

/// Returns all strings and numbers in members with secret-looking names, each with the name of its member.
pub(in crate::queue) fn secret_variables(json: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(json, None, &mut found);
    found
}

/// Adds the secret strings and numbers in `json` to `found`. If members around `json` have secret-looking names,
/// `secret` is the name of the outermost of them.
fn collect(json: &Json, secret: Option<&str>, found: &mut Vec<(String, String)>) {
    match (&json.node, secret) {
        (Node::String(value) | Node::Number(value), Some(name)) if !value.is_empty() => {
            found.push((name.to_owned(), value.clone()));
        }
        (Node::Array(items), _) => items.iter().for_each(|item| collect(item, secret, found)),
        (Node::Object(members), _) => {
            for Member { name, value, .. } in members {
                let secret = secret.or_else(|| redact::is_secret_name(name).then_some(name));
                collect(value, secret, found);
            }
        }
        (Node::String(_) | Node::Number(_) | Node::Null | Node::Bool(_), _) => {}
    }
}

/// Returns the payload in the form used in responses. Secret members are masked. Their values are also masked wherever
/// else they occur: in strings, numbers and member names.
pub(super) fn masked(json: &Json, redactor: &Redactor) -> Json {
    let node = match &json.node {
        Node::String(value) => Node::String(text(value, redactor)),
        Node::Number(digits) => number(digits, redactor),
        Node::Array(items) => Node::Array(items.iter().map(|item| masked(item, redactor)).collect()),
        Node::Object(members) => Node::Object(members.iter().map(|member| masked_member(member, redactor)).collect()),
        node @ (Node::Null | Node::Bool(_)) => node.clone(),
    };
    Json { node, at: json.at }
}

fn masked_member(member: &Member, redactor: &Redactor) -> Member {
    let value = if redact::is_secret_name(&member.name) && !matches!(member.value.node, Node::Null) {
        Json { node: Node::String(mask()), at: member.value.at }
    } else {
        masked(&member.value, redactor)
    };
    Member { name: text(&member.name, redactor), at: member.at, value }
}

/// Masks a number. If the number contains a secret, it becomes a string, because a JSON number cannot contain a mask.
fn number(digits: &str, redactor: &Redactor) -> Node {
    let shown = text(digits, redactor);
    if shown == digits { Node::Number(shown) } else { Node::String(shown) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn secret_members_are_masked_at_any_depth_and_their_values_everywhere() {
        let payload = "{\"n\":12345678901234567890,\"a\":[{\"API_TOKEN\":\"hunter2hunter2\"},\"x hunter2hunter2\"],\
                       \"DB_PASSWORD\":{\"old\":[\"swordfish\",9876543]},\"swordfish\":\"9876543\",\"p\":9876543,\"MY_SECRET\":null}";
        let payload = json::parse(payload).expect("it is JSON");
        let shown = masked(&payload, &Redactor::new(secret_variables(&payload).into_iter().map(|(_, value)| value)));
        assert_eq!(
            shown.to_string(),
            "{\"n\":12345678901234567890,\"a\":[{\"API_TOKEN\":\"[REDACTED]\"},\"x [REDACTED]\"],\"DB_PASSWORD\":\"[REDACTED]\",\
             \"[REDACTED]\":\"[REDACTED]\",\"p\":\"[REDACTED]\",\"MY_SECRET\":null}"
        );
    }
}
