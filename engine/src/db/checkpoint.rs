//! Moves committed pages from the write-ahead log into the database, usually without delaying the writer.
//!
//! A passive checkpoint never makes the writer wait, but a truncating checkpoint does. A truncating checkpoint is
//! therefore used only if the log has grown far beyond its usual size. The log grows that far if readers or continuous
//! writes keep SQLite from reusing the beginning of the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The approximate number of pages (of 4 KiB) that are written between two checkpoints. Each checkpoint costs two
/// fsyncs, so checkpoints should not be more frequent.
const PAGES_DUE: u64 = 4096;

/// The size of the write-ahead log, in pages, above which the log is truncated even if the writer has to wait.
const PAGES_TOO_MANY: i64 = 65_536;

/// Counts the bytes that the writer has written since the last checkpoint, and wakes the checkpointer.
#[derive(Debug, Default)]
pub(super) struct Written {
    bytes: AtomicU64,
    due: Notify,
    closed: std::sync::atomic::AtomicBool,
    checkpointer: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Written {
    /// Records a committed transaction that contained about `bytes` bytes of text.
    pub(super) fn add(&self, bytes: u64) {
        // In addition to its text, each transaction writes about eight pages.
        let before = self.bytes.fetch_add(bytes + 8 * 4096, Ordering::Relaxed);
        if (before + bytes) / 4096 >= PAGES_DUE {
            self.due.notify_one();
        }
    }

    /// Stops the checkpointer, and waits until it has closed its connection.
    ///
    /// When the last connection is closed, SQLite moves the rest of the write-ahead log into the database. If this
    /// process exited earlier, the next start would have to read the log.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.due.notify_one();
        let checkpointer = self.checkpointer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(checkpointer) = checkpointer {
            checkpointer.await.ok();
        }
    }
}

pub(super) fn spawn(mut connection: SqliteConnection) -> Arc<Written> {
    let written = Arc::new(Written::default());
    let ours = Arc::clone(&written);
    let checkpointer = tokio::spawn(async move {
        loop {
            ours.due.notified().await;
            if ours.closed.load(Ordering::Acquire) {
                break;
            }
            ours.bytes.store(0, Ordering::Relaxed);
            if let Err(error) = checkpoint(&mut connection).await {
                tracing::warn!(%error, "a checkpoint failed; the next one will include its pages");
            }
        }
        connection.close().await.ok();
    });
    *written.checkpointer.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpointer);
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
