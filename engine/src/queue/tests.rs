//! Compares jobs with a model of their life cycle, while several workers send random requests and the time jumps.

use std::collections::BTreeMap;

use fastrand::Rng;
use model::{ClaimBody, JobId, JobStatus, NewJob, PauseTarget, TokenId};
use redact::Rules;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::db::execute_for_tests;
use crate::event_log::{Direction, Filter, PageRequest};
use crate::seal::SealKey;

/// The types of the jobs.
const KINDS: [&str; 2] = ["elsewhere", "nowhere"];

/// The concurrency keys of the jobs.
const KEYS: [&str; 2] = ["database", "deploy"];

/// The names of the workers.
const WORKERS: [&str; 3] = ["one", "two", "three"];

/// A current or former lease of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HeldLease {
    job: usize,
    worker: usize,
    epoch: i64,
}

/// A request that a worker sends under a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Renew,
    Append,
    Complete,
    Fail,
    FailForGood,
    AcknowledgeCancel,
}

/// The expected state of a job.
#[derive(Clone, Copy, Debug)]
struct Expected {
    id: JobId,
    kind: usize,
    /// The concurrency key and its limit.
    key: Option<(&'static str, usize)>,
    priority: i32,
    max_attempts: i32,
    status: JobStatus,
    attempt: i32,
    epoch: i64,
    worker: Option<usize>,
    cancel_requested: bool,
    is_in_back_off: bool,
    /// The request that has ended the last lease.
    ended_by: Option<Request>,
}

impl Expected {
    fn end(&mut self, status: JobStatus, by: Option<Request>) {
        (self.status, self.worker, self.ended_by) = (status, None, by);
        self.epoch += 1;
    }

    /// Changes the expected state after a failure that can be retried.
    fn fail(&mut self, by: Option<Request>) {
        let status = if self.cancel_requested {
            JobStatus::Cancelled
        } else if self.attempt < self.max_attempts {
            self.is_in_back_off = true;
            JobStatus::Queued
        } else {
            JobStatus::DeadLetter
        };
        self.end(status, by);
    }
}

/// A queue in a new database, and the API token of its workers.
pub(super) struct TestQueue {
    pub(super) queue: Queue,
    pub(super) db: Db,
    log: EventLog,
    pub(super) token: TokenId,
    pub(super) data: TempDir,
}

impl TestQueue {
    pub(super) async fn new() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(data.path()).await.expect("a new database opens");
        let log = EventLog::new(db.clone());
        let maskers = Maskers::new(Vec::new(), Rules::none(), SealKey::random().0);
        let queue = Queue::new(db.clone(), log.clone(), maskers, 1_000, Spools::new(data.path()));
        let token = TokenId(uuid::Uuid::now_v7());
        let create = format!(
            "insert into tokens (id, digest, name, role, hint, created_at, expires_at)
             values (x'{}', x'00', 'test', 'worker', '', 1, {})",
            token.0.simple(),
            i64::MAX
        );
        execute_for_tests(&db, &create).await;
        Self { queue, db, log, token, data }
    }
}

/// A queue, its model, and the random requests.
struct World {
    queue: Queue,
    db: Db,
    log: EventLog,
    random: Rng,
    token: TokenId,
    jobs: Vec<Expected>,
    /// The types that are paused.
    paused: [bool; KINDS.len()],
    leases: Vec<HeldLease>,
    _data: TempDir,
}

impl World {
    async fn new(seed: u64) -> Self {
        let TestQueue { queue, db, log, token, data } = TestQueue::new().await;
        let (random, paused) = (Rng::with_seed(seed), [false; KINDS.len()]);
        Self { queue, db, log, random, token, jobs: Vec::new(), paused, leases: Vec::new(), _data: data }
    }

    async fn step(&mut self) {
        match self.random.u32(..22) {
            0..=3 => self.submit().await,
            4..=7 => self.claim().await,
            8..=16 => self.request().await,
            17 => self.cancel().await,
            18 => self.end_back_off().await,
            19 => self.pause_or_resume().await,
            _ => self.expire().await,
        }
    }

