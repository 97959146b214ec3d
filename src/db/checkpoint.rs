//! Moves committed pages from the write-ahead log into the database, off the writer's path.
//!
//! A passive checkpoint never makes the writer wait. Only when the log has grown far beyond what is usual, because
//! some reader or a steady writer kept it from starting over, the checkpoint insists.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::Notify;

/// Pages (of 4 KiB) written since the last checkpoint that make the next one worth its two fsyncs.
const PAGES_DUE: u64 = 4096;

/// Pages in the log from which on it is cut, even if the writer has to wait for that.
const PAGES_TOO_MANY: i64 = 65_536;

/// Counts what the writer has written.
#[derive(Debug, Default)]
pub(super) struct Written {
    bytes: AtomicU64,
    due: Notify,
    closed: std::sync::atomic::AtomicBool,
}

impl Written {
    /// Tells of a committed transaction of about that many bytes.
    pub(super) fn add(&self, bytes: u64) {
        // Every transaction writes some pages beside its text.
        let before = self.bytes.fetch_add(bytes + 8 * 4096, Ordering::Relaxed);
        if (before + bytes) / 4096 >= PAGES_DUE {
            self.due.notify_one();
        }
    }

    /// Ends the checkpointer.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.due.notify_one();
    }
}

pub(super) fn spawn(mut connection: SqliteConnection) -> Arc<Written> {
    let written = Arc::new(Written::default());
    let ours = Arc::clone(&written);
    tokio::spawn(async move {
        loop {
            ours.due.notified().await;
            if ours.closed.load(Ordering::Acquire) {
                break;
            }
            ours.bytes.store(0, Ordering::Relaxed);
            if let Err(error) = checkpoint(&mut connection).await {
                tracing::warn!(%error, "a checkpoint failed; the next one moves its pages too");
            }
        }
        connection.close().await.ok();
    });
    written
}

async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let row = sqlx::query("pragma wal_checkpoint(passive)").fetch_one(&mut *connection).await?;
    let (in_log, moved): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    tracing::debug!(in_log, moved, "checkpoint");
    if in_log > PAGES_TOO_MANY {
        sqlx::query("pragma wal_checkpoint(truncate)").fetch_one(&mut *connection).await?;
    }
    Ok(())
}
