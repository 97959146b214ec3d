//! Parses query strings. Unknown and repeated parameters and parameters with invalid values are errors.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::error::ApiError;

/// The parameters of a request. Reading a parameter removes it, and [`Query::end`] fails if any parameter is left.
#[derive(Debug, Default)]
pub(in crate::server) struct Query {
    given: HashMap<String, String>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    /// Parses a query string.
    pub(in crate::server) fn parse(query: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|error| ApiError::InvalidQuery(format!("the query cannot be read: {error}")))?;
        let mut given = HashMap::new();
        for (name, value) in pairs {
            if given.insert(name.clone(), value).is_some() {
                return Err(ApiError::InvalidQuery(format!("{name} is given more than once")));
            }
        }
        Ok(Self { given })
    }

    /// Returns whether the query contains a parameter, even without a value.
    pub(in crate::server) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Removes a parameter and returns its value, or `None` if the parameter is missing or empty.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.given.remove(name).filter(|value| !value.is_empty())
    }

    /// Removes a parameter and parses it. Returns `None` if the parameter is missing or empty.
    pub(super) fn parsed<T>(&mut self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parse = |value: String| {
            value.parse().map_err(|error| ApiError::InvalidQuery(format!("{name}: {value:?} is invalid: {error}")))
        };
        self.text(name).map(parse).transpose()
    }

    /// Removes a parameter and parses it as a whole number, which must be within `bounds`. Returns `None` if the
    /// parameter is missing or empty.
    pub(super) fn number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, ApiError> {
        match self.parsed::<i64>(name)? {
            Some(number) if !bounds.contains(&number) => Err(ApiError::InvalidQuery(format!(
                "{name}: must be {} to {}, not {number}",
                bounds.start(),
                bounds.end()
            ))),
            number => Ok(number),
        }
    }

    /// Removes a parameter whose value must be one of `words`, and returns the value that belongs to this word. Returns
    /// `None` if the parameter is missing or empty.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(given) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        found
            .map(Some)
            .ok_or_else(|| ApiError::InvalidQuery(format!("{name}: must be one of {}, not {given:?}", known())))
    }

    /// Fails if any parameters remain, and names all of them.
    pub(super) fn end(self) -> Result<(), ApiError> {
        let mut names: Vec<String> = self.given.into_keys().collect();
        names.sort();
        match names.as_slice() {
            [] => Ok(()),
            [name] => Err(ApiError::InvalidQuery(format!("{name} is not a parameter of this path"))),
            names => Err(ApiError::InvalidQuery(format!("{} are not parameters of this path", names.join(", ")))),
        }
    }
}
