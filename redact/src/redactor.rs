//! One masking policy: the values that must not be shown.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::matcher::Matcher;
use crate::{RedactStream, Redacted};

/// The registered values, compiled once.
///
/// Cheap to clone: the clones share what was compiled.
#[derive(Clone)]
pub struct Redactor {
    matcher: Arc<Matcher>,
}

impl Redactor {
    /// Masks nothing.
    pub fn none() -> Self {
        Self::new::<_, &[u8]>([])
    }

    /// Masks every one of `values`. Empty ones are ignored, duplicates are one.
    ///
    /// Values may be of any number and length as long as they fit into memory: a byte of them takes about 100, and a
    /// microsecond. It panics where the automaton cannot be built, which takes hundreds of millions of bytes: a redactor that
    /// masks less than it was told to is never returned.
    pub fn new<I, V>(values: I) -> Self
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let mut values: Vec<Vec<u8>> = values.into_iter().map(|value| value.as_ref().to_vec()).collect();
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        values.dedup();
        Self { matcher: Arc::new(Matcher::new(&values)) }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.matcher.values() == 0
    }

    /// How many of the values are under 6 bytes and so masked only where they stand alone: worth a warning.
    pub fn short_values(&self) -> usize {
        self.matcher.short_values()
    }

    /// Redacts one whole text: a title, an error.
    ///
    /// The same as a stream of this one input. A text that was cut off should be redacted before it is cut.
    pub fn redact(&self, input: &[u8]) -> Redacted {
        let mut stream = self.stream();
        let mut redacted = stream.push(input);
        redacted.append(&stream.finish());
        redacted
    }

    /// Begins a stream of output.
    pub fn stream(&self) -> RedactStream {
        RedactStream::new(Arc::clone(&self.matcher))
    }
}

/// Says how many values there are, never which.
impl Debug for Redactor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("values", &self.matcher.values()).finish_non_exhaustive()
    }
}
