//! The operations that workers use, and those that manage workers, their tokens and pauses.

use model::{
    AppendBody, AppendedBatch, CancelAckBody, ClaimBody, ClaimNotice, ClaimReply, ClaimedJob, CompleteBody,
    CreatedWorkerToken, Event, FailBody, HeartbeatBody, NewPause, NewWorkerToken, OutputBody, PausesPage, StoredBytes,
    WorkerStatus, WorkerTokensPage, WorkersPage,
};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::AnyOf;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, Required, Type};

use super::examples::{self, example};
use super::operation::{ApiOperation, id, text, value};
use super::people::with_range;
use crate::server::http::error::ApiError;

/// The tag that groups the operations that workers use.
pub(super) const PROTOCOL: &str = "protocol of workers";

/// The tag that groups the operations on workers.
pub(super) const TAG: &str = "workers";

/// Returns the operations that workers use, and those that manage workers.
pub(super) fn operations() -> Vec<ApiOperation> {
    let protocol = [claim(), heartbeat(), append(), add_output(), input(), upload()].into_iter().chain(endings());
    let workers = [
        ApiOperation::get("/workers", "listWorkers", "Lists the workers that were seen during the last week.")
            .query_refused()
            .reply(200, "All workers.", &WorkersPage { items: vec![examples::worker()] })
            .link(200, "drainWorker", ("id", "$response.body#/items/0/id"))
            .link(200, "resumeWorker", ("id", "$response.body#/items/0/id")),
        on_worker("/workers/{id}/drain", "drainWorker", "Lets a worker finish its jobs, without giving it others."),
        on_worker(
            "/workers/{id}/resume",
            "resumeWorker",
            "Lets a worker that is drained or paused receive jobs again.",
        ),
    ];
    let workers = workers.into_iter().chain(tokens()).chain(pauses());
    let protocol = protocol.map(|operation| operation.tag(PROTOCOL));
    protocol.chain(workers.map(|operation| operation.tag(TAG))).collect()
}

/// Returns the body of a request about a job that the worker holds: the members that all such requests contain, and
/// those of `more`.
fn held(more: &Value) -> Value {
    let mut body = json!({"workerId": "greeter", "leaseEpoch": 1});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more.clone());
    }
    body
}

/// The parameter of a link to another operation on the same job.
const JOB_OF_REQUEST: (&str, &str) = ("id", "$request.path.id");

/// Returns the body of a linked request under the same lease: the members that all such requests contain, and those of
/// `more`.
fn still_held(more: &Value) -> Value {
    let mut body = held(more);
    for name in ["workerId", "leaseEpoch"] {
        body[name] = json!(format!("$request.body#/{name}"));
    }
    body
}

/// Describes an operation of a worker on a job that it holds.
fn on_held_job(method: fn(&str, &str, &str) -> ApiOperation, path: &str, name: &str, summary: &str) -> ApiOperation {
    method(&format!("/jobs/{{id}}{path}"), name, summary).job().refuses([
        ApiError::JobStateConflict("the job is not running".to_owned()),
        ApiError::JobOwnershipMismatch("another worker holds the job".to_owned()),
    ])
}

fn claim() -> ApiOperation {
    let body: ClaimBody = example(json!({
        "workerId": "greeter", "leaseSeconds": 120, "waitSeconds": 0, "allowedTypes": ["greeting"],
        "claimId": "greeter-1",
    }));
    let job = ClaimedJob {
        job: examples::running_job(),
        secrets: std::iter::empty().collect(),
        progress: examples::progress(),
    };
    let reply = ClaimReply { job: Some(job), worker: None };
    let claimed = |more: Value| {
        let mut body = held(&more);
        body["workerId"] = json!("$request.body#/workerId");
        body["leaseEpoch"] = json!("$response.body#/job/leaseEpoch");
        body
    };
    let job = ("id", "$response.body#/job/id");
    ApiOperation::post("/jobs/claim", "claimJob", "Gives a worker the next job.")
        .about(
            "The job contains its payload without masks, and in `secrets` the values of the named secrets that it \
                receives. `job` is null if there is no job. If the worker may not receive jobs, `worker` says why.",
        )
        .schema_of::<ClaimNotice>()
        .schema_of::<WorkerStatus>()
        .body(&body)
        .reply(200, "The job, or null.", &reply)
        .link_with_body(200, "renewLease", job, claimed(json!({"leaseSeconds": 120})))
        .link_with_body(200, "appendEvents", job, claimed(json!({"message": "Hello!"})))
        .link_with_body(200, "completeJob", job, claimed(json!({})))
        .link_with_body(200, "failJob", job, claimed(json!({"errorMessage": "no answer"})))
}

