//! A masking policy: the values that must not be shown.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use crate::matcher::Matcher;
use crate::pattern::SHORT;
use crate::view::SearchedViews;
use crate::{RedactStream, Redacted};

/// The registered values, compiled once. Clones are cheap and share the compiled form.
#[derive(Clone)]
pub struct Redactor {
    matcher: Arc<Matcher>,
}

impl Redactor {
    /// Creates a redactor that masks nothing.
    pub fn none() -> Self {
        Self::new::<_, &[u8]>([])
    }

    /// Creates a redactor that masks each of `values` in all its forms. Empty values are ignored, and duplicates count
    /// once.
    ///
    /// The number and length of the values are limited only by memory: each of their bytes takes 600 to 1,000 bytes of
    /// memory and a microsecond to compile, see [`memory`](Self::memory). The returned redactor always masks all of the
    /// values. If the automaton cannot be built, which happens only with hundreds of millions of bytes, this function
    /// panics.
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

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.matcher.values() == 0
    }

    /// Returns how many values are shorter than 6 bytes and are therefore masked as whole tokens only, in their literal
    /// form. Callers may want to warn about them.
    pub fn short_values(&self) -> usize {
        self.matcher.short_values()
    }

    /// Returns the memory usage in bytes. Clones share this memory.
    pub fn memory(&self) -> usize {
        self.matcher.memory()
    }

    /// Redacts one complete text, such as a title or an error.
    ///
    /// The result is the same as that of a stream with this single input. Redact a text before truncating it, because a
    /// truncated secret may not be recognised.
    pub fn redact(&self, input: &[u8]) -> Redacted {
        let mut stream = self.stream();
        let mut redacted = stream.push(input);
        redacted.append(&stream.finish());
        redacted
    }

    /// Creates the state for redacting a new stream of output.
    pub fn stream(&self) -> RedactStream {
        RedactStream::new(Arc::clone(&self.matcher), SearchedViews::All)
    }

    /// Creates the state for redacting a new stream of lines that are shown as soon as they are complete.
    ///
    /// Only the bytes themselves are searched: for the values, their lines, hexadecimal text and base64, but not for
    /// escaped or styled text. Therefore, the end of a line is held back only if a value contains a line break. In a
    /// [`stream`](Self::stream), it may be held back because white space may stand between the bytes of a value.
    pub fn line_stream(&self) -> RedactStream {
        RedactStream::new(Arc::clone(&self.matcher), SearchedViews::Raw)
    }
}

/// Returns whether a registered value is masked wherever it occurs. Values shorter than 6 bytes are masked only as whole
/// tokens, so callers may want to warn about them.
pub fn is_masked_everywhere(value: &[u8]) -> bool {
    value.len() >= SHORT
}

/// Shows the number of values, but never the values themselves.
impl Debug for Redactor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("values", &self.matcher.values()).finish_non_exhaustive()
    }
}
