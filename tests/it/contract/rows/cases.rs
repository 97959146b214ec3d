//! The cases for all routes, in groups of related routes.

use serde_json::{Value, json};

use super::{Case, case};
use crate::contract::JOB;
use crate::harness::people::PASSWORD;

const EVENT: &str = "seq id jobId level message payload createdAt";
const EVENTS: &str = "items nextAfter nextBefore hasMore lastSeq terminal";
const ARTIFACT: &str = "id jobId name contentType sizeBytes digest storagePath attempt stage createdAt";
const LINE: &str = "line seq stream stage stepId time level text truncated";
const WORKER: &str = "id name status embedded version hostname capabilities allowedTypes concurrency jobs tokenId \
    drainedAt drainedByUserId pause firstSeenAt lastSeenAt";
const PAUSE: &str = "target workerName reason pausedAt pausedByUserId";
const SECRET: &str = "name createdAt updatedAt updatedByUserId maskedEverywhere readable";
const USER: &str = "name role disabled createdAt updatedAt source withoutRole loginLinkExpiresAt";
const SESSION: &str = "id userId createdAt lastUsedAt expiresAt address browser current";
pub(super) const API_TOKEN: &str = "id userId name role description allowedJobTypes allowedRepositories capabilities hint createdAt \
    lastUsedAt expiresAt";
const WORKER_TOKEN: &str = "id workerId description allowedJobTypes allowedRepositories capabilities isActive userId \
    hint createdAt lastUsedAt expiresAt";
const COUNTS: &str = "queued running succeeded failed cancelled deadLetter";
const BULK: &str = "matched done skipped failed error unchanged resubmitted resubmissions hasMore before";

/// The media types of responses that are not JSON.
const TEXT: &str = "text/plain; charset=utf-8";
const STREAM: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";

/// Returns all cases in the order in which they have to run.
pub(super) fn cases() -> Vec<Case> {
    [jobs(), output(), protocol(), workers(), people(), server()].into_iter().flatten().collect()
}

/// Returns two cases that submit a job for workers, and claim it as `{held}`.
fn claimed(further: Value) -> [Case; 2] {
    let mut job = json!({"type": "elsewhere", "payload": {"a": 1}});
    for (name, value) in further.as_object().expect("it is an object") {
        job[name] = value.clone();
    }
    let claim = json!({"leaseSeconds": 60, "allowedTypes": ["elsewhere"]});
    [
        case("POST /jobs", "/jobs").body(job).status(201).has("", JOB).nulls(
            "/claimedBy /startedAt /finishedAt /leaseExpiresAt /nextAttemptAt /exitCode /logSha256 /input /pause",
        ),
        case("POST /jobs/claim", "/jobs/claim")
            .by_worker(claim)
            .has("", "job")
            .has("/job/progress", "batch to suppressedBytes earlierBytes")
            .keep("/job/id", "held"),
    ]
}

fn jobs() -> Vec<Case> {
    let job = json!({"type": "elsewhere", "payload": {"a": 1}, "priority": 1, "affinityKey": null});
    vec![
        case("GET /machine", "/machine").has("", "machine capability"),
        case("POST /jobs", "/jobs")
            .body(job)
            .status(201)
            .has("", JOB)
            .nulls("/claimedBy /affinityKey")
            .keep("/id", "new"),
        case("GET /jobs", "/jobs?summary=true")
            .has("", "items offset limit hasMore counts")
            .has("/items/0", JOB)
            .nulls("/counts /items/0/payload"),
        case("GET /jobs", "/jobs?counts=true").has("/counts", COUNTS),
        case("GET /jobs/stream", "/jobs/stream").sends(STREAM),
        case("GET /jobs/{id}", "/jobs/{done}")
            .has("", JOB)
            .nulls("/queuePosition /pause /concurrencyWait /outputRemovedAt"),
        case("POST /jobs/{id}/cancel", "/jobs/{new}/cancel").has("", JOB).nulls("/cancelReason /startedAt"),
        case("POST /jobs/{id}/resubmit", "/jobs/{new}/resubmit").status(201).has("", JOB).keep("/id", "again"),
        case("POST /jobs/bulk", "/jobs/bulk")
            .body(json!({"action": "cancel", "filter": {"type": "elsewhere"}}))
            .has("", BULK)
            .nulls("/error"),
        case("GET /jobs/{id}/usual", "/jobs/{done}/usual").has("", "lastSuccess jobs steps").nulls("/lastSuccess"),
        case("DELETE /jobs/{id}", "/jobs/{again}").empty(204),
    ]
}

