//! A masking policy: the values that must not be shown, and the shapes of secrets that nobody registered.

use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::sync::Arc;

use crate::masks::Label;
use crate::matcher::Matcher;
use crate::view::SearchedViews;
use crate::{RedactStream, Redacted, Rules};

/// The registered values and the rules, compiled once. Clones are cheap and share the compiled form.
#[derive(Clone)]
pub struct Redactor {
    matcher: Arc<Matcher>,
    rules: Rules,
}

/// A secret that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The bytes that are masked.
    pub range: Range<usize>,
    /// The id of the rule that found the secret, or `None` if it is a registered value.
    pub rule: Option<String>,
}

impl Redactor {
    /// Creates a redactor that masks nothing.
    pub fn none() -> Self {
        Self::new::<_, &[u8]>([])
    }

    /// Creates a redactor that masks each of `values` in all its forms, and nothing else. Empty values are ignored, and
    /// duplicates count once.
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
        Self::with_rules(values, &Rules::none())
    }

    /// Creates a redactor that masks `values` as [`new`](Self::new) does, and what `rules` recognise.
    pub fn with_rules<I, V>(values: I, rules: &Rules) -> Self
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let mut values: Vec<Vec<u8>> = values.into_iter().map(|value| value.as_ref().to_vec()).collect();
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        values.dedup();
        Self { matcher: Arc::new(Matcher::new(&values)), rules: rules.clone() }
    }

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.matcher.values() == 0 && self.rules.is_empty()
    }

    /// Returns how many values are shorter than 6 bytes and are therefore masked as whole tokens only, in their literal
    /// form. Callers may want to warn about them.
    pub fn short_values(&self) -> usize {
        self.matcher.short_values()
    }

    /// Returns the memory usage of the values in bytes. Clones share this memory, and all redactors share the rules.
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

    /// Returns what is masked in a complete text, and why, in the order of the text.
    pub fn explain(&self, input: &[u8]) -> Vec<Finding> {
        let rule = |label| match label {
            Label::Value => None,
            Label::Rule(rule) => Some(self.rules.id(rule).to_owned()),
        };
        let found = self.stream().find(input).into_iter();
        found.map(|found| Finding { rule: rule(found.label()), range: found.range }).collect()
    }

    /// Creates the state for redacting a new stream of output.
    pub fn stream(&self) -> RedactStream {
        RedactStream::new(Arc::clone(&self.matcher), self.rules.clone(), SearchedViews::All)
    }

    /// Creates the state for redacting a new stream of lines that are shown as soon as they are complete.
    ///
    /// Only the bytes themselves are searched: for the values, their lines, hexadecimal text and base64, but not for
    /// escaped or styled text. Therefore, the end of a line is held back only if a value contains a line break, or
    /// within a private key. In a [`stream`](Self::stream), it may be held back because white space may stand between
    /// the bytes of a value.
    pub fn line_stream(&self) -> RedactStream {
        RedactStream::new(Arc::clone(&self.matcher), self.rules.clone(), SearchedViews::Raw)
    }
}

/// Shows the number of values, but never the values themselves.
impl Debug for Redactor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("values", &self.matcher.values()).finish_non_exhaustive()
    }
}
