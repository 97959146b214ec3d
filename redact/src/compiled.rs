//! The compiled values of a redactor: a shared set, and possibly a set of added values.

use std::sync::Arc;

use crate::matcher::Matcher;
use crate::search::ValueSearch;
use crate::sets::{OneSet, TwoSets};
use crate::values::Values;

/// The compiled values of a redactor. Clones are cheap and share everything.
#[derive(Clone)]
pub(crate) enum Compiled {
    /// All values are in the shared set.
    Shared(Arc<Matcher<OneSet>>),
    /// Values were added to the shared ones. The first set is the shared one.
    Extended(Arc<Matcher<TwoSets>>),
}

impl Compiled {
    /// Combines a set that several redactors share with a set of added values. If one of the sets is empty, only the
    /// other set is searched for.
    pub(crate) fn new(shared: &Arc<Values>, added: Values) -> Self {
        if added.list().is_empty() {
            Self::Shared(Arc::new(Matcher::new(OneSet(Arc::clone(shared)))))
        } else if shared.list().is_empty() {
            Self::Shared(Arc::new(Matcher::new(OneSet(Arc::new(added)))))
        } else {
            Self::Extended(Arc::new(Matcher::new(TwoSets([Arc::clone(shared), Arc::new(added)]))))
        }
    }

    /// Returns the sets of values. The first one is shared.
    pub(crate) fn sets(&self) -> &[Arc<Values>] {
        match self {
            Self::Shared(matcher) => matcher.sets(),
            Self::Extended(matcher) => matcher.sets(),
        }
    }

    /// Creates the state of the search in a new stream.
    pub(crate) fn search(&self) -> Box<dyn ValueSearch> {
        match self {
            Self::Shared(matcher) => matcher.search(),
            Self::Extended(matcher) => matcher.search(),
        }
    }

    /// Returns the memory usage in bytes, without the memory that is shared with `others`.
    pub(crate) fn memory(&self, others: Option<&Self>) -> usize {
        let is_shared = |values: &Arc<Values>| {
            others.is_some_and(|others| others.sets().iter().any(|other| Arc::ptr_eq(values, other)))
        };
        let own = self.sets().iter().filter(|values| !is_shared(values)).map(|values| values.memory());
        self.memory_of_matcher(others) + own.sum::<usize>()
    }

    fn memory_of_matcher(&self, others: Option<&Self>) -> usize {
        match (self, others) {
            (Self::Shared(matcher), Some(Self::Shared(other))) if Arc::ptr_eq(matcher, other) => 0,
            (Self::Extended(matcher), Some(Self::Extended(other))) if Arc::ptr_eq(matcher, other) => 0,
            (Self::Shared(matcher), _) => matcher.memory(),
            (Self::Extended(matcher), _) => matcher.memory(),
        }
    }
}
