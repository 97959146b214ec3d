//! A page of the log, and the request for a page. This module performs no I/O.

use model::{EventId, JobStatus, Level, Seq, StreamName, Timestamp};

use super::SharedEvent;
use super::stored::{Facets, StoredEvent};

/// The maximum number of bytes of text in a page, unless a single event has more.
pub const MAX_TEXT: usize = 1 << 20;

/// The maximum number of events that one page examines. It limits the work if a filter rejects most events. The reply
/// contains the position of the last event examined, and the next request continues from there.
pub const MAX_LOOKED_AT: usize = 5_000;

/// A position in the log, as specified by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// The event at this position, or the last event if the log is shorter.
    Seq(Seq),
    /// The last event at or before this time, after which reading continues. If an id is given, an event at exactly
    /// this time is also read if its id is greater.
    After(Timestamp, Option<EventId>),
    /// The first event at or after this time, before which reading continues. If an id is given, an event at exactly
    /// this time is also read if its id is smaller.
    Before(Timestamp, Option<EventId>),
}

/// The direction of reading, and the position at which reading begins or ends. The event at that position is not
/// included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards newer events, beginning after this position.
    After(Seq),
    /// Towards older events, beginning before this position, or with the newest event if the position is `None`.
    Before(Option<Seq>),
    /// Towards newer events, from the beginning of the log up to but not including this position.
    UpTo(Seq),
}

/// The kinds of events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kinds {
    /// All kinds.
    #[default]
    Any,
    /// All kinds except output.
    NotOutput,
    /// Only these kinds.
    Only(Vec<String>),
}

/// The conditions that the events of a page must meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The kinds of events to include.
    pub kinds: Kinds,
    /// If set, only events of this level are included.
    pub level: Option<Level>,
    /// If set, only events of this output stream are included. Only output events belong to a stream.
    pub stream: Option<StreamName>,
    /// If set, only events of the step with this id are included.
    pub step_id: Option<String>,
    /// If set, only events of this attempt are included.
    pub attempt: Option<i32>,
}

/// A request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The direction of reading, and the position at which reading begins or ends.
    pub direction: Direction,
    /// The conditions that the returned events must meet.
    pub filter: Filter,
    /// The maximum number of events to return, at least 1.
    pub limit: usize,
}

impl PageRequest {
    /// Requests as many events after `cursor` as fit into a page.
    pub(super) fn all_after(cursor: Seq) -> Self {
        Self { direction: Direction::After(cursor), filter: Filter::default(), limit: MAX_LOOKED_AT }
    }
}

/// A page of the log.
#[derive(Debug)]
pub struct Page {
    /// The events in reading order.
    pub events: Vec<SharedEvent>,
    /// The position after which reading towards newer events continues.
    pub next_after: Seq,
    /// The position before which reading towards older events continues.
    pub next_before: Seq,
    /// Whether there are more events in the direction of reading.
    pub has_more: bool,
    /// The position of the log's last event, determined before the events are read.
    pub last_seq: Seq,
    /// The job's final status, if it had finished before the events were read.
    pub terminal: Option<JobStatus>,
}

/// The current end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The position of the log's last event.
    pub last_seq: Seq,
    /// The job's final status, if it has finished.
    pub terminal: Option<JobStatus>,
}

impl Kinds {
    /// Returns whether these kinds include output.
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
    /// Returns whether the event passes the filter.
    #[must_use]
    pub fn matches(&self, level: Level, facets: &Facets) -> bool {
        self.kinds.include(&facets.kind)
            && self.level.is_none_or(|wanted| wanted == level)
            && self.stream.is_none_or(|wanted| Some(wanted) == facets.stream)
            && self.step_id.as_ref().is_none_or(|wanted| Some(wanted) == facets.step_id.as_ref())
            && self.attempt.is_none_or(|wanted| Some(wanted) == facets.attempt)
    }
}

/// The result of offering an event to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// The page accepts more events.
    Continue,
    /// The page is full. The last event offered was not added and does not count as examined.
    Stop,
}

/// A page that is being filled, one event at a time, in reading order.
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

    /// Offers the next event. `event` is called only if the event is added to the page.
    pub(super) fn offer(
        &mut self,
        seq: Seq,
        size: usize,
        matches: bool,
        event: impl FnOnce() -> SharedEvent,
    ) -> Offered {
        let fits = self.events.is_empty() || self.text + size <= MAX_TEXT;
        if self.looked_at == MAX_LOOKED_AT || self.events.len() == self.request.limit || (matches && !fits) {
            self.full = true;
            return Offered::Stop;
        }
        self.looked_at += 1;
        self.looked_from.get_or_insert(seq);
        self.looked_to = Some(seq);
        if matches {
            self.text += size;
            self.events.push(event());
        }
        Offered::Continue
    }

    /// Offers an event that is in memory. The event is added to the page if it passes the request's filter.
    pub(super) fn offer_shared(&mut self, event: &SharedEvent) -> Offered {
        let matches = self.request.filter.matches(event.level, &event.facets);
        self.offer(event.seq, event.size, matches, || SharedEvent::clone(event))
    }

    /// Finishes the page. Unless the page is full, all events in the requested range must have been offered.
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
    /// Returns whether the job has finished and no event follows this page.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.terminal.is_some() && self.next_after >= self.last_seq
    }

    /// Returns the page as the JSON body of a polling reply.
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

    /// Returns the page in the form that the browser uses.
    #[must_use]
    pub fn to_model(&self) -> model::EventsPage {
        let parse =
            |event: &SharedEvent| serde_json::from_slice(StoredEvent::item(event)).expect("an item is an event");
        model::EventsPage {
            items: self.events.iter().map(parse).collect(),
            next_after: self.next_after,
            next_before: self.next_before,
            has_more: self.has_more,
            last_seq: self.last_seq,
            terminal: self.terminal.is_some(),
        }
    }
}
