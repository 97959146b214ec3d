//! Shares the search threads fairly among the accounts that search.
//!
//! A search needs a turn for each chunk. When a thread becomes free, the waiting accounts take turns, regardless of how
//! many searches each of them has begun. An account that searches alone therefore uses all threads, and another account
//! waits at most until the current chunks have been searched.
//!
//! The search of a chunk may take minutes if the lines are long and the expression is slow. A turn therefore lapses
//! after [`LONGEST_TURN`]: its thread continues, but another turn may begin. An account never has more turns in
//! progress than there are threads, including lapsed turns.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// The time after which a turn lapses. Almost all chunks are searched within a tenth of this time.
pub(super) const LONGEST_TURN: Duration = Duration::from_secs(1);

/// The account on whose behalf a search runs: the id of a user, or `None` for the account of the admin token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SearchAccount(pub Option<i64>);

/// The turns of all searches.
#[derive(Debug)]
pub(super) struct Turns {
    /// The number of threads.
    threads: usize,
    /// The time after which a turn lapses.
    longest: Duration,
    state: Mutex<TurnState>,
}

#[derive(Debug, Default)]
struct TurnState {
    /// The number of turns that have begun, and have neither ended nor lapsed.
    taken: usize,
    of: HashMap<SearchAccount, TurnsOfAccount>,
    /// The accounts that wait for a turn, in the order in which their next turns begin.
    order: VecDeque<SearchAccount>,
    /// The number of the next turn.
    next: u64,
}

#[derive(Debug, Default)]
struct TurnsOfAccount {
    /// The number of turns that have begun and have not ended, including those that have lapsed.
    begun: usize,
    /// The turns that have not begun, each with its number.
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// A turn, which may not have begun yet. Dropping the turn ends it.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    account: SearchAccount,
    number: u64,
    /// Whether the turn has lapsed, so that another turn may begin. It is changed only while the state of the turns is
    /// locked.
    has_lapsed: AtomicBool,
}

impl Turns {
    pub(super) fn new(threads: usize, longest: Duration) -> Arc<Self> {
        Arc::new(Self { threads, longest, state: Mutex::default() })
    }

    /// Returns the number of threads.
    pub(super) const fn threads(&self) -> usize {
        self.threads
    }

    /// Waits until a turn of an account begins. The turn lapses even if the search is dropped in the meantime.
    pub(super) async fn begin(self: &Arc<Self>, account: SearchAccount) -> Arc<Turn> {
        let (begins, begun) = oneshot::channel();
        let turn = {
            let mut state = self.lock();
            let number = state.next;
            state.next += 1;
            let turns = state.of.entry(account).or_default();
            turns.waiting.push_back((number, begins));
            if turns.waiting.len() == 1 {
                state.order.push_back(account);
            }
            state.begin_next(self.threads);
            Arc::new(Turn { turns: Arc::clone(self), account, number, has_lapsed: AtomicBool::new(false) })
        };
        begun.await.expect("the sender is stored until the turn begins or is dropped");
        let (running, longest) = (Arc::downgrade(&turn), self.longest);
        tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            if let Some(turn) = running.upgrade() {
                turn.lapse();
            }
        });
        turn
    }

    fn lock(&self) -> MutexGuard<'_, TurnState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TurnState {
    /// Begins waiting turns as long as threads are free.
    fn begin_next(&mut self, threads: usize) {
        while self.taken < threads {
            let may_begin = |account: &SearchAccount| self.of.get(account).is_some_and(|turns| turns.begun < threads);
            let Some(at) = self.order.iter().position(may_begin) else { return };
            let Some(account) = self.order.remove(at) else { return };
            let Some(turns) = self.of.get_mut(&account) else { continue };
            let Some((_, begins)) = turns.waiting.pop_front() else { continue };
            turns.begun += 1;
            self.taken += 1;
            if !turns.waiting.is_empty() {
                self.order.push_back(account);
            }
            // Sending fails if the search no longer waits. Its turn is then about to be dropped, which ends the turn.
            begins.send(()).ok();
        }
    }

    /// Ends a turn, or removes it if it has not begun.
    fn end(&mut self, turn: &Turn) {
        let Some(turns) = self.of.get_mut(&turn.account) else { return };
        if let Some(at) = turns.waiting.iter().position(|(number, _)| *number == turn.number) {
            turns.waiting.remove(at);
            if turns.waiting.is_empty() {
                self.order.retain(|account| *account != turn.account);
            }
        } else {
            turns.begun -= 1;
            self.taken -= usize::from(!turn.has_lapsed.load(Ordering::Relaxed));
        }
        if turns.begun == 0 && turns.waiting.is_empty() {
            self.of.remove(&turn.account);
        }
    }
}