    async fn submit(&mut self) {
        let (priority, max_attempts) = (self.random.i32(-1..=1), self.random.i32(1..=3));
        let kind = self.random.usize(..KINDS.len());
        let key =
            self.random.choice(KEYS).filter(|_| self.random.u32(..3) > 0).map(|key| (key, self.random.usize(1..=2)));
        let payload =
            key.map_or_else(|| json!({}), |(key, limit)| json!({"concurrencyKey": key, "concurrencyLimit": limit}));
        let new = json!({"type": KINDS[kind], "priority": priority, "maxAttempts": max_attempts, "payload": payload});
        let new: NewJob = serde_json::from_value(new).expect("it is a submission");
        let id = self.queue.submit(new, "test", None).await.expect("the queue is not full").id;
        self.jobs.push(Expected {
            id,
            kind,
            key,
            priority,
            max_attempts,
            status: JobStatus::Queued,
            attempt: 0,
            epoch: 0,
            worker: None,
            cancel_requested: false,
            is_in_back_off: false,
            ended_by: None,
        });
    }

    /// Returns the job that a worker with the given types must claim next, by priority and then by age. If `kinds` is
    /// empty, the worker runs all types.
    fn next(&self, kinds: &[usize]) -> Option<usize> {
        let holds = |job: &&Expected, key| job.status == JobStatus::Running && job.key.map(|(key, _)| key) == Some(key);
        let is_permitted = |job: &Expected| {
            job.key.is_none_or(|(key, limit)| self.jobs.iter().filter(|job| holds(job, key)).count() < limit)
        };
        let is_offered = |kind: usize| !self.paused[kind] && (kinds.is_empty() || kinds.contains(&kind));
        let can = |job: &Expected| {
            job.status == JobStatus::Queued && !job.is_in_back_off && is_offered(job.kind) && is_permitted(job)
        };
        let candidates = self.jobs.iter().enumerate().filter(|(_, job)| can(job));
        candidates.min_by_key(|(index, job)| (-job.priority, *index)).map(|(index, _)| index)
    }

    async fn claim(&mut self) {
        let worker = self.random.usize(..WORKERS.len());
        let kinds: &[usize] = self.random.choice([&[][..], &[], &[0], &[1], &[1, 0]]).expect("the list is not empty");
        let names: Vec<&str> = kinds.iter().map(|kind| KINDS[*kind]).collect();
        let body = json!({"workerId": WORKERS[worker], "leaseSeconds": 3600, "allowedTypes": names});
        let body: ClaimBody = serde_json::from_value(body).expect("it is a claim");
        let claim = self.queue.check_claim(body, self.token).expect("the claim is valid");
        let reply = self.queue.claim_remotely(&claim, &CancellationToken::new()).await.expect("the database answers");
        let claimed = reply.job;
        let next = self.next(kinds);
        assert_eq!(claimed.as_ref().map(|claimed| claimed.job.id), next.map(|next| self.jobs[next].id));
        if let Some(next) = next {
            let job = &mut self.jobs[next];
            (job.status, job.worker, job.ended_by) = (JobStatus::Running, Some(worker), None);
            (job.attempt, job.epoch) = (job.attempt + 1, job.epoch + 1);
            self.leases.push(HeldLease { job: next, worker, epoch: job.epoch });
        }
    }

    /// Sends a request under a random current or former lease.
    async fn request(&mut self) {
        const ALL: [Request; 6] = [
            Request::Renew,
            Request::Append,
            Request::Complete,
            Request::Fail,
            Request::FailForGood,
            Request::AcknowledgeCancel,
        ];
        let Some(lease) = self.random.choice(&self.leases).copied() else { return };
        let request = self.random.choice(ALL).expect("the list is not empty");
        let id = self.jobs[lease.job].id;
        let worker = RemoteWorker { name: WORKERS[lease.worker].into(), token: self.token, epoch: Some(lease.epoch) };
        let report = |outcome| Report { outcome, totals: None };
        let failed = |is_retryable| ReportedOutcome::Failed { message: "no".into(), reason: None, is_retryable };
        let answer = match request {
            Request::Renew => self.queue.renew(id, worker, LEASE).await.map(drop),
            Request::Append => {
                let body = json!({"workerId": "", "events": [{"message": "a"}, {"message": "b"}]});
                let body = serde_json::from_value(body).expect("it is a batch");
                let events = ReportedEvents::check(body).expect("the events are valid");
                self.queue.append_remotely(id, worker, events).await.map(drop)
            }
            Request::Complete => {
                self.queue.report(id, worker, report(ReportedOutcome::Completed { summary: None })).await.map(drop)
            }
            Request::Fail => self.queue.report(id, worker, report(failed(true))).await.map(drop),
            Request::FailForGood => self.queue.report(id, worker, report(failed(false))).await.map(drop),
            Request::AcknowledgeCancel => {
                self.queue.report(id, worker, report(ReportedOutcome::Cancelled { message: None })).await.map(drop)
            }
        };
        self.expect(lease, request, answer);
    }

