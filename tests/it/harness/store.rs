//! Opens the queue and the event log without a server, so that a test can call the same functions as a worker.

use std::ops::RangeInclusive;
use std::path::Path;

use engine::clock;
use engine::db::Db;
use engine::event_log::{
    AppendError, AttemptTotals, Batch, Chunk, EventLog, Lease, NewEvent, Origin, RedactionCounts, StepEnd, StepNames,
};
use engine::queue::{Ending, Finish, Maskers, Queue, QueueError};
use engine::seal::SealKey;
use engine::spool::Spools;
use model::{FailureReason, JobStatus, NewJob, Segment, Seq, Stage, StepRef, StepStatus, StreamName, Timestamp};
use redact::{Redacted, Rules};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::{Random, sha256};

/// The number of events in each batch of a simulated worker.
const BATCH: usize = 250;

/// The queue and the event log of an open data directory.
pub struct Store {
    pub db: Db,
    pub queue: Queue,
    pub log: EventLog,
    data: TempDir,
}

impl Store {
    pub async fn open() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(data.path()).await.expect("a new database opens");
        let log = EventLog::new(db.clone());
        let queue = Queue::new(
            db.clone(),
            log.clone(),
            Maskers::new(Vec::new(), Rules::none(), SealKey::random().0),
            100,
            Spools::new(data.path()),
        );
        Self { db, queue, log, data }
    }

    /// Submits a job that may have up to two attempts.
    pub async fn submit(&self) -> String {
        let payload = json!({"run": "true"}).into();
        let new = NewJob { kind: "command".into(), priority: 0, payload, affinity_key: None, max_attempts: 2 };
        self.queue.submit(new, "tester", None).await.expect("the submission is valid").id.to_string()
    }

    /// Claims the next job.
    pub async fn claim(&self) -> Lease {
        self.queue.claim(&worker()).await.expect("the database works").expect("a job waits").lease
    }

    pub async fn append(
        &self,
        lease: Lease,
        number: i64,
        (from, to): (i64, i64),
        events: Vec<NewEvent>,
    ) -> Result<Seq, AppendError> {
        self.log.append_as(lease, Batch { number, from, to, suppressed: 0, events }, clock::now()).await
    }

    /// Ends the back-off of all waiting jobs, so that their next attempts can be claimed immediately.
    pub async fn skip_back_off(&self) {
        let path = self.data.path().join("tailwater.sqlite");
        let mut connection = SqliteConnectOptions::new().filename(path).connect().await.expect("the file opens");
        let statement = sqlx::query("update jobs set next_attempt_at = null");
        statement.execute(&mut connection).await.expect("the table exists");
    }

    /// Claims the next job, appends random output and finishes the attempt.
    pub async fn attempt(&self, output: &mut Output, events: usize, ending: Ending) -> JobStatus {
        self.attempt_in_batches(output, events, BATCH, ending).await
    }

    /// Like [`Self::attempt`], but with batches of `batch` events.
    pub async fn attempt_in_batches(
        &self,
        output: &mut Output,
        events: usize,
        batch: usize,
        ending: Ending,
    ) -> JobStatus {
        let lease = self.claim().await;
        output.begin(lease.attempt);
        let mut number = 0;
        for count in (0..events).step_by(batch).map(|done| batch.min(events - done)) {
            let from = output.offset();
            let batch = (0..count).map(|_| output.event()).collect();
            number += 1;
            self.append(lease, number, (from, output.offset()), batch).await.expect("the lease is held");
        }
        self.finish(lease, ending, output.totals()).await.expect("the lease is held")
    }

    pub async fn finish(&self, lease: Lease, ending: Ending, totals: AttemptTotals) -> Result<JobStatus, QueueError> {
        self.queue.finish(Finish { lease, worker: worker(), ending, totals, artifacts: Vec::new() }).await
    }

    /// Closes the database and returns its directory, so that a server can be started with this data.
    pub async fn close(self) -> TempDir {
        self.db.close().await;
        self.data
    }
}

