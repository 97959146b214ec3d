//! A masking policy: the values that must not be shown, and the shapes of secrets that nobody registered.

use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::sync::Arc;

use crate::masks::Label;
use crate::matcher::Matcher;
use crate::pattern::is_weak;
use crate::values::Values;
use crate::{RedactStream, Redacted, Rules};

/// The registered values and the rules, compiled once. Clones are cheap and share the compiled form.
///
/// The values consist of two sets, which are compiled separately: those that the redactor was created with, and those
/// that were [added](Self::with_values). Redactors with different added values share the compiled form of the others.
/// What is masked depends only on the union of both sets.
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
        let values = Values::new(values.into_iter().map(|value| value.as_ref().to_vec()).collect());
        Self { matcher: Arc::new(Matcher::new(Arc::new(values), None)), rules: rules.clone() }
    }

    /// Returns a redactor that also masks `more` values. Only these and the values that were added earlier are compiled,
    /// so the time does not depend on the values that the first redactor was created with.
    #[must_use]
    pub fn with_values<I, V>(&self, more: I) -> Self
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let shared = self.matcher.shared();
        let more = more.into_iter().filter(|value| !shared.contains(value.as_ref())).map(|value| value.as_ref().to_vec());
        let added = self.matcher.added().into_iter().flat_map(|added| added.list().iter().cloned());
        let values = Values::new(more.chain(added).collect());
        let matcher = if values.list().is_empty() {
            return self.clone();
        } else if shared.list().is_empty() {
            Matcher::new(Arc::new(values), None)
        } else {
            Matcher::new(Arc::clone(shared), Some(Arc::new(values)))
        };
        Self { matcher: Arc::new(matcher), rules: self.rules.clone() }
    }

    /// Returns a redactor that also masks all values of `other`.
    #[must_use]
    pub fn with_values_of(&self, other: &Self) -> Self {
        if Arc::ptr_eq(&self.matcher, &other.matcher) {
            return self.clone();
        }
        self.with_values(other.matcher.sets().flat_map(|values| values.list()))
    }

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.values() == 0 && self.rules.is_empty()
    }

    /// Returns the memory usage of the values in bytes. Clones share this memory, and all redactors share the rules.
    pub fn memory(&self) -> usize {
        self.matcher.memory() + self.matcher.sets().map(|values| values.memory()).sum::<usize>()
    }

    /// Returns the memory usage of the values in bytes, except for what is shared with `other`.
    pub fn memory_beside(&self, other: &Self) -> usize {
        if Arc::ptr_eq(&self.matcher, &other.matcher) {
            return 0;
        }
        let is_own = |values: &&Arc<Values>| !other.matcher.sets().any(|others| Arc::ptr_eq(values, others));
        self.matcher.memory() + self.matcher.sets().filter(is_own).map(|values| values.memory()).sum::<usize>()
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
        RedactStream::new(Arc::clone(&self.matcher), self.rules.clone())
    }

    /// Returns the number of values.
    fn values(&self) -> usize {
        self.matcher.sets().map(|values| values.list().len()).sum()
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
        f.debug_struct("Redactor").field("values", &self.values()).finish_non_exhaustive()
    }
}
