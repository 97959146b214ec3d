//! The single writer: everything that waits is committed in one transaction.
//!
//! An fsync costs far more than the statements around it. While one group is being committed the next one gathers, so
//! the cost of an fsync is shared by as many writes as there are, and a lone write waits for nobody.
//!
//! A piece of work that fails is rolled back to where it began and fails alone. Nobody hears of a piece of work before
//! it is committed: answers are sent, and the actions of [`Tx::after_commit`] run, after the commit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{BoxFuture, FutureExt};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::DbError;
use super::checkpoint::Written;
use crate::fail_point::FailPoint;
use crate::metrics::Metrics;

/// Pieces of work in one transaction at the most: a bound on how long the first waits for the last.
const GROUP: usize = 256;

/// About how many bytes of text a transaction takes before it is committed, so that a reader is not kept waiting for
/// many large chunks.
const GROUP_BYTES: u64 = 4 << 20;

/// Work that waits for the writer; who hands in more waits. It is a bound on memory.
const WAITING: usize = 1024;

/// Hands work to the writer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Work(Box<dyn Work>),
    Close(oneshot::Sender<()>),
}

/// The open transaction, as a piece of work sees it.
pub struct Tx {
    connection: SqliteConnection,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
    bytes: u64,
    metrics: Arc<Metrics>,
}

impl Tx {
    /// Returns the connection, within the transaction.
    pub const fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Runs `action` once the transaction is committed, and not at all if it is not.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(action));
    }

    /// Counts what is being done, once it is committed.
    pub fn count(&mut self, count: impl FnOnce(&Metrics) + Send + 'static) {
        let metrics = Arc::clone(&self.metrics);
        self.after_commit(move || count(&metrics));
    }

    /// Counts text that was written.
    pub const fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

impl Writer {
    pub(super) fn spawn(connection: SqliteConnection, written: Arc<Written>, metrics: Arc<Metrics>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let tx = Tx { connection, after_commit: Vec::new(), bytes: 0, metrics };
        tokio::spawn(run(tx, waiting, written));
        Self { queue }
    }

    /// Runs `work` inside a transaction and returns what it returned once that is committed.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let piece = Piece { work: Some(work), outcome: None, reply };
        let sent = self.queue.send(Message::Work(Box::new(piece))).await;
        sent.map_err(|_| DbError::writer_is_gone())?;
        answer.await.unwrap_or_else(|_| Err(DbError::writer_is_gone().into()))
    }

    /// Waits for everything handed in before and ends the writer.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            answer.await.ok();
        }
    }
}

/// A piece of work with its types erased.
trait Work: Send {
    /// Runs it and returns whether it succeeded; the outcome stays inside.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Sends the outcome, or the failure of the transaction around it.
    fn answer(self: Box<Self>, committed: Result<(), DbError>);
}

struct Piece<F, T, E> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work for Piece<F, T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
    F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            // A panic is a defect of one piece of work; the writer has to outlive it. What the piece had begun is undone.
            let caught = AssertUnwindSafe(async { work(tx).await }).catch_unwind().await;
            let outcome = caught.unwrap_or_else(|_| Err(DbError::panicked().into()));
            let succeeded = outcome.is_ok();
            self.outcome = Some(outcome);
            succeeded
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), DbError>) {
        let outcome = match (self.outcome, committed) {
            // Its own error says more than that of the transaction.
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(DbError::writer_is_gone().into()),
        };
        // Who asked may have gone away; the work is done all the same.
        self.reply.send(outcome).ok();
    }
}

async fn run(mut tx: Tx, mut waiting: mpsc::Receiver<Message>, written: Arc<Written>) {
    let mut closing = None;
    while closing.is_none() {
        let Some(first) = waiting.recv().await else { break };
        let mut group = Group { pieces: Vec::new(), first: Some(first) };
        let committed = match commit_group(&mut tx, &mut group, &mut waiting, &mut closing).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(%error, pieces = group.pieces.len(), "a transaction failed and was rolled back");
                tx.connection.execute("rollback").await.ok();
                tx.after_commit.clear();
                Err(error)
            }
        };
        // The readers first, then who wrote: both learn of it in the same instant, and readers wait for more.
        tx.after_commit.drain(..).for_each(|action| action());
        FailPoint::Notified.reached();
        group.pieces.into_iter().for_each(|piece| piece.answer(committed.clone()));
        FailPoint::Answered.reached();
        written.add(std::mem::take(&mut tx.bytes));
    }
    written.close();
    tx.connection.close().await.ok();
    if let Some(reply) = closing {
        reply.send(()).ok();
    }
}

