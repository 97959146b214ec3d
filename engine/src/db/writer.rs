//! The single writer, which commits all pending work in one transaction (group commit).
//!
//! An fsync costs far more than the statements around it. While one group is being committed, the next group
//! accumulates, so all pending writes share the cost of one fsync. A single write never waits for others to arrive.
//!
//! If a unit of work fails, only its own changes are rolled back. Callers receive their results only after the commit,
//! and the actions passed to [`Tx::after_commit`] are run only then.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt};
use sqlx::Executor;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Written;
use super::{Connection, DbError};
use crate::fail_point::FailPoint;
use crate::metrics::Metrics;

/// The largest number of units of work in one transaction, which bounds how long the first unit waits for the commit.
const GROUP: usize = 256;

/// The approximate number of bytes of text after which a transaction is committed. Without this limit, many large
/// chunks of output could be committed together, and readers would not see the first until the last was written.
const GROUP_BYTES: u64 = 4 << 20;

/// The capacity of the writer's queue. It bounds memory: callers wait while the queue is full.
const WAITING: usize = 1024;

/// Submits work to the writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Work(Box<dyn Work>),
    Close(oneshot::Sender<()>),
}

/// The open transaction in which a unit of work runs.
pub struct Tx {
    connection: Connection,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
    bytes: u64,
    metrics: Arc<Metrics>,
}

impl Tx {
    /// Returns the connection on which the transaction is open.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs `action` after the transaction has been committed. If this unit of work or the transaction is rolled back,
    /// `action` is never run.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(action));
    }

    /// Passes the server's metrics to `count` after the transaction has been committed.
    pub fn count(&mut self, count: impl FnOnce(&Metrics) + Send + 'static) {
        let metrics = Arc::clone(&self.metrics);
        self.after_commit(move || count(&metrics));
    }

    /// Adds `bytes` to the number of bytes of text that this transaction has written.
    pub const fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

impl Writer {
    pub(super) fn spawn(connection: Connection, written: Arc<Written>, metrics: Arc<Metrics>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let tx = Tx { connection, after_commit: Vec::new(), bytes: 0, metrics };
        tokio::spawn(run(tx, waiting, written));
        Self { queue }
    }

    /// Runs `work` inside a transaction and returns its result after the commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let unit = Unit { work: Some(work), outcome: None, reply };
        let sent = self.queue.send(Message::Work(Box::new(unit))).await;
        sent.map_err(|_| DbError::writer_is_gone())?;
        answer.await.unwrap_or_else(|_| Err(DbError::writer_is_gone().into()))
    }

    /// Waits until all work submitted so far is committed, and stops the writer.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            answer.await.ok();
        }
    }
}

/// A unit of work. The trait erases the types of the work and its result, so that one queue can contain units of
/// different types.
trait Work: Send {
    /// Runs the work and returns whether it succeeded. The result is stored until `answer` is called.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Sends the result to the caller. If the commit failed, sends the error of the transaction instead.
    fn answer(self: Box<Self>, committed: Result<(), DbError>);
}

struct Unit<F, T, E> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work for Unit<F, T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
    F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            // A panic in one unit of work must not stop the writer. `run_unit` rolls back the unit's changes.
            let caught = AssertUnwindSafe(async { work(tx).await }).catch_unwind().await;
            let outcome = caught.unwrap_or_else(|_| Err(DbError::panicked().into()));
            let succeeded = outcome.is_ok();
            self.outcome = Some(outcome);
            succeeded
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), DbError>) {
        let outcome = match (self.outcome, committed) {
            // The unit's own error is more specific than the transaction's error.
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(DbError::writer_is_gone().into()),
        };
        // Sending fails if the caller has stopped waiting, but its work remains committed.
        self.reply.send(outcome).ok();
    }
}

async fn run(mut tx: Tx, mut waiting: mpsc::Receiver<Message>, written: Arc<Written>) {
    let mut closing = None;
    while closing.is_none() {
        let Some(first) = waiting.recv().await else { break };
        let mut group = Group { units: Vec::new(), first: Some(first) };
        let committed = match commit_group(&mut tx, &mut group, &mut waiting, &mut closing).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(%error, units = group.units.len(), "a transaction failed and was rolled back");
                tx.connection.sqlite().execute("rollback").await.ok();
                tx.after_commit.clear();
                Err(error)
            }
        };
        // Readers are notified before the callers of the writer are answered, because the readers have more work to do.
        tx.after_commit.drain(..).for_each(|action| action());
        FailPoint::Notified.reached();
        group.units.into_iter().for_each(|unit| unit.answer(committed.clone()));
        FailPoint::Answered.reached();
        written.add(std::mem::take(&mut tx.bytes));
    }
    written.close().await;
    tx.connection.close().await;
    if let Some(reply) = closing {
        reply.send(()).ok();
    }
}

struct Group {
    units: Vec<Box<dyn Work>>,
    first: Option<Message>,
}