    /// Checks the answer to a request, and changes the model.
    fn expect(&mut self, lease: HeldLease, request: Request, answer: Result<(), QueueError>) {
        let job = &mut self.jobs[lease.job];
        let is_report = !matches!(request, Request::Renew | Request::Append);
        if job.status != JobStatus::Running {
            // Both kinds of failure end an attempt in the same way, so each counts as a repetition of the other.
            let kind = |request| if request == Request::FailForGood { Request::Fail } else { request };
            let is_repeated =
                is_report && lease.epoch + 1 == job.epoch && job.ended_by.map(kind) == Some(kind(request));
            match answer {
                Ok(()) => assert!(is_repeated, "{request:?} of {lease:?}: {job:?}"),
                Err(QueueError::NotRunning { status }) => assert!(!is_repeated && status == job.status, "{job:?}"),
                Err(error) => panic!("{request:?} of {lease:?}: {error}"),
            }
        } else if job.worker != Some(lease.worker) || job.epoch != lease.epoch {
            assert!(matches!(answer, Err(QueueError::NotHolder(_))), "{request:?} of {lease:?}: {answer:?}");
        } else if request == Request::AcknowledgeCancel && !job.cancel_requested {
            assert!(matches!(answer, Err(QueueError::CancelNotRequested(_))), "{answer:?}");
        } else {
            answer.unwrap_or_else(|error| panic!("{request:?} of {lease:?}: {error}"));
            match request {
                Request::Renew | Request::Append => {}
                Request::Complete => job.end(JobStatus::Succeeded, Some(request)),
                Request::Fail => job.fail(Some(request)),
                Request::FailForGood if job.cancel_requested => job.end(JobStatus::Cancelled, Some(request)),
                Request::FailForGood => job.end(JobStatus::Failed, Some(request)),
                Request::AcknowledgeCancel => job.end(JobStatus::Cancelled, Some(request)),
            }
        }
    }

    async fn cancel(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let index = self.random.usize(..self.jobs.len());
        let job = &mut self.jobs[index];
        let answer = self.queue.cancel(job.id, "test", None).await;
        if job.cancel_requested {
            answer.expect("a repeated request changes nothing");
        } else if job.status.is_terminal() {
            assert!(matches!(answer, Err(QueueError::StateConflict { .. })), "{answer:?}");
        } else {
            answer.expect("the job has not finished");
            job.cancel_requested = true;
            if job.status == JobStatus::Queued {
                job.status = JobStatus::Cancelled;
            }
        }
    }

    async fn pause_or_resume(&mut self) {
        let kind = self.random.usize(..KINDS.len());
        let target = PauseTarget::Type(KINDS[kind].to_owned());
        self.paused[kind] = !self.paused[kind];
        if self.paused[kind] {
            self.queue.pause(target, None, "test").await.expect("the database answers");
        } else {
            self.queue.resume(target).await.expect("the database answers");
        }
    }

    /// Lets time pass until all jobs can be claimed.
    async fn end_back_off(&mut self) {
        execute_for_tests(&self.db, "update jobs set next_attempt_at = null").await;
        self.jobs.iter_mut().for_each(|job| job.is_in_back_off = false);
    }

    /// Lets time pass until some leases have expired.
    async fn expire(&mut self) {
        let all = self.random.bool();
        let which = if all { "1" } else { "attempt = 1" };
        let expire = format!("update jobs set lease_expires_at = 1 where status = 'running' and {which}");
        execute_for_tests(&self.db, &expire).await;
        self.queue.end_expired_leases().await.expect("the database answers");
        let expired = |job: &&mut Expected| job.status == JobStatus::Running && (all || job.attempt == 1);
        self.jobs.iter_mut().filter(expired).for_each(|job| job.fail(None));
    }