impl Turn {
    /// Lets another turn begin before this one ends.
    fn lapse(&self) {
        let mut state = self.turns.lock();
        if !self.has_lapsed.swap(true, Ordering::Relaxed) {
            state.taken -= 1;
            state.begin_next(self.turns.threads);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.end(self);
        state.begin_next(self.turns.threads);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::future::BoxFuture;
    use futures_util::{FutureExt, poll};

    use super::*;

    const ADA: SearchAccount = SearchAccount(Some(1));
    const OLGA: SearchAccount = SearchAccount(Some(2));
    const ADMIN: SearchAccount = SearchAccount(None);

    /// A time after which no test still runs, so that no turn lapses by itself.
    const FOREVER: Duration = Duration::from_hours(1);

    /// Requests a turn for each account, in this order. The turns that can begin have begun when this function returns.
    async fn request(turns: &Arc<Turns>, accounts: &[SearchAccount]) -> Vec<Requested> {
        let mut requested = Vec::new();
        for &account in accounts {
            let turns = Arc::clone(turns);
            let mut turn =
                Requested { account, waits: Some(async move { turns.begin(account).await }.boxed()), turn: None };
            turn.has_begun().await;
            requested.push(turn);
        }
        requested
    }

    struct Requested {
        account: SearchAccount,
        waits: Option<BoxFuture<'static, Arc<Turn>>>,
        turn: Option<Arc<Turn>>,
    }

    impl Requested {
        async fn has_begun(&mut self) -> bool {
            if let Some(waits) = &mut self.waits
                && let Poll::Ready(turn) = poll!(waits)
            {
                (self.waits, self.turn) = (None, Some(turn));
            }
            self.turn.is_some()
        }
    }

    /// Ends the turns one by one in the order in which they begin, until all have ended. Returns their accounts in this
    /// order.
    async fn order(mut requested: Vec<Requested>) -> Vec<SearchAccount> {
        let mut order = Vec::new();
        while !requested.is_empty() {
            let mut at = 0;
            while !requested[at].has_begun().await {
                at += 1;
            }
            order.push(requested.remove(at).account);
        }
        order
    }

    async fn begun(requested: &mut [Requested]) -> Vec<bool> {
        let mut begun = Vec::new();
        for turn in requested {
            begun.push(turn.has_begun().await);
        }
        begun
    }

    #[tokio::test]
    async fn an_account_that_searches_alone_uses_all_threads() {
        let turns = Turns::new(3, FOREVER);
        let mut requested = request(&turns, &[ADA; 4]).await;
        assert_eq!(begun(&mut requested).await, [true, true, true, false]);
        requested.remove(1);
        assert_eq!(begun(&mut requested).await, [true; 3]);
    }

    #[tokio::test]
    async fn accounts_take_turns_however_many_searches_each_of_them_has_begun() {
        let turns = Turns::new(1, FOREVER);
        let requested = request(&turns, &[ADA, ADA, ADA, ADA, OLGA, OLGA, ADMIN]).await;
        assert_eq!(order(requested).await, [ADA, ADA, OLGA, ADMIN, ADA, OLGA, ADA]);
    }

    #[tokio::test]
    async fn a_turn_that_lapses_lets_other_accounts_search() {
        let turns = Turns::new(2, FOREVER);
        let mut requested = request(&turns, &[ADA, ADA, ADA, OLGA, OLGA, ADMIN]).await;
        for endless in &requested[..2] {
            endless.turn.as_ref().expect("it has begun").lapse();
            endless.turn.as_ref().expect("it has begun").lapse();
        }
        let expected = [true, true, false, true, false, true];
        assert_eq!(begun(&mut requested).await, expected, "an account has at most two threads");
        drop(requested.remove(3));
        assert_eq!(begun(&mut requested).await, [true, true, false, true, true]);
        drop(requested.remove(0));
        assert_eq!(begun(&mut requested).await, [true, false, true, true], "the thread that is free is taken");
        drop(requested.remove(2));
        assert_eq!(begun(&mut requested).await, [true; 3]);
    }

    #[tokio::test]
    async fn a_turn_lapses_by_itself() {
        let turns = Turns::new(1, Duration::ZERO);
        let _endless = turns.begin(ADA).await;
        turns.begin(OLGA).await;
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_does_not_begin() {
        let turns = Turns::new(1, FOREVER);
        let mut requested = request(&turns, &[ADA, OLGA, ADA, ADMIN]).await;
        drop(requested.remove(1));
        // This turn has begun, but the future that waits for it has not been polled since.
        drop(requested.remove(0));
        drop(requested.remove(0));
        assert_eq!(begun(&mut requested).await, [true]);
        requested.clear();
        let state = turns.lock();
        assert_eq!((state.taken, state.of.len(), state.order.len()), (0, 0, 0), "nothing is stored");
    }
}
