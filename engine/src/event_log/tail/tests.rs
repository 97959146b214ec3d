use model::{EventId, Level, Timestamp};
use serde_json::value::RawValue;

use super::*;
use crate::event_log::stored::{Facets, Parts, StoredEvent};

const JOB: JobId = JobId(uuid::Uuid::nil());

fn event(seq: i64) -> SharedEvent {
    let payload = RawValue::from_string("{}".to_owned()).expect("the text is JSON");
    let parts = Parts {
        seq: Seq(seq),
        id: EventId(uuid::Uuid::nil()),
        job_id: JOB,
        level: Level::Info,
        message: b"text",
        payload: &payload,
        created_at: Timestamp(seq),
    };
    SharedEvent::new(StoredEvent::new(&parts, Facets::default(), 4))
}

fn events(seqs: std::ops::RangeInclusive<i64>) -> Vec<SharedEvent> {
    seqs.map(event).collect()
}

const fn head(last: i64) -> Head {
    Head { last_seq: Seq(last), terminal: None }
}

/// A cache with one reader, and the current time.
struct Cached {
    tails: Tails,
    watch: Watch,
    now: Instant,
}

impl Cached {
    fn new() -> Self {
        let tails = Tails::default();
        Self { watch: tails.watch(JOB), tails, now: Instant::now() }
    }

    /// Adds events as an append by this server does.
    fn publish(&mut self, seqs: std::ops::RangeInclusive<i64>) {
        self.tails.publish(JOB, Published { events: events(seqs), terminal: None, by_worker: true });
        self.now = Instant::now();
    }

    fn page(&self, after: i64) -> Recalled {
        self.tails.page(JOB, &PageRequest::all_after(Seq(after)), self.now)
    }

    /// Returns the positions of the events after `after` that are in the cache.
    #[track_caller]
    fn seqs(&self, after: i64) -> Vec<i64> {
        match self.page(after) {
            Recalled::Page(page) => page.events.iter().map(|event| event.seq.0).collect(),
            recalled => panic!("{recalled:?}"),
        }
    }

    /// Returns whether the reader has been woken since the last call.
    fn is_woken(&mut self) -> bool {
        let is_woken = self.watch.last.has_changed().expect("the entry exists");
        self.watch.last.mark_unchanged();
        is_woken
    }
}

#[test]
fn one_of_several_readers_without_new_events_compares_the_cache_with_the_database() {
    let mut cached = Cached::new();
    cached.publish(1..=3);
    assert_eq!(cached.seqs(3), [0; 0], "an append is as good as a comparison");
    cached.now += CHECK_EVERY;
    assert_eq!(cached.seqs(1), [2, 3], "a reader that has not read everything needs no comparison");
    assert!(matches!(cached.page(3), Recalled::Outdated { end: Some(Seq(3)) }));
    assert_eq!(cached.seqs(3), [0; 0], "the readers of a job share a comparison");
    cached.tails.catch_up(JOB, head(3), Vec::new());
    cached.now += CHECK_EVERY;
    assert!(matches!(cached.page(3), Recalled::Outdated { .. }));
}

#[test]
fn events_of_another_server_wake_the_readers_and_are_in_the_cache_once_and_in_order() {
    let mut cached = Cached::new();
    cached.publish(1..=3);
    assert!(cached.is_woken());
    cached.tails.catch_up(JOB, head(3), Vec::new());
    assert!(!cached.is_woken(), "there are no new events");
    cached.tails.catch_up(JOB, head(5), events(4..=5));
    assert!(cached.is_woken());
    assert_eq!(cached.seqs(2), [3, 4, 5]);
    // A comparison may find events of this server after their commit, either before or after they are published.
    cached.publish(5..=6);
    cached.tails.catch_up(JOB, head(5), events(4..=5));
    assert_eq!(cached.seqs(0), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn events_that_the_cache_does_not_contain_are_read_from_the_database() {
    let mut cached = Cached::new();
    assert!(matches!(cached.page(0), Recalled::Outdated { end: None }));
    assert!(matches!(cached.page(0), Recalled::Missing), "the end of the log is not known");
    cached.tails.catch_up(JOB, head(7), Vec::new());
    assert!(matches!(cached.page(6), Recalled::Missing));
    assert_eq!(cached.seqs(7), [0; 0]);
    cached.publish(8..=9);
    assert_eq!(cached.seqs(7), [8, 9]);
    // The comparison has read a page that contains only some of the missed events.
    cached.tails.catch_up(JOB, head(99), events(10..=20));
    assert!(matches!(cached.page(9), Recalled::Missing));
    assert_eq!(cached.seqs(99), [0; 0]);
    // Another server has appended the event 100.
    cached.publish(101..=102);
    assert!(matches!(cached.page(99), Recalled::Missing));
    assert_eq!(cached.seqs(100), [101, 102]);
}

#[test]
fn a_finished_log_is_not_compared_again() {
    let mut cached = Cached::new();
    cached.publish(1..=3);
    cached.tails.catch_up(JOB, Head { terminal: Some(JobStatus::Succeeded), ..head(4) }, events(4..=4));
    cached.now += CHECK_EVERY;
    match cached.page(4) {
        Recalled::Page(page) => assert_eq!((page.terminal, page.is_last()), (Some(JobStatus::Succeeded), true)),
        recalled => panic!("{recalled:?}"),
    }
    let Cached { tails, watch, .. } = cached;
    drop(watch);
    assert!(matches!(tails.page(JOB, &PageRequest::all_after(Seq(4)), Instant::now()), Recalled::Missing));
}
