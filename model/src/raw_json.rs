//! JSON values that are passed on unchanged.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A JSON value stored as text, so that no digits of its numbers are lost.
#[derive(Clone, Debug)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// The newtype name that is passed to serde. The deserializer of `engine::json` recognises the type by this name,
    /// and passes the value's text as a string.
    pub const NAME: &'static str = "tailwater::RawJson";

    /// Creates a value from text, which must be exactly one JSON value.
    pub fn from_text(text: String) -> serde_json::Result<Self> {
        RawValue::from_string(text).map(Self)
    }

    /// Returns the text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Parses the text for inspection. Large numbers may lose digits.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.get()).unwrap_or_default()
    }
}

/// Creates an object without members.
impl Default for RawJson {
    fn default() -> Self {
        Value::Object(Map::new()).into()
    }
}

impl From<Value> for RawJson {
    fn from(value: Value) -> Self {
        Self::from_text(value.to_string()).expect("a value is written as JSON")
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = RawJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawJson, D::Error> {
                Box::<RawValue>::deserialize(deserializer).map(RawJson)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RawJson, E> {
                RawJson::from_text(text.to_owned()).map_err(E::custom)
            }
        }

        deserializer.deserialize_newtype_struct(Self::NAME, Text)
    }
}
