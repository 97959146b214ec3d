//! Converts a [`Json`] tree to compact JSON text, in which every number has its original digits.

use std::fmt::{self, Display, Formatter, Write};

use model::RawJson;
use serde::{Serialize, Serializer};

use super::{Json, Member, Node};

impl Json {
    /// Returns the value with the members of all objects sorted by name, so that equal objects have equal text.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let node = match &self.node {
            Node::Array(items) => Node::Array(items.iter().map(Self::sorted).collect()),
            Node::Object(members) => {
                let mut members: Vec<Member> =
                    members.iter().map(|member| Member { value: member.value.sorted(), ..member.clone() }).collect();
                members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                Node::Object(members)
            }
            node => node.clone(),
        };
        Self { node, at: self.at }
    }

    /// Returns the value as JSON text that can be inserted into a response.
    #[must_use]
    pub fn to_raw(&self) -> RawJson {
        RawJson::from_text(self.to_string()).expect("serialised text is valid JSON")
    }
}

impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Null => f.write_str("null"),
            Node::Bool(value) => write!(f, "{value}"),
            Node::Number(digits) => f.write_str(digits),
            Node::String(text) => write_text(text, f),
            Node::Array(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                f.write_char(']')
            }
            Node::Object(members) => {
                f.write_char('{')?;
                for (index, Member { name, value, .. }) in members.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    write_text(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_text(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_raw().serialize(serializer)
    }
}
