//! The database, with its pool of readers and its single writer.
//!
//! SQLite runs in WAL mode with `synchronous=FULL`, so that committed data survives a power failure. All writes go
//! through the [`Writer`], which commits pending writes together. Only this module and the `store.rs` files depend on
//! SQLite.

mod checkpoint;
mod migrations;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, Sqlite, SqliteConnection};

use crate::files::{lock_folder, private_folder};
use crate::metrics::Metrics;

pub use writer::{Tx, Writer};

/// The oldest version of SQLite that may be used. Earlier versions can corrupt a database in WAL mode when a checkpoint
/// and a write coincide.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// The name of the database file in the data directory.
const FILE: &str = "tailwater.sqlite";

/// The number of connections for reading. A few are enough because reads are short, and each connection uses memory for
/// its own page cache.
const READERS: u32 = 8;

/// The number of rows that a query fetches ahead of its consumer. The number is small, because a row may contain 1 MiB.
const ROWS_AHEAD: usize = 1;

/// The error returned when a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory could not be created, or its permissions could not be restricted.
    #[error("failed to prepare the data directory {path}: {source}")]
    Folder {
        /// The data directory.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// Another server has the data directory open.
    #[error("the data directory {0} is in use by another tailwater server; stop it, or specify another --data-dir")]
    InUse(PathBuf),
    /// The database was written by a newer version of Tailwater.
    #[error(
        "the database in {path} was written by a newer version of Tailwater (migration {version} is unknown); \
         start that version, or restore a backup made before the upgrade"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The number of the migration that this version does not know.
        version: i64,
    },
    /// The linked version of SQLite can corrupt databases.
    #[error(
        "this program is linked with SQLite {0}, but needs 3.51.3 or later (earlier versions can corrupt a database in WAL mode)"
    )]
    OldSqlite(String),
    /// The database could not be opened for another reason.
    #[error("failed to open the database {path}: {source}")]
    Sql {
        /// The database file.
        path: PathBuf,
        /// The database error.
        source: sqlx::Error,
    },
}

/// An error that occurred while the open database was read or written. Its message is written only to the server's log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the database failed: {0}")]
pub struct DbError(Arc<sqlx::Error>);

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl DbError {
    /// Returns the error for a unit of work that panicked. The panic itself is logged separately.
    fn panicked() -> Self {
        sqlx::Error::Protocol("a unit of work panicked".into()).into()
    }

    /// Returns the error for a write that is submitted after the writer has stopped. The writer stops only when the
    /// server shuts down.
    fn writer_is_gone() -> Self {
        sqlx::Error::WorkerCrashed.into()
    }
}

/// The result of a query.
pub type DbResult<T> = Result<T, DbError>;

/// A connection to the database: either the writer's connection inside its transaction, or a connection for reading.
///
/// This type is opaque, so that only the `store.rs` files, which contain the SQL, depend on SQLite.
#[derive(Debug)]
pub struct Connection(Inner);

#[derive(Debug)]
enum Inner {
    Writer(SqliteConnection),
    Reader(PoolConnection<Sqlite>),
}

impl Connection {
    /// Returns the underlying connection, for queries in the SQL dialect of SQLite.
    pub fn sqlite(&mut self) -> &mut SqliteConnection {
        match &mut self.0 {
            Inner::Writer(connection) => connection,
            Inner::Reader(connection) => connection,
        }
    }
}

impl Connection {
    async fn close(self) {
        if let Inner::Writer(connection) = self.0 {
            connection.close().await.ok();
        }
    }
}

impl From<SqliteConnection> for Connection {
    fn from(writer: SqliteConnection) -> Self {
        Self(Inner::Writer(writer))
    }
}

/// The open database. Cheap to clone; the data directory is locked until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Db {
    readers: SqlitePool,
    writer: Writer,
    metrics: Arc<Metrics>,
    path: Arc<Path>,
    _lock: Arc<fs::File>,
}