fn output() -> Vec<Case> {
    let page = "items lines steps matches totalLines next done";
    let hit = "line seq stream stage stepId time level text truncated ranges";
    vec![
        case("GET /jobs/{id}/events", "/jobs/{done}/events").has("", EVENTS).has("/items/0", EVENT),
        case("GET /jobs/{id}/events/stream", "/jobs/{done}/events/stream").sends(STREAM),
        case("GET /jobs/{id}/events/stream", "/jobs/{done}/events/stream?after=999").empty(204),
        case("GET /events/stream", "/events/stream?jobs={done}:0").sends(STREAM),
        case("GET /jobs/{id}/log", "/jobs/{done}/log").sends(TEXT),
        case("GET /jobs/{id}/log/search", "/jobs/{done}/log/search?q=one")
            .has("", page)
            .has("/items/0", hit)
            .nulls("/next"),
        case("GET /jobs/{id}/lines", "/jobs/{done}/lines").has("", "items totalLines complete").has("/items/0", LINE),
        case("GET /jobs/{id}/artifacts", "/jobs/{done}/artifacts")
            .has("", "items")
            .has("/items/0", ARTIFACT)
            .nulls("/items/0/storagePath")
            .keep("/items/0/id", "artifact"),
        case("GET /jobs/{id}/artifacts/{artifact}/download", "/jobs/{done}/artifacts/{artifact}/download")
            .sends("text/plain"),
        case("GET /jobs/{id}/artifacts/{artifact}/preview", "/jobs/{done}/artifacts/{artifact}/preview").empty(303),
    ]
}

fn protocol() -> Vec<Case> {
    let mut cases = Vec::from(claimed(json!({})));
    cases.extend([
        case("POST /jobs/{id}/heartbeat", "/jobs/{held}/heartbeat")
            .by_worker(json!({"leaseSeconds": 60}))
            .has("", JOB)
            .nulls("/cancelRequestedAt"),
        case("POST /jobs/{id}/events", "/jobs/{held}/events")
            .by_worker(json!({"message": "x"}))
            .status(201)
            .has("", EVENT),
        case("POST /jobs/{id}/events", "/jobs/{held}/events")
            .by_worker(json!({"batch": 1, "events": [{"message": "x"}]}))
            .status(201)
            .has("", "items")
            .has("/items/0", EVENT),
        case("POST /jobs/{id}/artifacts/upload", "/jobs/{held}/artifacts/upload")
            .by_worker(json!({"name": "a.txt"}))
            .status(201)
            .has("", ARTIFACT)
            .nulls("/storagePath /stage"),
        case("POST /jobs/{id}/complete", "/jobs/{held}/complete")
            .by_worker(json!({"resultSummary": "good"}))
            .has("", JOB)
            .nulls("/errorMessage /leaseExpiresAt /failureReason"),
    ]);
    cases.extend(claimed(json!({"maxAttempts": 2})));
    cases.push(
        case("POST /jobs/{id}/fail", "/jobs/{held}/fail")
            .by_worker(json!({"errorMessage": "no", "retryable": true}))
            .has("", JOB)
            .nulls("/finishedAt /claimedBy /resultSummary"),
    );
    cases.extend(claimed(json!({})));
    cases.push(
        case("POST /jobs/{id}/cancel", "/jobs/{held}/cancel")
            .body(json!({"reason": "wrong"}))
            .has("", JOB)
            .nulls("/finishedAt"),
    );
    cases.push(
        case("POST /jobs/{id}/cancel/ack", "/jobs/{held}/cancel/ack").by_worker(json!({"message": null})).has("", JOB),
    );
    cases
}

