//! The search for values in one stream.
//!
//! [`Views`] are generic over the automata, so that the compiler generates a separate loop for each kind of automata. A
//! stream uses the trait [`ValueSearch`], which hides the kind.

use std::sync::Arc;

use crate::masks::{Label, Masks};
use crate::matcher::{Matcher, View};
use crate::sets::Automata;
use crate::view::Views;

/// The state of the search for values in one stream, preserved between reads.
pub(crate) trait ValueSearch: Send + Sync {
    /// Resets the search to the position `at`, which follows the byte `before`.
    fn begin_again(&mut self, at: usize, before: Option<u8>);

    /// Processes the view's text from the position `from` on, and reports all matches to `masks`.
    fn run(&mut self, view: View, from: usize, masks: &mut Masks);

    /// Returns the position of the first match that is still possible at the end of the view's text.
    fn possible(&self, view: View) -> usize;

    /// Returns the position from which on nothing may be shown after a pause. This is the beginning of the first
    /// partial match that is long enough to reveal a value, or the end of the text if there is none.
    fn telling_at_pause(&self, view: View) -> usize;

    /// Prepares for the removal of the view's text before the position `from`.
    fn keep(&mut self, view: View, from: usize);

    /// Ends the stream, and reports values that are cut off.
    fn finish(&mut self, view: View, masks: &mut Masks);
}

/// The search by automata of one kind.
struct MatcherSearch<A: Automata> {
    matcher: Arc<Matcher<A>>,
    views: Views<A>,
}

impl<A: Automata> Matcher<A> {
    /// Creates the state of the search in a new stream.
    pub(crate) fn search(self: &Arc<Self>) -> Box<dyn ValueSearch> {
        Box::new(MatcherSearch { matcher: Arc::clone(self), views: Views::new(self.start()) })
    }
}

impl<A: Automata> ValueSearch for MatcherSearch<A> {
    fn begin_again(&mut self, at: usize, before: Option<u8>) {
        self.views.begin_again(self.matcher.start(), at, before);
    }

    fn run(&mut self, view: View, from: usize, masks: &mut Masks) {
        // If the last read ended with a short value, the byte after it decides whether it is a match. This byte is now
        // available.
        masks.add(self.matcher.found(self.views.raw(), view, from), Label::Value);
        self.views.run(&self.matcher, view, from, masks);
    }

    fn possible(&self, view: View) -> usize {
        self.views.possible(&self.matcher, view)
    }

    fn telling_at_pause(&self, view: View) -> usize {
        self.views.telling_at_pause(&self.matcher, view)
    }

    fn keep(&mut self, view: View, from: usize) {
        self.views.keep(view, from);
    }

    fn finish(&mut self, view: View, masks: &mut Masks) {
        self.views.finish(&self.matcher, view, masks);
    }
}
