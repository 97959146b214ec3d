//! Limits how many connections are open at the same time, so that enough file descriptors remain for the database, the
//! output of jobs and the jobs themselves.
//!
//! If the limit is reached, a new connection replaces the connection that has been idle for the longest time. A
//! connection is idle while the server waits for its next request, or for its first one. HTTP permits a server to close
//! such a connection at any time. If no connection is idle, the server responds to the new one with an error. Sending
//! this response requires a descriptor too, so only a few connections are refused in this way at the same time. Any
//! others are closed without a response.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// The descriptors that are reserved for the database, the listening socket, logs, files that are being uploaded, and
/// responses to refused connections.
const RESERVED: u64 = 256;

/// The descriptors that are reserved for each job that runs at the same time: its output, the pipes and terminals of
/// its step, its supervisor, and the files that it stores as artifacts.
const RESERVED_FOR_JOB: u64 = 16;

/// The descriptors of a connection: its socket, and on average at most one file that is being sent or searched.
const FOR_CONNECTION: u64 = 2;

/// The smallest limit. With fewer connections, nobody could use the server.
const MIN_CONNECTIONS: usize = 16;

/// The maximum number of connections that are being refused at the same time.
const MAX_REFUSING: usize = 64;

/// The minimum interval between two warnings in the log that connections are refused.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Returns how many connections can be open while `jobs` jobs run at the same time. `files` is the maximum number of
/// files that the process can have open, or `None` if there is no maximum.
pub(super) fn available(files: Option<u64>, jobs: usize) -> usize {
    let reserved = RESERVED_FOR_JOB.saturating_mul(jobs as u64).saturating_add(RESERVED);
    let left = files.unwrap_or(u64::MAX).saturating_sub(reserved) / FOR_CONNECTION;
    usize::try_from(left).unwrap_or(usize::MAX).max(MIN_CONNECTIONS)
}

/// The open connections. Clones share the same connections.
#[derive(Clone, Debug)]
pub(super) struct ConnectionSlots(Arc<Mutex<Slots>>);

#[derive(Debug)]
struct Slots {
    limit: usize,
    /// The time for which a connection has to be idle before it is closed to make way for another one.
    idle_for: Duration,
    open: HashMap<u64, OpenConnection>,
    /// The ids of idle connections. The key is a number that each connection gets when it becomes idle. The numbers
    /// increase, so the connection that has been idle for the longest time comes first.
    idle: BTreeMap<u64, u64>,
    /// The number of open connections that are being closed to make way for others.
    leaving: usize,
    /// The number of connections that are being refused.
    refusing: usize,
    /// The next number that identifies a connection, or that a connection gets when it becomes idle.
    next: u64,
    warned_at: Option<Instant>,
}

#[derive(Debug)]
struct OpenConnection {
    /// A token that is cancelled when the connection has to make way for another one.
    leave: CancellationToken,
    state: Use,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// A request is being answered.
    Busy,
    /// No request has been in progress since this time. The number is the connection's key in [`Slots::idle`].
    Idle(u64, Instant),
    /// The connection is about to close.
    Leaving,
}

/// How a new connection is handled.
#[derive(Debug)]
pub(super) enum SlotDecision {
    /// The connection is served.
    Serve(ConnectionSlot),
    /// The connection is answered with an error.
    Refuse(RefusalSlot),
    /// The connection is closed without an answer.
    Close,
}

/// A connection that counts towards the limit until it is dropped. It is idle at first.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    slots: ConnectionSlots,
    id: u64,
    leave: CancellationToken,
}

/// A connection that is being refused. It counts towards [`MAX_REFUSING`] until this value is dropped.
#[derive(Debug)]
pub(super) struct RefusalSlot(ConnectionSlots);

/// Records whether a connection is idle. If this value outlives the connection, it has no effect.
#[derive(Clone, Debug)]
pub(super) struct IdleMark {
    slots: ConnectionSlots,
    id: u64,
}

impl ConnectionSlots {
    /// Creates slots for `limit` connections. A connection makes way for another one only after it has been idle for
    /// `idle_for`.
    pub(super) fn new(limit: usize, idle_for: Duration) -> Self {
        let (open, idle) = (HashMap::new(), BTreeMap::new());
        let slots = Slots { limit, idle_for, open, idle, leaving: 0, refusing: 0, next: 0, warned_at: None };
        Self(Arc::new(Mutex::new(slots)))
    }

    /// Decides how a new connection is handled.
    pub(super) fn decide(&self, now: Instant) -> SlotDecision {
        let mut slots = self.slots();
        if slots.open.len() - slots.leaving < slots.limit || slots.make_way(now) {
            return SlotDecision::Serve(self.open(&mut slots, now));
        }
        if slots.warned_at.is_none_or(|warned| now.saturating_duration_since(warned) >= WARN_EVERY) {
            slots.warned_at = Some(now);
            tracing::warn!(limit = slots.limit, "connections are refused, because too many are in use");
        }
        if slots.refusing >= MAX_REFUSING {
            return SlotDecision::Close;
        }
        slots.refusing += 1;
        SlotDecision::Refuse(RefusalSlot(self.clone()))
    }

    /// Returns the maximum number of connections.
    pub(super) fn limit(&self) -> usize {
        self.slots().limit
    }