fn heartbeat() -> ApiOperation {
    let body: HeartbeatBody = example(held(&json!({"leaseSeconds": 120})));
    on_held_job(ApiOperation::post, "/heartbeat", "renewLease", "Renews the lease of a worker.")
        .about("If `cancelRequestedAt` of the response is not null, the worker has to stop the job.")
        .body(&body)
        .reply(200, "The job.", &examples::running_job())
        .link_with_body(200, "appendEvents", JOB_OF_REQUEST, still_held(&json!({"message": "Hello!"})))
        .link_with_body(200, "completeJob", JOB_OF_REQUEST, still_held(&json!({})))
        .link_with_body(200, "failJob", JOB_OF_REQUEST, still_held(&json!({"errorMessage": "no answer"})))
}

fn append() -> ApiOperation {
    let body: AppendBody = example(held(&json!({"message": "Hello!", "payload": {"kind": "greeting"}})));
    let list = ArrayBuilder::new().items(Ref::from_schema_name(Event::name()));
    let list = ObjectBuilder::new().schema_type(Type::Object).property("items", list).required("items");
    let replies = AnyOf::builder()
        .item(Ref::from_schema_name(Event::name()))
        .item(list)
        .item(Ref::from_schema_name(AppendedBatch::name()));
    on_held_job(ApiOperation::post, "/events", "appendEvents", "Appends one event or a batch of events.")
        .about(
            "The body is one event, or `events`, a list of up to 500 of them, and at most 16 MiB. A batch that covers \
                a range of output (`from` and `to`) is answered with `lastSeq` only.",
        )
        .body(&body)
        .schema_of::<Event>()
        .schema_of::<AppendedBatch>()
        .reply_as(201, "The event, or the list of events.", super::operation::JSON, replies, value(&examples::event()))
        .link_with_body(201, "renewLease", JOB_OF_REQUEST, still_held(&json!({"leaseSeconds": 120})))
        .link_with_body(201, "completeJob", JOB_OF_REQUEST, still_held(&json!({})))
}

fn add_output() -> ApiOperation {
    let body: OutputBody = example(held(&json!({"chunks": []})));
    on_held_job(ApiOperation::post, "/output", "addOutput", "Adds output that is not in events to the complete log.")
        .body(&body)
        .reply(200, "The number of bytes that are stored.", &StoredBytes { bytes: 0 })
}

fn input() -> ApiOperation {
    let archive = || text().content_media_type("application/octet-stream");
    on_held_job(ApiOperation::get, "/input", "getInput", "Sends the files that came with a job to its worker.")
        .header(
            "Range",
            text(),
            "The requested part of the archive, such as `bytes=0-99`. An invalid range is ignored.",
        )
        .reply_as(200, "The archive.", "application/octet-stream", archive(), json!("..."))
        .reply_as(206, "The requested part of the archive.", "application/octet-stream", archive(), json!("..."))
        .empty_reply(304, "The client has this archive already, as its `If-None-Match` says.")
        .refuses([ApiError::ArtifactNotFound, ApiError::ArtifactFileMissing, ApiError::RangeNotSatisfiable(5)])
}

fn upload() -> ApiOperation {
    let file = text().content_media_type("application/octet-stream");
    let parts = vec![
        ("file", Required::True, file, "The content of the artifact."),
        ("workerId", Required::True, text(), "The name under which the job was claimed."),
        ("leaseEpoch", Required::False, text().pattern(Some("^[0-9]{1,18}$")), "The number of the lease."),
        ("name", Required::False, text(), "The path of the artifact. It is required if `file` has no file name."),
        ("contentType", Required::False, text(), "The media type of the artifact."),
        ("digest", Required::False, text().pattern(Some("^sha256:[0-9a-f]{64}$")), "The checksum of the content."),
    ];
    on_held_job(ApiOperation::post, "/artifacts/upload", "uploadArtifact", "Stores an artifact.")
        .about("A second file with the same name replaces the first one of the attempt.")
        .form(parts, None)
        .reply(201, "The artifact.", &examples::artifact())
        .refuses([
            ApiError::ArtifactTooLarge("an artifact can have at most 1073741824 bytes".to_owned()),
            ApiError::DigestMismatch("the file has another checksum".to_owned()),
            ApiError::UnsupportedMediaType("multipart/form-data"),
            ApiError::DiskLow,
        ])
}

