//! The registered values and the rules, compiled into a form that all streams share.

use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::sync::Arc;

use crate::masks::Label;
use crate::matcher::Matcher;
use crate::pattern::is_weak;
use crate::{RedactStream, Redacted, Rules};

/// The registered values and the rules, compiled once. Clones are cheap and share the compiled form.
#[derive(Clone)]
pub struct Redactor {
    /// The values, sorted and without duplicates.
    values: Arc<[Vec<u8>]>,
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

    /// Creates a redactor that masks `values`, as [`new`](Self::new) does, and the secrets that `rules` recognise.
    pub fn with_rules<I, V>(values: I, rules: &Rules) -> Self
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let mut values: Vec<Vec<u8>> = values.into_iter().map(|value| value.as_ref().to_vec()).collect();
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        values.dedup();
        let matcher = Arc::new(Matcher::new(&values));
        Self { values: values.into(), matcher, rules: rules.clone() }
    }

    /// Returns a redactor that also masks `more` values. Compiling it takes as long as compiling all values.
    #[must_use]
    pub fn with_values<I, V>(&self, more: I) -> Self
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let more: Vec<V> = more.into_iter().collect();
        let all = self.values.iter().map(Vec::as_slice).chain(more.iter().map(AsRef::as_ref));
        Self::with_rules(all, &self.rules)
    }

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.matcher.values() == 0 && self.rules.is_empty()
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

    /// Returns the secrets that are masked in a complete text, in order, each with the rule that found it.
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
        RedactStream::new(Arc::clone(&self.matcher), self.rules.clone())
    }

    /// Returns the compiled values.
    pub(crate) const fn matcher(&self) -> &Arc<Matcher> {
        &self.matcher
    }
}

/// Returns whether a registered value is masked wherever it occurs. Values shorter than 6 bytes and common words are
/// masked only as whole tokens, so callers may want to warn about them.
pub fn is_masked_everywhere(value: &[u8]) -> bool {
    !is_weak(value)
}

/// Shows the number of values, but never the values themselves.
impl Debug for Redactor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("values", &self.matcher.values()).finish_non_exhaustive()
    }
}
