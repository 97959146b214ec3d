//! Parses JSON text into a [`Json`] tree. `serde_json` parses the syntax. Each value is first read as raw text, to
//! preserve digits, repeated names and locations, which `serde_json` would discard.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Json, JsonDepth, JsonError, Member, Node};

/// Parses JSON text. `serde_json` reads raw text iteratively, so text of any depth can be passed to this function.
pub(super) fn parse(text: &str, depth: JsonDepth) -> Result<Json, JsonError> {
    let reader = JsonReader { text, depth };
    reader.value(reader.read::<&RawValue>(text)?.get(), 0)
}

struct JsonReader<'t> {
    text: &'t str,
    depth: JsonDepth,
}

/// The members of an object as raw text, in order.
struct RawMembers<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'t> JsonReader<'t> {
    fn value(&self, raw: &'t str, depth: usize) -> Result<Json, JsonError> {
        let at = self.offset(raw);
        if raw.starts_with(['{', '[']) {
            self.depth.check(depth, at)?;
        }
        let node = match raw.as_bytes().first() {
            Some(b'{') => Node::Object(self.members(raw, depth)?),
            Some(b'[') => Node::Array(self.items(raw, depth)?),
            Some(b'"') => Node::String(self.read(raw)?),
            Some(b'n') => Node::Null,
            Some(b't') => Node::Bool(true),
            Some(b'f') => Node::Bool(false),
            _ => Node::Number(raw.to_owned()),
        };
        Ok(Json { node, at })
    }

    fn items(&self, raw: &'t str, depth: usize) -> Result<Vec<Json>, JsonError> {
        let items: Vec<&RawValue> = self.read(raw)?;
        let item = |(index, raw): (usize, &&'t RawValue)| {
            self.value(raw.get(), depth + 1).map_err(|error| error.under_item(index))
        };
        items.iter().enumerate().map(item).collect()
    }

    fn members(&self, raw: &'t str, depth: usize) -> Result<Vec<Member>, JsonError> {
        let RawMembers(raw_members) = self.read(raw)?;
        let (mut members, mut names) = (Vec::with_capacity(raw_members.len()), HashSet::new());
        for (raw_name, raw_value) in raw_members {
            let (name, at): (String, usize) = (self.read(raw_name.get())?, self.offset(raw_name.get()));
            if !names.insert(name.clone()) {
                return Err(JsonError::new(at, "is given twice").under(&name));
            }
            let value = self.value(raw_value.get(), depth + 1).map_err(|error| error.under(&name))?;
            members.push(Member { name, at, value });
        }
        Ok(members)
    }

    /// Parses `part`, which is a slice of the text. The location in an error refers to the whole text, not to `part`.
    fn read<T: Deserialize<'t>>(&self, part: &'t str) -> Result<T, JsonError> {
        serde_json::from_str(part).map_err(|error| {
            let said = error.to_string();
            let suffix = format!(" at line {} column {}", error.line(), error.column());
            let line = part.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
            let at = self.offset(part) + (line + error.column().saturating_sub(1)).min(part.len());
            JsonError::new(at, said.strip_suffix(&suffix).unwrap_or(&said))
        })
    }

    /// Returns the byte offset of `part` in the whole text.
    fn offset(&self, part: &'t str) -> usize {
        part.as_ptr().addr() - self.text.as_ptr().addr()
    }
}

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawMembers(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