/// Runs all pending work, up to the limits of a group, and commits it.
async fn commit_group(
    tx: &mut Tx,
    group: &mut Group,
    waiting: &mut mpsc::Receiver<Message>,
    closing: &mut Option<oneshot::Sender<()>>,
) -> Result<(), DbError> {
    let mut next = group.first.take();
    let mut transaction = Transaction::None;
    while let Some(message) = next.take() {
        match message {
            Message::Work(unit) => group.units.push(unit),
            Message::Close(reply) => {
                *closing = Some(reply);
                break;
            }
        }
        if let Some(unit) = group.units.last_mut() {
            transaction = run_unit(tx, transaction, unit.as_mut()).await?;
        }
        if group.units.len() < GROUP && tx.bytes < GROUP_BYTES {
            next = waiting.try_recv().ok();
        }
    }
    if transaction == Transaction::Open {
        let start = Instant::now();
        FailPoint::Commit.reached();
        tx.connection.sqlite().execute("commit").await?;
        FailPoint::Committed.reached();
        let took = start.elapsed();
        tx.metrics.commit_took(took);
        tracing::debug!(micros = took.as_micros(), units = group.units.len(), "committed");
    }
    Ok(())
}

/// Whether a transaction is open. A transaction is opened by its first unit of work, and stays open if this unit
/// succeeds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
}

/// Runs one unit of work. If the unit fails, only its own changes are undone.
///
/// The first unit of a transaction needs no savepoint, because its changes are undone by rolling back the transaction.
/// Most units are the first of their transaction. Omitting their savepoints saves two statements, each of which costs a
/// round trip to SQLite's thread.
async fn run_unit(tx: &mut Tx, transaction: Transaction, unit: &mut dyn Work) -> Result<Transaction, DbError> {
    let (begin, undo, keep) = match transaction {
        Transaction::None => ("begin immediate", "rollback", None),
        Transaction::Open => ("savepoint unit", "rollback to unit; release unit", Some("release unit")),
    };
    let actions = tx.after_commit.len();
    tx.connection.sqlite().execute(begin).await?;
    if !unit.run(tx).await {
        tx.after_commit.truncate(actions);
        tx.connection.sqlite().execute(undo).await?;
        return Ok(transaction);
    }
    if let Some(keep) = keep {
        tx.connection.sqlite().execute(keep).await?;
    }
    Ok(Transaction::Open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    async fn insert(db: &Db, name: &'static str) -> Result<(), DbError> {
        db.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let row = "insert into users (name, name_key, role, password, created_at, updated_at)
                               values (?1, ?1, 'viewer', '', 0, 0)";
                    sqlx::query(row).bind(name).execute(tx.connection().sqlite()).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn count(db: &Db) -> i64 {
        let mut reader = db.reader().await.expect("a reader is free");
        let count = sqlx::query_scalar("select count(*) from users").fetch_one(reader.sqlite()).await;
        count.expect("the table exists")
    }

    #[tokio::test]
    async fn a_failing_unit_of_work_does_not_fail_its_group() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let (a, b, again, c) = tokio::join!(insert(&db, "a"), insert(&db, "b"), insert(&db, "a"), insert(&db, "c"));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert!(again.is_err(), "a duplicate violates the primary key");
        assert_eq!(count(&db).await, 3);
    }

    #[tokio::test]
    async fn actions_of_rolled_back_work_do_not_run() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let (sender, receiver) = std::sync::mpsc::channel();
        for outcome in [Ok(()), Err(DbError::writer_is_gone())] {
            let sender = sender.clone();
            let expected = outcome.is_ok();
            let got = db
                .writer()
                .write(move |tx| {
                    tx.after_commit(move || sender.send(expected).expect("the receiver is alive"));
                    Box::pin(async move { outcome })
                })
                .await;
            assert_eq!(got.is_ok(), expected);
        }
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [true]);
    }

    #[tokio::test]
    async fn a_panic_fails_only_its_own_unit_and_the_writer_survives() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let panicking = db.writer().write(|tx| {
            Box::pin(async move {
                sqlx::query("delete from users").execute(tx.connection().sqlite()).await?;
                assert_eq!(1, 2, "this test panics here on purpose");
                Ok::<(), DbError>(())
            })
        });
        let (before, panicked, after) = tokio::join!(insert(&db, "a"), panicking, insert(&db, "b"));
        assert!(before.is_ok() && panicked.is_err() && after.is_ok());
        assert_eq!(count(&db).await, 2, "the changes of the panicking unit are rolled back");
    }

    #[tokio::test]
    async fn work_submitted_before_the_close_is_committed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        insert(&db, "a").await.expect("the key is new");
        db.close().await;
        assert!(insert(&db, "b").await.is_err(), "the writer has ended");
        assert!(!folder.path().join("tailwater.sqlite-wal").exists(), "the log has been moved into the database");
        drop(db);
        let db = Db::open(folder.path()).await.expect("it opens again");
        assert_eq!(count(&db).await, 1);
    }
}
