//! Extracts the fields of an HTML form as a browser would submit them (HTML standard, section 4.10.22.4).

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};

/// Returns the names and values of the form controls of a page that contains one form.
pub fn fields_of(html: &str) -> Vec<(String, String)> {
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut area: Option<String> = None;
    let mut select: Option<String> = None;
    for token in Tokenizer::new_with_emitter(html, emitter) {
        match token.expect("reading a string cannot fail") {
            Token::StartTag(tag) => match &**tag.name {
                b"input" if is_unchecked(&tag) => {}
                b"input" => {
                    let value = attribute(&tag, "value").unwrap_or_default();
                    fields.extend(attribute(&tag, "name").map(|name| (name, value)));
                }
                b"textarea" => {
                    fields.extend(attribute(&tag, "name").map(|name| (name, String::new())));
                    area = attribute(&tag, "name");
                }
                b"select" => {
                    select = attribute(&tag, "name");
                    fields.extend(select.clone().map(|name| (name, String::new())));
                }
                b"option" if select.is_some() && attribute(&tag, "selected").is_some() => {
                    fields.last_mut().expect("the select is a field").1 = attribute(&tag, "value").unwrap_or_default();
                }
                _ => {}
            },
            Token::EndTag(tag) => match &**tag.name {
                b"textarea" => area = None,
                b"select" => select = None,
                _ => {}
            },
            Token::String(text) if area.is_some() => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let value = &mut fields.last_mut().expect("the area is a field").1;
                // The HTML parser drops a line break at the beginning of a `textarea`.
                let is_first = value.is_empty();
                value.push_str(text.strip_prefix('\n').filter(|_| is_first).unwrap_or(&text));
            }
            _ => {}
        }
    }
    fields
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.iter().find(|(known, _)| known.as_slice() == name.as_bytes());
    value.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// Returns whether an element is a checkbox that is not checked, which browsers do not send.
fn is_unchecked(tag: &StartTag<()>) -> bool {
    attribute(tag, "type").is_some_and(|kind| kind == "checkbox") && attribute(tag, "checked").is_none()
}
