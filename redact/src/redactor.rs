//! The registered values and the rules, compiled into a form that all streams share.

use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::sync::Arc;

use crate::compiled::Compiled;
use crate::masks::Label;
use crate::pattern::is_weak;
use crate::values::Values;
use crate::{RedactStream, Redacted, Rules};

/// The registered values and the rules, compiled once. Clones are cheap and share the compiled form.
///
/// There are two sets of values, which are compiled separately: the values that the redactor was created with, and
/// those that were [added](Self::with_values). Redactors that differ only in their added values share the compiled form
/// of the other values. The masked ranges depend only on the union of both sets.
#[derive(Clone)]
pub struct Redactor {
    values: Compiled,
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
    /// The number and length of the values are limited only by memory. Each byte of a value takes 600 to 1,200 bytes of
    /// memory (see [`memory`](Self::memory)) and a microsecond to compile. The returned redactor always masks all of
    /// the values. If the automaton cannot be built, which happens only with hundreds of millions of bytes, this
    /// function panics.
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
        let values = Values::new(values.into_iter().map(|value| value.as_ref().to_vec()).collect());
        Self { values: Compiled::new(&Arc::new(values), Values::new(Vec::new())), rules: rules.clone() }
    }

    /// Returns a redactor that also masks `more` values. Only the values that were added, now or earlier, are compiled.
    /// The time therefore does not depend on the values that the original redactor was created with.
    #[must_use]
    pub fn with_values<I, V>(&self, more: I) -> Self
    where
        I: IntoIterator<Item = V>,
        V: AsRef<[u8]>,
    {
        let (shared, added) = self.values.sets().split_first().expect("the first set always exists");
        let known = |value: &[u8]| self.values.sets().iter().any(|values| values.contains(value));
        let more = more.into_iter().filter(|value| !value.as_ref().is_empty() && !known(value.as_ref()));
        let mut all: Vec<Vec<u8>> = more.map(|value| value.as_ref().to_vec()).collect();
        if all.is_empty() {
            return self.clone();
        }
        all.extend(added.iter().flat_map(|values| values.list().iter().cloned()));
        Self { values: Compiled::new(shared, Values::new(all)), rules: self.rules.clone() }
    }

    /// Returns a redactor that also masks all values of `other`.
    #[must_use]
    pub fn with_values_of(&self, other: &Self) -> Self {
        self.with_values(other.values.sets().iter().flat_map(|values| values.list()))
    }

    /// Returns whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.rules.is_empty()
    }

    /// Returns the memory usage of the values in bytes. Clones share this memory. The rules are not included, because
    /// all redactors share them.
    pub fn memory(&self) -> usize {
        self.values.memory(None)
    }

    /// Returns the memory usage of the values in bytes, without the memory that is shared with `other`.
    pub fn memory_beside(&self, other: &Self) -> usize {
        self.values.memory(Some(&other.values))
    }

    /// Redacts one complete text, such as a title or an error.
    ///
    /// The result is the same as that of a stream that receives only this text. Redact a text before you truncate it,
    /// because a truncated secret may not be recognised.
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
        RedactStream::new(self.values.search(), self.rules.clone())
    }

    /// Returns the number of values.
    fn count(&self) -> usize {
        self.values.sets().iter().map(|values| values.list().len()).sum()
    }

    /// Returns the compiled values.
    pub(crate) const fn compiled(&self) -> &Compiled {
        &self.values
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
        f.debug_struct("Redactor").field("values", &self.count()).finish_non_exhaustive()
    }
}