    fn open(&self, slots: &mut Slots, now: Instant) -> ConnectionSlot {
        let (id, leave) = (slots.number(), CancellationToken::new());
        slots.open.insert(id, OpenConnection { leave: leave.clone(), state: Use::Busy });
        slots.set_idle(id, now);
        ConnectionSlot { slots: self.clone(), id, leave }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Starts to close the connection that has been idle for the longest time. Returns `false` if no connection has
    /// been idle for long enough.
    fn make_way(&mut self, now: Instant) -> bool {
        let Some((&order, &id)) = self.idle.first_key_value() else { return false };
        let Some(connection) = self.open.get_mut(&id) else { return false };
        let Use::Idle(_, since) = connection.state else { return false };
        if now.saturating_duration_since(since) < self.idle_for {
            return false;
        }
        connection.state = Use::Leaving;
        connection.leave.cancel();
        self.idle.remove(&order);
        self.leaving += 1;
        true
    }

    fn set_idle(&mut self, id: u64, now: Instant) {
        let order = self.number();
        if let Some(connection) = self.open.get_mut(&id)
            && connection.state == Use::Busy
        {
            connection.state = Use::Idle(order, now);
            self.idle.insert(order, id);
        }
    }

    fn set_busy(&mut self, id: u64) {
        let Some(connection) = self.open.get_mut(&id) else { return };
        match connection.state {
            Use::Idle(order, _) => drop(self.idle.remove(&order)),
            // A request arrived just before the connection was to be closed. The response may take long, so the
            // connection counts towards the limit again.
            Use::Leaving => self.leaving -= 1,
            Use::Busy => return,
        }
        connection.state = Use::Busy;
    }

    fn close(&mut self, id: u64) {
        match self.open.remove(&id).map(|connection| connection.state) {
            Some(Use::Idle(order, _)) => drop(self.idle.remove(&order)),
            Some(Use::Leaving) => self.leaving -= 1,
            Some(Use::Busy) | None => {}
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl ConnectionSlot {
    /// Returns the token that is cancelled when the connection has to make way for another one.
    pub(super) const fn leave(&self) -> &CancellationToken {
        &self.leave
    }

    /// Returns the [`IdleMark`] of this connection.
    pub(super) fn idle_mark(&self) -> IdleMark {
        IdleMark { slots: self.slots.clone(), id: self.id }
    }
}

impl IdleMark {
    /// Records that a request has begun.
    pub(super) fn set_busy(&self) {
        self.slots.slots().set_busy(self.id);
    }

    /// Records that no request is being answered any more.
    pub(super) fn set_idle(&self) {
        self.slots.slots().set_idle(self.id, Instant::now());
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.slots().close(self.id);
    }
}

impl Drop for RefusalSlot {
    fn drop(&mut self) {
        self.0.slots().refusing -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn serve(slots: &ConnectionSlots, now: Instant) -> ConnectionSlot {
        match slots.decide(now) {
            SlotDecision::Serve(slot) => slot,
            other => panic!("it is served: {other:?}"),
        }
    }

    #[test]
    fn the_limit_is_what_the_file_limit_leaves() {
        assert_eq!(available(Some(1024), 2), 368);
        assert_eq!(available(Some(64), 2), MIN_CONNECTIONS);
        assert_eq!(available(None, usize::MAX), MIN_CONNECTIONS);
        assert!(available(None, 2) > 1_000_000);
    }

    #[test]
    fn the_connection_that_was_idle_for_the_longest_time_makes_way() {
        let (slots, now) = (ConnectionSlots::new(3, SECOND), Instant::now());
        let [one, two, three] = [(); 3].map(|()| serve(&slots, now));
        one.idle_mark().set_busy();
        assert!(matches!(slots.decide(now), SlotDecision::Refuse(_)), "nobody was idle long enough");
        let _four = serve(&slots, now + SECOND);
        let are_leaving = || [&one, &two, &three].map(|slot| slot.leave().is_cancelled());
        assert_eq!(are_leaving(), [false, true, false]);
        two.idle_mark().set_busy();
        let _five = serve(&slots, now + SECOND);
        assert_eq!(are_leaving(), [false, true, true]);
        assert!(matches!(slots.decide(now + SECOND), SlotDecision::Refuse(_)), "two have left, and two have come");
        drop((two, three));
        assert!(matches!(slots.decide(now + SECOND), SlotDecision::Refuse(_)), "their places are taken");
        drop(one);
        let _six = serve(&slots, now + SECOND);
    }

    #[test]
    fn a_connection_that_receives_a_request_while_it_makes_way_counts_until_it_is_closed() {
        let (slots, now) = (ConnectionSlots::new(1, Duration::ZERO), Instant::now());
        let one = serve(&slots, now);
        let two = serve(&slots, now);
        assert!(one.leave().is_cancelled());
        one.idle_mark().set_busy();
        two.idle_mark().set_busy();
        drop(two);
        assert!(matches!(slots.decide(now), SlotDecision::Refuse(_)), "the request is still being answered");
        drop(one);
        let _three = serve(&slots, now);
        assert_eq!(slots.slots().leaving, 0);
    }

    #[test]
    fn a_connection_in_use_never_makes_way_and_only_some_are_refused_with_an_answer() {
        let (slots, now) = (ConnectionSlots::new(1, Duration::ZERO), Instant::now());
        let one = serve(&slots, now);
        one.idle_mark().set_busy();
        let refused: Vec<_> = (0..MAX_REFUSING).map(|_| slots.decide(now)).collect();
        assert!(refused.iter().all(|decision| matches!(decision, SlotDecision::Refuse(_))));
        assert!(matches!(slots.decide(now), SlotDecision::Close));
        assert!(!one.leave().is_cancelled());
        drop(refused);
        assert!(matches!(slots.decide(now), SlotDecision::Refuse(_)));
        one.idle_mark().set_idle();
        let _two = serve(&slots, Instant::now());
        assert!(one.leave().is_cancelled());
        let mark = one.idle_mark();
        drop(one);
        mark.set_idle();
        let state = slots.slots();
        assert_eq!((state.open.len(), state.idle.len(), state.leaving), (1, 1, 0), "a mark may outlive its connection");
    }
}
