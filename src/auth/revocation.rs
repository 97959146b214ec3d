//! Notifies open responses (those that are still being sent) when their recipient's credential may have become invalid.
//!
//! A notification names an account, not a credential. Each open response to this account then checks its own credential
//! in the database. If many notifications are sent at once, a receiver may miss some of them. In this case, it checks
//! its credential as well.

use tokio::sync::broadcast;

use super::Account;

/// The number of notifications that are stored for a slow receiver. If there are more, the receiver misses the oldest
/// ones, and checks its credential instead.
const CAPACITY: usize = 64;

/// Sends notifications. Clones send to the same receivers.
#[derive(Clone, Debug)]
pub(super) struct Revocations(broadcast::Sender<Account>);

impl Revocations {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    /// Notifies all open responses to an account. This must be called after the change has been committed.
    pub(super) fn notify(&self, account: Account) {
        // An error means that there are no open responses.
        self.0.send(account).ok();
    }

    /// Begins to receive the notifications of an account.
    pub(super) fn of(&self, account: Account) -> AccountRevocations {
        AccountRevocations { account, receiver: self.0.subscribe() }
    }
}

/// Receives the notifications of one account.
#[derive(Debug)]
pub(super) struct AccountRevocations {
    account: Account,
    receiver: broadcast::Receiver<Account>,
}

impl AccountRevocations {
    /// Waits until a credential of the account may have become invalid. If the server is stopping, waits forever.
    pub(super) async fn notified(&mut self) {
        loop {
            match self.receiver.recv().await {
                Ok(account) if account != self.account => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
