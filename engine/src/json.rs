//! Parses submissions without losing information: numbers keep their digits, objects keep the order of their members,
//! and every value records its location in the text.
//!
//! A body or file is parsed once into a [`Json`] tree, from JSON ([`parse()`]) or YAML ([`parse_yaml`]). Typed values
//! are read from that tree ([`Json::read`]) with rules that `serde_json` does not enforce: an array is not accepted in
//! place of an object, and an object must not have two members with the same name.

mod error;
mod parse;
mod typed;
mod write;
mod yaml;

use serde::de::DeserializeOwned;

pub use error::JsonError;
pub use yaml::parse_yaml;

/// The maximum nesting depth of arrays and objects.
///
/// Trees are read, written and dropped recursively, so a deeper tree could exhaust a thread's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonDepth(u8);

impl JsonDepth {
    /// The limit for text that the server has stored or that the command line reads. `serde_json` has the same limit.
    pub const MAX: Self = Self(127);

    /// Creates a limit of `levels`, but at most [`Self::MAX`].
    #[must_use]
    pub const fn new(levels: u8) -> Self {
        if levels < Self::MAX.0 { Self(levels) } else { Self::MAX }
    }

    /// Returns an error if the array or object at offset `at` is nested too deeply. `outer` is the number of arrays and
    /// objects that contain it.
    fn check(self, outer: usize, at: usize) -> Result<(), JsonError> {
        if outer < usize::from(self.0) {
            return Ok(());
        }
        let setting = if self < Self::MAX { ", or raise --json-depth" } else { "" };
        Err(JsonError::new(at, format!("is nested deeper than {} levels; use fewer levels{setting}", self.0)))
    }
}

/// A value with its location in the text.
#[derive(Clone, Debug)]
pub struct Json {
    /// The value.
    pub node: Node,
    /// The byte offset at which the value starts.
    pub at: usize,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Node {
    /// The value `null`.
    Null,
    /// The value `true` or `false`.
    Bool(bool),
    /// A number, with its digits as they appear in the text.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; the names of its members are unique.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The member's name.
    pub name: String,
    /// The byte offset at which the member's name starts.
    pub at: usize,
    /// The member's value.
    pub value: Json,
}

impl Json {
    /// Returns an object without members.
    pub const fn empty_object() -> Self {
        Self { node: Node::Object(Vec::new()), at: 0 }
    }

    /// Returns the members, if the value is an object.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.node {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the value of the member `name`, if this is an object with such a member.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members()?.iter().find(|member| member.name == name).map(|member| &member.value)
    }

    /// Returns the text, if the value is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Parses JSON text with a nesting depth of at most [`JsonDepth::MAX`].
pub fn parse(text: &str) -> Result<Json, JsonError> {
    parse::parse(text, JsonDepth::MAX)
}

/// The error for a body that is not JSON or does not have the expected structure.
#[derive(Debug)]
pub struct InvalidBody {
    /// The message, which names the invalid field and may quote its value.
    pub problem: String,
    /// The body, if it is JSON.
    pub json: Option<Json>,
}

/// Parses the body of a request into a typed value. The error message names the invalid field.
pub fn read_bytes<T: DeserializeOwned>(bytes: &[u8], depth: JsonDepth) -> Result<T, InvalidBody> {
    let invalid = |problem: String, json| InvalidBody { problem, json };
    let text = decode(bytes).map_err(|problem| invalid(format!("the body {problem}"), None))?;
    let json = parse::parse(text, depth).map_err(|error| invalid(error.describe(text), None))?;
    json.read().map_err(|error: JsonError| invalid(error.describe(text), Some(json)))
}

/// Decodes bytes as UTF-8, with or without a byte order mark (RFC 8259, section 8.1).
pub fn decode(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // A NUL among the first two bytes indicates UTF-16 or UTF-32 without a byte order mark, because JSON and YAML
    // normally begin with an ASCII character.
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..]) {
        return Err("is in UTF-16 or UTF-32; save it as UTF-8".into());
    }
    std::str::from_utf8(bytes).map_err(|error| format!("is not UTF-8: byte {} is invalid", error.valid_up_to() + 1))
}

#[cfg(test)]
mod tests;