struct Group {
    pieces: Vec<Box<dyn Work>>,
    first: Option<Message>,
}

/// Runs everything that waits and commits it.
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
            Message::Work(piece) => group.pieces.push(piece),
            Message::Close(reply) => {
                *closing = Some(reply);
                break;
            }
        }
        if let Some(piece) = group.pieces.last_mut() {
            transaction = run_piece(tx, transaction, piece.as_mut()).await?;
        }
        if group.pieces.len() < GROUP && tx.bytes < GROUP_BYTES {
            next = waiting.try_recv().ok();
        }
    }
    if transaction == Transaction::Open {
        let start = Instant::now();
        FailPoint::Commit.reached();
        tx.connection.execute("commit").await?;
        FailPoint::Committed.reached();
        let took = start.elapsed();
        tx.metrics.commit_took(took);
        tracing::debug!(micros = took.as_micros(), pieces = group.pieces.len(), "committed");
    }
    Ok(())
}

/// Whether a transaction is open, with work in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
}

/// Runs one piece of work so that its failure undoes nothing but itself.
///
/// The first piece of a transaction needs no savepoint: what undoes it is the end of the transaction. Most pieces are the
/// first, and each statement is a way to SQLite's thread and back.
async fn run_piece(tx: &mut Tx, transaction: Transaction, piece: &mut dyn Work) -> Result<Transaction, DbError> {
    let (begin, undo, keep) = match transaction {
        Transaction::None => ("begin immediate", "rollback", None),
        Transaction::Open => ("savepoint piece", "rollback to piece; release piece", Some("release piece")),
    };
    let actions = tx.after_commit.len();
    tx.connection.execute(begin).await?;
    if !piece.run(tx).await {
        tx.after_commit.truncate(actions);
        tx.connection.execute(undo).await?;
        return Ok(transaction);
    }
    if let Some(keep) = keep {
        tx.connection.execute(keep).await?;
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
                    sqlx::query("insert into sessions (digest, created_at, expires_at) values (?, 0, 0)")
                        .bind(name.as_bytes())
                        .execute(tx.connection())
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    async fn count(db: &Db) -> i64 {
        sqlx::query_scalar("select count(*) from sessions").fetch_one(db.readers()).await.expect("the table is there")
    }

    #[tokio::test]
    async fn a_bad_piece_of_work_fails_alone_and_not_its_group() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let (a, b, again, c) = tokio::join!(insert(&db, "a"), insert(&db, "b"), insert(&db, "a"), insert(&db, "c"));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert!(again.is_err(), "the second of the same name breaks the primary key");
        assert_eq!(count(&db).await, 3);
    }

    #[tokio::test]
    async fn actions_of_rolled_back_work_do_not_run() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let (told, hears) = std::sync::mpsc::channel();
        for outcome in [Ok(()), Err(DbError::writer_is_gone())] {
            let told = told.clone();
            let expected = outcome.is_ok();
            let got = db
                .writer()
                .write(move |tx| {
                    tx.after_commit(move || told.send(expected).expect("the test listens"));
                    Box::pin(async move { outcome })
                })
                .await;
            assert_eq!(got.is_ok(), expected);
        }
        assert_eq!(hears.try_iter().collect::<Vec<_>>(), [true]);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_piece_and_the_writer_lives_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let panicking = db.writer().write(|tx| {
            Box::pin(async move {
                sqlx::query("delete from sessions").execute(tx.connection()).await?;
                assert_eq!(1, 2, "this test panics here on purpose");
                Ok::<(), DbError>(())
            })
        });
        let (before, panicked, after) = tokio::join!(insert(&db, "a"), panicking, insert(&db, "b"));
        assert!(before.is_ok() && panicked.is_err() && after.is_ok());
        assert_eq!(count(&db).await, 2, "what it had begun is undone");
    }

    #[tokio::test]
    async fn what_was_handed_in_before_the_close_is_committed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        insert(&db, "a").await.expect("it is new");
        db.close().await;
        assert!(insert(&db, "b").await.is_err(), "the writer has ended");
        drop(db);
        let db = Db::open(folder.path()).await.expect("it opens again");
        assert_eq!(count(&db).await, 1);
    }
}
