//! Converts a [`Json`] tree to typed values.

use model::RawJson;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Json, JsonError, Member, Node};

impl Json {
    /// Converts the tree to a typed value. An error contains the path and the location of the invalid field.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        T::deserialize(self)
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match &self.node {
            Node::Null => Unexpected::Unit,
            Node::Bool(value) => Unexpected::Bool(*value),
            Node::Number(_) => Unexpected::Other("number"),
            Node::String(text) => Unexpected::Str(text),
            Node::Array(_) => Unexpected::Seq,
            Node::Object(_) => Unexpected::Map,
        }
    }
}

/// Passes a number to `visitor` as `u64` or `i64` if that type can represent it, and as `f64` otherwise.
fn visit_number<'de, V: Visitor<'de>>(digits: &str, visitor: V) -> Result<V::Value, JsonError> {
    if let Ok(number) = digits.parse() {
        return visitor.visit_u64(number);
    }
    if let Ok(number) = digits.parse() {
        return visitor.visit_i64(number);
    }
    visitor.visit_f64(digits.parse().map_err(de::Error::custom)?)
}

impl<'de> Deserializer<'de> for &'de Json {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let value = match &self.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Number(digits) => visit_number(digits, visitor),
            Node::String(text) => visitor.visit_borrowed_str(text),
            Node::Array(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Node::Object(members) => visitor.visit_map(RemainingMembers { members: members.iter(), value: None }),
        };
        value.map_err(|error| error.at(self.at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if name == RawJson::NAME {
            return visitor.visit_str(&self.to_string());
        }
        visitor.visit_newtype_struct(self)
    }

    /// Accepts only an object. Code derived by serde would also accept an array of the fields' values, which would
    /// bypass the checks of the fields' names.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.node {
            Node::Object(_) => self.deserialize_any(visitor),
            _ => Err(JsonError::new(self.at, format!("invalid type: {}, expected an object", self.unexpected()))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match &self.node {
            Node::String(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            _ => Err(de::Error::invalid_type(self.unexpected(), &visitor)),
        }
        .map_err(|error: JsonError| error.at(self.at))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Json>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(item).map(Some).map_err(|error| error.under_item(index))
    }
}

struct RemainingMembers<'de> {
    members: std::slice::Iter<'de, Member>,
    value: Option<&'de Member>,
}

impl<'de> MapAccess<'de> for RemainingMembers<'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        let Some(member) = self.members.next() else { return Ok(None) };
        self.value = Some(member);
        let name = StrDeserializer::<JsonError>::new(&member.name);
        seed.deserialize(name).map(Some).map_err(|error| error.at(member.at).under(&member.name))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        let member = self.value.take().expect("serde asks for a value after its name");
        seed.deserialize(&member.value).map_err(|error| error.under(&member.name))
    }
}