impl Db {
    /// Opens the database in `data_dir` and migrates its schema to the current version. Creates the directory and the
    /// database if they do not exist.
    pub async fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: data_dir.to_owned(), source };
        private_folder(data_dir).map_err(failed)?;
        let lock = lock_folder(data_dir).map_err(failed)?.ok_or_else(|| OpenError::InUse(data_dir.to_owned()))?;
        let path = data_dir.join(FILE);
        let options = options(&path);
        let writer = connect_writer(&options, &path).await?;
        let sql = |source| OpenError::Sql { path: path.clone(), source };
        let checkpointer = options.clone().connect().await.map_err(sql)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.clone().create_if_missing(false).pragma("query_only", "1"))
            .await
            .map_err(sql)?;
        let written = checkpoint::spawn(checkpointer);
        let metrics = Arc::new(Metrics::new());
        let writer = Writer::spawn(writer.into(), written, Arc::clone(&metrics));
        Ok(Self { readers, writer, metrics, path: path.into(), _lock: Arc::new(lock) })
    }

    /// Returns the sizes of the database's main file and of its write-ahead log, in bytes.
    #[must_use]
    pub fn file_sizes(&self) -> [u64; 2] {
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        [size(&self.path), size(&self.path.with_file_name(format!("{FILE}-wal")))]
    }

    /// Returns a connection for read-only queries. The connection returns to the pool when it is dropped.
    pub async fn reader(&self) -> DbResult<Connection> {
        Ok(Connection(Inner::Reader(self.readers.acquire().await?)))
    }

    /// Returns the single writer.
    #[must_use]
    pub const fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Returns this server's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Checks that a connection for reading works and that the writer processes a unit of work.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("select exists (select 1 from jobs)").execute(&self.readers).await?;
        self.writer.write(|_| Box::pin(async { Ok(()) })).await
    }

    /// Waits until all work submitted to the writer has been committed, and then closes all connections.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_mins(1))
        // Disable automatic checkpoints, which SQLite would run as part of a commit. The task in `checkpoint` runs them
        // instead.
        .pragma("wal_autocheckpoint", "0")
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

async fn connect_writer(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, OpenError> {
    let sql = |source| OpenError::Sql { path: path.to_owned(), source };
    let mut connection = options.connect().await.map_err(sql)?;
    let version: String =
        sqlx::query_scalar("select sqlite_version()").fetch_one(&mut connection).await.map_err(sql)?;
    if parse_version(&version) < Some(OLDEST_SQLITE) {
        return Err(OpenError::OldSqlite(version));
    }
    match migrations::migrator().run(&mut connection).await {
        Ok(()) => Ok(connection),
        Err(sqlx::migrate::MigrateError::VersionMissing(version)) => {
            connection.close().await.ok();
            Err(OpenError::Newer { path: path.to_owned(), version })
        }
        Err(error) => Err(sql(error.into())),
    }
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some((next()?, next()?, next().unwrap_or(0)))
}

/// Executes a statement that only tests need.
#[cfg(test)]
pub(crate) async fn execute_for_tests(db: &Db, statement: &str) {
    let statement = statement.to_owned();
    let write: Result<(), DbError> = db
        .writer()
        .write(move |tx| {
            Box::pin(async move {
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(tx.connection().sqlite()).await?;
                Ok(())
            })
        })
        .await;
    write.expect("the statement is valid");
}

/// Returns the number that a query returns.
#[cfg(test)]
pub(crate) async fn number_for_tests(db: &Db, query: &str) -> i64 {
    let mut connection = db.reader().await.expect("a connection is free");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(connection.sqlite()).await.expect("the query is valid")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn the_data_folder_is_private_and_belongs_to_one_server() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let db = Db::open(&data).await.expect("a new database opens");
        let mode = fs::metadata(&data).expect("the folder exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(matches!(Db::open(&data).await, Err(OpenError::InUse(_))));
        db.close().await;
    }

    #[tokio::test]
    async fn a_database_from_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(folder.path()).await.expect("a new database opens");
        let added = db
            .writer()
            .write(|tx| {
                Box::pin(async move {
                    sqlx::query(
                        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                         values (9999, 'later', true, x'00', 0)",
                    )
                    .execute(tx.connection().sqlite())
                    .await
                    .map_err(DbError::from)
                })
            })
            .await;
        added.expect("the table exists");
        db.close().await;
        drop(db);
        let refused = Db::open(folder.path()).await;
        assert!(matches!(refused, Err(OpenError::Newer { version: 9999, .. })), "{refused:?}");
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(parse_version("3.100.0") > Some(OLDEST_SQLITE));
        assert!(parse_version("3.51.2") < Some(OLDEST_SQLITE));
        assert!(parse_version("") < Some(OLDEST_SQLITE));
    }
}
