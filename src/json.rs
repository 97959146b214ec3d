//! What was submitted, as it was written: numbers keep their digits, objects the order of their members, and every value
//! knows its position in the text.
//!
//! A body or file is parsed once, into a [`Json`], from JSON ([`parse()`]) or YAML ([`parse_yaml`]). Typed values are read from
//! that tree ([`Json::read`]) under rules that `serde_json` leaves open: an object is never given as an array, and no object
//! has two members of the same name.

mod error;
mod parse;
mod typed;
mod write;
mod yaml;

use serde::de::DeserializeOwned;

pub use error::JsonError;
pub use yaml::parse_yaml;

/// Levels of arrays and objects within each other at the most, as in `serde_json`.
const MAX_DEPTH: usize = 128;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub struct Json {
    /// The value.
    pub node: Node,
    /// The byte of the text at which it begins.
    pub at: usize,
}

/// A value of JSON.
#[derive(Clone, Debug)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in the digits that it was written in.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, whose members' names differ.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The byte of the text at which its name begins.
    pub at: usize,
    /// Its value.
    pub value: Json,
}

impl Json {
    /// Returns an object without members.
    pub const fn empty_object() -> Self {
        Self { node: Node::Object(Vec::new()), at: 0 }
    }

    /// Returns the members, if it is an object.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.node {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the value of the member of that name, if it is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members()?.iter().find(|member| member.name == name).map(|member| &member.value)
    }

    /// Returns the text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Parses a text of JSON.
pub fn parse(text: &str) -> Result<Json, JsonError> {
    parse::parse(text)
}

/// Parses the bytes of a request's body into a typed value; the error is a sentence that names the field.
pub fn read_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = decode(bytes).map_err(|problem| format!("the body: {problem}"))?;
    parse(text).and_then(|json| json.read()).map_err(|error| error.describe(text))
}

/// Returns the text of bytes: UTF-8, with a byte order mark or without (RFC 8259, 8.1).
pub fn decode(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Without a byte order mark, UTF-16 and UTF-32 show by a NUL among the first bytes, since the first character is ASCII.
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..]) {
        return Err("is in UTF-16 or UTF-32; save it as UTF-8".into());
    }
    std::str::from_utf8(bytes).map_err(|error| format!("is not UTF-8: byte {} is wrong", error.valid_up_to() + 1))
}

#[cfg(test)]
mod tests;