/// Appends an event to a job's log without notifying the server, as another server with the same database would.
pub async fn append_from_outside(data: &Path, job: &str, message: &str) {
    let job: uuid::Uuid = job.parse().expect("an id is a UUID");
    let options = SqliteConnectOptions::new().filename(data.join("tailwater.sqlite"));
    let mut connection = options.connect().await.expect("the file opens");
    let mut tx = connection.begin().await.expect("a transaction begins");
    sqlx::query("update jobs set last_seq = last_seq + 1, last_event_at = last_event_at + 1 where id = ?")
        .bind(job)
        .execute(&mut *tx)
        .await
        .expect("the table exists");
    let insert = "insert into events (job_id, seq, id, level, kind, message, payload, created_at)
                  select id, last_seq, ?, 'info', 'note', ?, '{\"kind\":\"note\"}', last_event_at from jobs where id = ?";
    sqlx::query(insert)
        .bind(uuid::Uuid::now_v7())
        .bind(message.as_bytes())
        .bind(job)
        .execute(&mut *tx)
        .await
        .expect("the table exists");
    tx.commit().await.expect("the transaction commits");
}

fn worker() -> Redacted {
    Redacted::literal("tester")
}

/// Returns the ending of a failed attempt.
pub fn failed() -> Ending {
    Ending::Failed { reason: FailureReason::ExitCode, message: Redacted::literal("made up") }
}

/// Generates the events of an attempt: output on both streams, and the ends of steps.
pub struct Output {
    random: Random,
    text: RangeInclusive<usize>,
    attempt: i32,
    bytes: Vec<u8>,
    lines: i64,
}

impl Output {
    /// Creates a generator. Each chunk is one line whose length in bytes is in the range `text`.
    pub fn new(random: Random, text: RangeInclusive<usize>) -> Self {
        Self { random, text, attempt: 1, bytes: Vec::new(), lines: 0 }
    }

    fn begin(&mut self, attempt: i32) {
        self.attempt = attempt;
        self.bytes.clear();
        self.lines = 0;
    }

    fn offset(&self) -> i64 {
        i64::try_from(self.bytes.len()).expect("the number is small")
    }

    /// Generates one event.
    fn event(&mut self) -> NewEvent {
        let index = self.random.below(3);
        let origin = Origin {
            step: StepRef { stage: Stage::Execute, index: i32::try_from(index).expect("it is small") },
            step_id: Redacted::literal(["build", "test", "pack"][index]),
            attempt: self.attempt,
        };
        match self.random.below(10) {
            0 => {
                let (name, command) = (origin.step_id.clone(), Redacted::literal("true"));
                let names = StepNames { name, command, terminal_rows: None, origin };
                let status = [StepStatus::Succeeded, StepStatus::Failed, StepStatus::Cancelled][self.random.below(3)];
                NewEvent::step_ended(&names, status, StepEnd::default())
            }
            number => self.chunk(&origin, if number < 6 { StreamName::Stdout } else { StreamName::Stderr }),
        }
    }

    /// Generates one line of output.
    fn chunk(&mut self, origin: &Origin, stream: StreamName) -> NewEvent {
        let length = self.text.start() + self.random.below(self.text.end() - self.text.start() + 1);
        let number = self.lines.to_string();
        let text = format!("{}{number}\n", "x".repeat(length.saturating_sub(number.len() + 1)));
        let bytes = i64::try_from(text.len()).expect("the number is small");
        self.lines += 1;
        let segments = vec![Segment(self.offset(), bytes, self.lines)];
        let chunk = Chunk { stream, time: Timestamp(1_700_000_000_000_000), segments, joined: true };
        self.bytes.extend_from_slice(text.as_bytes());
        NewEvent::log(origin, chunk, Redacted::from_stored(text.into_bytes()))
    }

    fn totals(&self) -> AttemptTotals {
        AttemptTotals {
            exit_code: Some(0),
            lines: self.lines,
            bytes: self.offset(),
            suppressed_bytes: 0,
            redactions: RedactionCounts::default(),
            log_sha256: sha256(&self.bytes),
        }
    }

    /// Generates one line and its byte range in the output, for tests that append the line themselves.
    pub fn line(&mut self) -> (NewEvent, (i64, i64)) {
        let step_id = Redacted::literal("run");
        let step = StepRef { stage: Stage::Execute, index: 0 };
        let origin = Origin { step, step_id, attempt: self.attempt };
        let from = self.offset();
        (self.chunk(&origin, StreamName::Stdout), (from, self.offset()))
    }
}
