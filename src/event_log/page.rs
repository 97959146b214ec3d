//! What a page of the log is, and what it is asked for with. Plain values, no I/O.

use super::SharedEvent;
use super::stored::{Facets, StoredEvent};
use crate::model::{EventId, JobStatus, Level, Seq, StreamName, Timestamp};

/// Text in a page at the most, unless a single event has more.
pub const MAX_TEXT: usize = 1 << 20;

/// Events that one page looks through at the most when a filter passes over them; where it stopped is in the reply.
pub const MAX_LOOKED_AT: usize = 5_000;

/// A place in the log, as a request gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// The event of this place; the last one if there is none yet.
    Seq(Seq),
    /// The last event at or before a time; of several at that very time, those up to the one named.
    After(Timestamp, Option<EventId>),
    /// The first event at or after a time; of several at that very time, those from the one named.
    Before(Timestamp, Option<EventId>),
}

/// Which way to read, and from where; both strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards the newest, beginning after this place.
    After(Seq),
    /// Towards the oldest, beginning before this place; from the newest if there is none.
    Before(Option<Seq>),
    /// Oldest first, but nothing at or beyond this place.
    UpTo(Seq),
}

/// Which kinds of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// All of them.
    #[default]
    Any,
    /// Everything that is not output.
    NotOutput,
    /// These.
    Only(Vec<String>),
}

/// Which events a page holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The kind.
    pub kinds: Kinds,
    /// The level, exactly.
    pub level: Option<Level>,
    /// The stream; only output has one.
    pub stream: Option<StreamName>,
    /// The step.
    pub step_id: Option<String>,
    /// The attempt.
    pub attempt: Option<i32>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Which way, and from where.
    pub direction: Direction,
    /// Which events.
    pub filter: Filter,
    /// How many at the most, from 1 on.
    pub limit: usize,
}

/// What was read.
#[derive(Debug)]
pub struct Page {
    /// The events, in the order of reading.
    pub events: Vec<SharedEvent>,
    /// Everything up to here has been looked at.
    pub next_after: Seq,
    /// Everything from here on has been looked at.
    pub next_before: Seq,
    /// Whether there is more in the direction of reading.
    pub has_more: bool,
    /// The last event of the log, as of before the events were read.
    pub last_seq: Seq,
    /// The job's final status, if it was over before the events were read.
    pub terminal: Option<JobStatus>,
}

/// Where the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its last event.
    pub last_seq: Seq,
    /// The job's final status, if it is over.
    pub terminal: Option<JobStatus>,
}

impl Kinds {
    /// Returns whether output can be among them.
    #[must_use]
    pub fn include_output(&self) -> bool {
        self.include("log")
    }

    fn include(&self, kind: &str) -> bool {
        match self {
            Self::Any => true,
            Self::NotOutput => kind != "log",
            Self::Only(kinds) => kinds.iter().any(|only| only == kind),
        }
    }
}

impl Filter {
    /// Returns whether the event is one of those asked for.
    #[must_use]
    pub fn matches(&self, level: Level, facets: &Facets) -> bool {
        self.kinds.include(&facets.kind)
            && self.level.is_none_or(|wanted| wanted == level)
            && self.stream.is_none_or(|wanted| Some(wanted) == facets.stream)
            && self.step_id.as_ref().is_none_or(|wanted| Some(wanted) == facets.step_id.as_ref())
            && self.attempt.is_none_or(|wanted| Some(wanted) == facets.attempt)
    }
}

/// What is to be done after an event was offered to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Offer the next one.
    Continue,
    /// The page is full; an event that did not fit was not looked at.
    Stop,
}

/// A page that is being filled, event by event, in the order of reading.
pub(super) struct Filling<'a> {
    request: &'a PageRequest,
    head: Head,
    events: Vec<SharedEvent>,
    text: usize,
    looked_at: usize,
    looked_from: Option<Seq>,
    looked_to: Option<Seq>,
    full: bool,
}

impl<'a> Filling<'a> {
    pub(super) fn new(request: &'a PageRequest, head: Head) -> Self {
        Self {
            request,
            head,
            events: Vec::new(),
            text: 0,
            looked_at: 0,
            looked_from: None,
            looked_to: None,
            full: false,
        }
    }

    /// Offers the next event; `event` is only called when it belongs into the page.
    pub(super) fn offer(&mut self, seq: Seq, size: usize, matches: bool, event: impl FnOnce() -> SharedEvent) -> Next {
        let room = self.events.is_empty() || self.text + size <= MAX_TEXT;
        if self.looked_at == MAX_LOOKED_AT || self.events.len() == self.request.limit || (matches && !room) {
            self.full = true;
            return Next::Stop;
        }
        self.looked_at += 1;
        self.looked_from.get_or_insert(seq);
        self.looked_to = Some(seq);
        if matches {
            self.text += size;
            self.events.push(event());
        }
        Next::Continue
    }

    /// Offers an event that is already shared.
    pub(super) fn offer_shared(&mut self, event: &SharedEvent) -> Next {
        let matches = self.request.filter.matches(event.level, &event.facets);
        self.offer(event.seq, event.size, matches, || SharedEvent::clone(event))
    }

    /// Ends the page; unless it is full, everything there was has been looked at.
    pub(super) fn finish(self) -> Page {
        let Head { last_seq, terminal } = self.head;
        let (next_after, next_before) = match (self.request.direction, self.full) {
            (Direction::After(cursor), false) => (cursor.max(last_seq), cursor.plus(1)),
            (Direction::After(cursor), true) => (self.looked_to.unwrap_or(cursor), cursor.plus(1)),
            (Direction::UpTo(bound), false) => (Seq(bound.0 - 1).min(last_seq).max(Seq::START), Seq(1)),
            (Direction::UpTo(_), true) => (self.looked_to.unwrap_or_default(), Seq(1)),
            (Direction::Before(_), full) => {
                (self.looked_from.unwrap_or_default(), if full { self.looked_to.unwrap_or(Seq(1)) } else { Seq(1) })
            }
        };
        Page { events: self.events, next_after, next_before, has_more: self.full, last_seq, terminal }
    }
}

impl Page {
    /// Returns whether nothing will ever come after this page.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.terminal.is_some() && self.next_after >= self.last_seq
    }

    /// Returns the page as the body of a polling reply.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let items: Vec<&[u8]> = self.events.iter().map(|event| event.item()).collect();
        let mut body = b"{\"items\":[".to_vec();
        body.extend_from_slice(&items.join(&b","[..]));
        body.extend_from_slice(
            format!(
                "],\"nextAfter\":{},\"nextBefore\":{},\"hasMore\":{},\"lastSeq\":{},\"terminal\":{}}}",
                self.next_after,
                self.next_before,
                self.has_more,
                self.last_seq,
                self.terminal.is_some()
            )
            .as_bytes(),
        );
        body
    }

    /// Returns the page as the browser knows it.
    #[must_use]
    pub fn to_model(&self) -> crate::model::EventsPage {
        let parse =
            |event: &SharedEvent| serde_json::from_slice(StoredEvent::item(event)).expect("an item is an event");
        crate::model::EventsPage {
            items: self.events.iter().map(parse).collect(),
            next_after: self.next_after,
            next_before: self.next_before,
            has_more: self.has_more,
            last_seq: self.last_seq,
            terminal: self.terminal.is_some(),
        }
    }
}