/// Describes the requests that end a lease.
fn endings() -> [ApiOperation; 3] {
    let complete: CompleteBody = example(held(&json!({"resultSummary": "Greeted Ada."})));
    let fail: FailBody = example(held(&json!({"errorMessage": "Ada did not answer.", "retryable": true})));
    let cancel: CancelAckBody = example(held(&json!({"message": "Stopped."})));
    [
        on_held_job(ApiOperation::post, "/complete", "completeJob", "Ends a lease, because the job has succeeded.")
            .body(&complete)
            .reply(200, "The job.", &examples::running_job()),
        on_held_job(ApiOperation::post, "/fail", "failJob", "Ends a lease, because the job has failed.")
            .body(&fail)
            .reply(200, "The job, which may be queued for its next attempt.", &examples::running_job()),
        on_held_job(ApiOperation::post, "/cancel/ack", "acknowledgeCancel", "Ends the lease of a cancelled job.")
            .body(&cancel)
            .reply(200, "The job.", &examples::running_job()),
    ]
}

fn on_worker(path: &str, name: &str, summary: &str) -> ApiOperation {
    ApiOperation::post(path, name, summary)
        .path("id", id(), examples::ID, "The id of the worker.")
        .reply(200, "The worker.", &examples::worker())
        .refuses([ApiError::WorkerNotFound])
}

fn tokens() -> [ApiOperation; 3] {
    let new: NewWorkerToken = example(json!({
        "workerId": "greeter", "description": "The machine build-1", "allowedJobTypes": ["greeting"],
        "expiresInDays": 90,
    }));
    let created = CreatedWorkerToken { token: "tw_...".to_owned(), worker_token: examples::worker_token() };
    let page = WorkerTokensPage { items: vec![examples::worker_token()], has_more: false };
    let list =
        ApiOperation::get("/workers/tokens", "listWorkerTokens", "Lists the API tokens of workers, newest first.");
    [
        with_range(list).reply(200, "The tokens, without their texts.", &page),
        ApiOperation::post("/workers/tokens", "createWorkerToken", "Creates an API token for a worker.")
            .body(&new)
            .reply(201, "The token. Only this response contains its text.", &created)
            .link(201, "revokeWorkerToken", ("id", "$response.body#/workerToken/id")),
        ApiOperation::post("/workers/tokens/{id}/revoke", "revokeWorkerToken", "Revokes the token of a worker.")
            .about("The leases that were begun with it end at once.")
            .path("id", id(), examples::ID, "The id of the token.")
            .reply(200, "The token, which is no longer active.", &examples::worker_token())
            .refuses([ApiError::WorkerTokenNotFound]),
    ]
}

fn pauses() -> [ApiOperation; 3] {
    let target = || text().pattern(Some("^(queue|type:.+|worker:[0-9a-f-]{36})$"));
    let about = "What is paused: `queue`, `type:NAME` or `worker:ID`.";
    let invalid = || ApiError::InvalidPayload("target: must be queue, type:NAME or worker:ID".to_owned());
    [
        ApiOperation::get("/pauses", "listPauses", "Lists what is paused, oldest first.").query_refused().reply(
            200,
            "All pauses.",
            &PausesPage { items: vec![examples::pause()] },
        ),
        ApiOperation::put("/pauses/{name}", "pause", "Pauses the queue, a type of jobs, or a worker.")
            .path("name", target(), "queue", about)
            .optional_body(&example::<NewPause>(json!({"reason": "Maintenance"})))
            .reply(201, "The new pause.", &examples::pause())
            .reply(200, "The pause existed already, and its reason has been replaced.", &examples::pause())
            .refuses([ApiError::WorkerNotFound])
            .link(201, "resume", ("name", "$request.path.name")),
        ApiOperation::delete("/pauses/{name}", "resume", "Ends a pause.")
            .path("name", target(), "queue", about)
            .empty_reply(204, "The pause has ended.")
            .refuses([ApiError::PauseNotFound, invalid()]),
    ]
}
