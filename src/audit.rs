//! The audit log: an append-only table of the requests that changed something, were refused, or logged somebody in.
//!
//! Entries contain no token, password, value of a secret, command or output. `server::audit` decides what is recorded.

mod store;

use engine::db::{Db, DbError};
use model::{AuditEntry, AuditPage, Timestamp};
use redact::Redacted;

/// The maximum number of entries per page.
pub const MAX_PAGE: usize = 1_000;

/// An entry that has not been stored yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The time at which the request was answered.
    pub created_at: Timestamp,
    /// The name of the user, or `None` if nobody was logged in.
    pub user: Option<Redacted>,
    /// The kind of the user's credential, or `None` if nobody was logged in.
    pub credential: Option<&'static str>,
    /// The address of the client.
    pub address: String,
    /// The requested action, such as `job.cancel`.
    pub action: &'static str,
    /// The name or id of the object of the action, or `None` if there is none.
    pub object: Option<Redacted>,
    /// A description of the change, or of how the object was created, or `None` if there is none.
    pub details: Option<Redacted>,
    /// The HTTP status of the response.
    pub status: u16,
}

/// The position in the log at which reading begins, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPosition {
    /// Newest first. Selects the entries with ids smaller than this id, or all entries if the id is `None`.
    Before(Option<i64>),
    /// Oldest first. Selects the entries with ids greater than this id.
    After(i64),
}

/// Selects entries of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// The position at which reading begins.
    pub position: AuditPosition,
    /// The user whose entries are selected, or `None` for all entries.
    pub user: Option<String>,
    /// The selected action, or `None` for all actions. The part of an action before the dot selects all actions that
    /// begin with this part: `job` selects `job.cancel`.
    pub action: Option<String>,
}

/// Reads and extends the audit log. Clones share the log.
#[derive(Clone, Debug)]
pub struct AuditLog {
    db: Db,
}

impl AuditLog {
    /// Returns the audit log of a database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Appends an entry. Returns after the commit.
    pub async fn append(&self, entry: NewEntry) -> Result<(), DbError> {
        self.db.writer().write(move |tx| Box::pin(async move { store::insert(tx.connection(), &entry).await })).await
    }

    /// Returns the first entries that a filter selects. Their number is at most `limit`, and never more than
    /// [`MAX_PAGE`].
    pub async fn page(&self, filter: &AuditFilter, limit: usize) -> Result<AuditPage, DbError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut connection = self.db.reader().await?;
        // One more entry than requested shows whether there is a next page.
        let mut items: Vec<AuditEntry> = store::select(&mut connection, filter, limit + 1).await?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_before = items.last().filter(|_| has_more).map(|entry| entry.id);
        Ok(AuditPage { items, next_before })
    }
}