fn workers() -> Vec<Case> {
    let limits = json!({"workerId": "build", "allowedJobTypes": ["elsewhere"]});
    let nulls = "/description /allowedRepositories /capabilities /lastUsedAt";
    vec![
        case("GET /workers", "/workers")
            .has("", "items")
            .has("/items/1", WORKER)
            .nulls("/items/1/drainedAt /items/1/pause")
            .keep("/items/1/id", "worker"),
        case("POST /workers/{id}/drain", "/workers/{worker}/drain").has("", WORKER).nulls("/pause"),
        case("POST /workers/{id}/resume", "/workers/{worker}/resume")
            .has("", WORKER)
            .nulls("/drainedAt /drainedByUserId"),
        case("PUT /pauses/{name}", "/pauses/type:nothing")
            .body(json!({"reason": null}))
            .status(201)
            .has("", PAUSE)
            .nulls("/workerName /reason"),
        case("PUT /pauses/{name}", "/pauses/type:nothing").has("", PAUSE),
        case("GET /pauses", "/pauses").has("", "items").has("/items/0", PAUSE),
        case("GET /status", "/status")
            .has("", "version startedAt jobs workers pauses disk")
            .has("/jobs", COUNTS)
            .has("/workers", "active draining paused offline")
            .has("/pauses/0", PAUSE)
            .has("/disk", "freeBytes isLow"),
        case("DELETE /pauses/{name}", "/pauses/type:nothing").empty(204),
        case("POST /workers/tokens", "/workers/tokens")
            .body(limits)
            .status(201)
            .has("", "token workerToken")
            .has("/workerToken", WORKER_TOKEN)
            .nulls("/workerToken/description /workerToken/capabilities")
            .keep("/workerToken/id", "wtoken"),
        case("GET /workers/tokens", "/workers/tokens").has("", "items hasMore").has("/items/0", WORKER_TOKEN),
        case("POST /workers/tokens/{id}/revoke", "/workers/tokens/{wtoken}/revoke").has("", WORKER_TOKEN).nulls(nulls),
    ]
}

fn people() -> Vec<Case> {
    let user = json!({"name": "eve", "role": "viewer", "password": PASSWORD});
    vec![
        case("POST /users", "/users").body(user).status(201).has("", USER),
        case("GET /users", "/users").has("", "items").has("/items/0", USER).nulls("/items/0/loginLinkExpiresAt"),
        case("POST /users/{name}/login-link", "/users/eve/login-link").status(201).has("", "userId link expiresAt"),
        case("DELETE /users/{name}/login-link", "/users/eve/login-link").empty(204),
        case("PATCH /users/{name}", "/users/eve").body(json!({"disabled": true})).has("", USER),
        case("DELETE /users/{name}", "/users/eve").empty(204),
        case("GET /sessions", "/sessions")
            .has("", "items hasMore")
            .has("/items/0", SESSION)
            .keep("/items/0/id", "session"),
        case("DELETE /sessions/{id}", "/sessions/{session}").empty(204),
        case("POST /tokens", "/tokens").body(json!({"name": "ci"})).status(201).has("", "token").keep("/id", "token"),
        case("GET /tokens", "/tokens")
            .has("", "items hasMore")
            .has("/items/0", API_TOKEN)
            .nulls("/items/0/description /items/0/allowedJobTypes"),
        case("DELETE /tokens/{id}", "/tokens/{token}").empty(204),
        case("GET /audit", "/audit")
            .has("", "items nextBefore")
            .has("/items/0", "id createdAt user credential address action object details status"),
        case("GET /audit/export", "/audit/export").sends(NDJSON),
    ]
}

fn server() -> Vec<Case> {
    let value = || json!({"value": "hunter2-hunter2"});
    vec![
        case("PUT /secrets/{name}", "/secrets/KEY").body(value()).status(201).has("", SECRET),
        case("PUT /secrets/{name}", "/secrets/KEY").body(value()).has("", SECRET),
        case("GET /secrets", "/secrets").has("", "items").has("/items/0", SECRET),
        case("GET /secrets/{name}", "/secrets/KEY").has("", SECRET),
        case("POST /redact", "/redact")
            .body(json!({"text": "is hunter2-hunter2"}))
            .has("", "text findings")
            .has("/findings/0", "line column bytes rule")
            .nulls("/findings/0/rule"),
        case("GET /redact/rules", "/redact/rules").has("", "items").has("/items/0", "id reason expression"),
        case("DELETE /secrets/{name}", "/secrets/KEY").empty(204),
        case("GET /healthz", "/healthz").sends(TEXT),
        case("GET /readyz", "/readyz").sends(TEXT),
        case("GET /metrics", "/metrics").sends("text/plain; version=0.0.4"),
        case("GET /api/openapi.json", "/api/openapi.json").has("", "openapi info paths components tags"),
        case("GET /api/docs", "/api/docs").sends("text/html"),
    ]
}
