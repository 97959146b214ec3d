//! Example values of the API's types, which the description contains.

use model::{
    ApiToken, Artifact, AuditEntry, Event, Job, JobCounts, LinesPage, ListedWorker, ListedWorkerToken, NamedSecret,
    NewJob, OutputLine, OutputProgress, Pause, Session, User,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The id of the job in the examples.
pub(super) const JOB: &str = "019c1f2e-5a40-7c3b-9d1e-2f6a8b0c4d5e";

/// The id of all other objects in the examples.
pub(super) const ID: &str = "019c1f2e-6b51-7d4c-8e2f-3a7b9c1d5e6f";

/// The time that all examples contain.
const TIME: &str = "2026-01-31T12:00:00.000000Z";

/// Converts JSON into a value of a type of the API. Members that are null can be omitted.
pub(super) fn example<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("a test builds all examples")
}

pub(super) fn new_job() -> NewJob {
    example(json!({"type": "command", "priority": 5, "payload": {"title": "Nightly tests", "run": "make test"}}))
}

pub(super) fn job() -> Job {
    example(json!({
        "id": JOB, "type": "command", "status": "queued", "priority": 5, "title": "Nightly tests",
        "payload": {"title": "Nightly tests", "run": "make test"}, "createdByUserId": "ada", "attempt": 0,
        "maxAttempts": 1, "createdAt": TIME, "updatedAt": TIME, "leaseEpoch": 0, "lastSeq": 1, "queuePosition": 1,
    }))
}

/// Returns the example job in the state `running`.
pub(super) fn running_job() -> Job {
    example(json!({
        "id": JOB, "type": "greeting", "status": "running", "priority": 5, "title": "Greeting", "payload": {"to": "Ada"},
        "createdByUserId": "ada", "claimedBy": "greeter", "leaseExpiresAt": "2026-01-31T12:02:00.000000Z", "attempt": 1,
        "maxAttempts": 1, "startedAt": TIME, "createdAt": TIME, "updatedAt": TIME, "leaseEpoch": 1, "lastSeq": 3,
    }))
}

pub(super) fn counts() -> JobCounts {
    example(json!({"queued": 1, "running": 2, "succeeded": 120, "failed": 3, "cancelled": 1, "deadLetter": 0}))
}

/// Returns an event of the kind `log`.
pub(super) fn event() -> Event {
    example(json!({
        "seq": 7, "id": ID, "jobId": JOB, "level": "info", "message": "ok 1\n", "createdAt": TIME,
        "payload": {
            "kind": "log", "stream": "stdout", "stage": "execute", "stepId": "run", "stepIndex": 0, "attempt": 1,
            "offset": 0, "bytes": 5, "line": 1, "time": TIME, "partial": false,
        },
    }))
}

pub(super) fn line() -> OutputLine {
    example(json!({
        "line": 1, "seq": 7, "stream": "stdout", "stage": "execute", "stepId": "run", "time": TIME, "level": "info",
        "text": "ok 1", "truncated": false,
    }))
}

pub(super) fn lines() -> LinesPage {
    LinesPage { items: vec![line()], total_lines: 1, complete: true }
}

pub(super) fn artifact() -> Artifact {
    example(json!({
        "id": ID, "jobId": JOB, "name": "report/index.html", "contentType": "text/html", "sizeBytes": 5,
        "digest": "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "attempt": 1,
        "createdAt": TIME,
    }))
}

pub(super) fn progress() -> OutputProgress {
    OutputProgress::default()
}

pub(super) fn worker() -> ListedWorker {
    example(json!({
        "id": ID, "name": "greeter", "status": "active", "embedded": false, "version": "0.1.0", "hostname": "build-1",
        "capabilities": ["gpu"], "allowedTypes": ["greeting"], "concurrency": 1, "jobs": [], "tokenId": ID,
        "firstSeenAt": TIME, "lastSeenAt": TIME,
    }))
}

pub(super) fn worker_token() -> ListedWorkerToken {
    example(json!({
        "id": ID, "workerId": "greeter", "description": "The machine build-1", "allowedJobTypes": ["greeting"],
        "isActive": true, "userId": "ada", "hint": "tw_abc", "createdAt": TIME,
        "expiresAt": "2026-05-01T12:00:00.000000Z",
    }))
}

pub(super) fn pause() -> Pause {
    example(json!({"target": "queue", "reason": "Maintenance", "pausedAt": TIME, "pausedByUserId": "ada"}))
}

pub(super) fn secret() -> NamedSecret {
    example(json!({
        "name": "DEPLOY_KEY", "createdAt": TIME, "updatedAt": TIME, "updatedByUserId": "ada", "maskedEverywhere": true,
        "readable": true,
    }))
}

pub(super) fn audit_entry() -> AuditEntry {
    example(json!({
        "id": 42, "createdAt": TIME, "user": "ada", "credential": "session", "address": "192.0.2.7",
        "action": "job.submit", "object": JOB, "details": null, "status": 201,
    }))
}

pub(super) fn user() -> User {
    example(json!({
        "name": "ada", "role": "operator", "disabled": false, "createdAt": TIME, "updatedAt": TIME, "source": "local",
        "withoutRole": false, "loginLinkExpiresAt": null,
    }))
}

pub(super) fn session() -> Session {
    example(json!({
        "id": ID, "userId": "ada", "createdAt": TIME, "lastUsedAt": TIME, "expiresAt": "2026-02-07T12:00:00.000000Z",
        "address": "192.0.2.7", "browser": "Firefox", "current": true,
    }))
}

pub(super) fn token() -> ApiToken {
    example(json!({
        "id": ID, "userId": "ada", "name": "ci", "role": "operator", "hint": "tw_abc", "createdAt": TIME,
        "expiresAt": "2026-05-01T12:00:00.000000Z",
    }))
}