    /// Compares all jobs with the model.
    async fn check(&self, seed: u64, step: u32) {
        for expected in &self.jobs {
            let job = self.queue.job(expected.id).await.expect("no job is lost");
            let found = (job.status, job.attempt, job.lease_epoch, job.cancel_requested_at.is_some());
            let wanted = (expected.status, expected.attempt, expected.epoch, expected.cancel_requested);
            assert_eq!(found, wanted, "seed {seed}, step {step}: {expected:?}");
        }
    }

    /// Checks the events of all jobs: their positions, their attempts, and the `end` events.
    async fn check_events(&self, seed: u64) {
        for expected in &self.jobs {
            let direction = Direction::After(model::Seq::START);
            let request = PageRequest { direction, limit: 500, filter: Filter::default() };
            let page = self.log.page(expected.id, &request).await.expect("the log can be read");
            let events: Vec<model::Event> = page
                .events
                .iter()
                .map(|event| serde_json::from_slice(event.item()).expect("an item is an event"))
                .collect();
            let seqs: Vec<i64> = events.iter().map(|event| event.seq.0).collect();
            assert!(seqs.iter().copied().eq((1..).take(seqs.len())), "seed {seed}: {seqs:?}");
            let mut open = None;
            let mut started = 0;
            for event in &events {
                match &event.payload {
                    model::Payload::Attempt(attempt) if attempt.status == model::AttemptStatus::Started => {
                        started += 1;
                        assert_eq!((open, attempt.attempt), (None, started), "seed {seed}: one attempt at a time");
                        open = Some(attempt.attempt);
                    }
                    model::Payload::Attempt(attempt) => {
                        assert_eq!(open.take(), Some(attempt.attempt), "seed {seed}: only a running attempt ends");
                    }
                    _ => {}
                }
            }
            assert_eq!((started, open.is_some()), (expected.attempt, expected.status == JobStatus::Running));
            let ends = events.iter().filter(|event| matches!(event.payload, model::Payload::End(_))).count();
            let has_end = matches!(events.last().map(|event| &event.payload), Some(model::Payload::End(_)));
            let is_over = expected.status.is_terminal();
            assert_eq!((ends, has_end), (usize::from(is_over), is_over), "seed {seed}: {expected:?}");
        }
    }
}

#[tokio::test]
async fn random_requests_of_several_workers_leave_every_job_in_the_state_of_a_model() {
    let mut reached: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 1..=15 {
        let mut world = World::new(seed).await;
        for step in 0..150 {
            world.step().await;
            world.check(seed, step).await;
        }
        world.check_events(seed).await;
        for job in &world.jobs {
            *reached.entry(job.status.as_str()).or_default() += 1;
        }
    }
    assert_eq!(reached.len(), 6, "every state was reached: {reached:?}");
}

#[tokio::test]
async fn only_one_of_several_requests_at_the_same_time_resubmits_a_job() {
    let TestQueue { queue, data: _data, .. } = TestQueue::new().await;
    let new: NewJob = serde_json::from_value(json!({"type": "elsewhere"})).expect("it is a submission");
    let job = queue.submit(new, "test", None).await.expect("the queue is not full").id;
    queue.cancel(job, "test", None).await.expect("it is queued");
    let request = || queue.run_again(job, "test", Resubmitted::Excluded);
    let (one, two) = tokio::join!(request(), request());
    let (copy, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    let copy = copy.expect("one of them succeeds").id;
    assert!(matches!(refused, Err(QueueError::AlreadyResubmitted(known)) if known == copy), "{refused:?}");
}

#[tokio::test]
async fn the_position_in_the_queue_is_counted_in_an_index_without_reading_the_jobs() {
    let test = TestQueue::new().await;
    let mut connection = test.db.reader().await.expect("the database is open");
    let plan = store::queue_position_plan(&mut connection).await.expect("the query is valid");
    let reads: Vec<&String> = plan.iter().filter(|step| step.contains("jobs")).collect();
    let is_in_index =
        |step: &&String| step.starts_with("SEARCH jobs USING COVERING INDEX jobs_in_queue (type=? AND priority");
    assert!(reads.len() == 2 && reads.iter().all(is_in_index), "{plan:#?}");
}
