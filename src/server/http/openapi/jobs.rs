//! The operations on jobs and their artifacts.

use engine::queue::CommandShape;
use model::{ArtifactsPage, BulkReply, BulkRequest, JobChanges, JobStatus, JobsPage, NewJob, UsualTimes};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, Ref, Required};

use super::examples::{self, example};
use super::operation::{ApiOperation, flag, id, integer, limit, text, time, value, without_nulls};
use super::streams::{LAST_EVENT_ID, frames};
use crate::server::http::error::ApiError;
use crate::server::http::jobs::{CancelBody, LIMIT};

/// The tag that groups these operations.
pub(super) const TAG: &str = "jobs";

/// Returns the operations on jobs and their artifacts.
pub(super) fn operations() -> Vec<ApiOperation> {
    vec![
        submit(),
        list(),
        stream(),
        with_links(
            ApiOperation::get("/jobs/{id}", "getJob", "Returns a job.").job().reply(
                200,
                "The job. Secrets in its payload are masked.",
                &examples::job(),
            ),
            200,
        ),
        ApiOperation::delete("/jobs/{id}", "removeJob", "Removes a finished job with its log and its artifacts.")
            .job()
            .empty_reply(204, "The job has been removed.")
            .refuses([conflict()]),
        ApiOperation::post("/jobs/{id}/cancel", "cancelJob", "Cancels a job.")
            .about(
                "A queued job is cancelled at once. For a running job, `cancelRequestedAt` is set, and its worker \
                    stops it. A repeated request changes nothing.",
            )
            .job()
            .optional_body(&example::<CancelBody>(json!({"reason": "wrong branch"})))
            .reply(200, "The job.", &examples::job())
            .refuses([conflict()]),
        resubmit(),
        bulk(),
        usual(),
        ApiOperation::get("/jobs/{id}/artifacts", "listArtifacts", "Lists the artifacts of a job, oldest first.")
            .job()
            .reply(200, "All artifacts.", &ArtifactsPage { items: vec![examples::artifact()] }),
        download(),
        preview(),
    ]
    .into_iter()
    .map(|operation| operation.tag(TAG))
    .collect()
}

/// Returns the error for a job whose status does not permit the operation.
pub(super) fn conflict() -> ApiError {
    ApiError::JobStateConflict("the job is running".to_owned())
}

fn submit() -> ApiOperation {
    let submission = (Ref::from_schema_name(NewJob::name()), without_nulls(value(&examples::new_job())));
    let parts = vec![
        ("job", Required::True, text(), "The submission as JSON. This part must be the first one."),
        (
            "input",
            Required::True,
            file(),
            "A tar.zst or tar.gz archive, which each attempt unpacks into its workspace.",
        ),
    ];
    let key = text().min_length(Some(1)).max_length(Some(200)).pattern(Some("^[!-~]+$"));
    let operation = ApiOperation::post("/jobs", "submitJob", "Submits a job.")
        .about("If `payload` is missing, the job has an empty one.")
        .header("Idempotency-Key", key, "A repeated request with the same key returns the job of the first one.")
        .schema_of::<NewJob>()
        .schema_of::<CommandShape>()
        .form(parts, Some(submission))
        .reply(201, "The job.", &examples::job())
        .refuses([
            ApiError::UnsupportedMediaType("application/json"),
            ApiError::QueueFull("100000 jobs are queued already".to_owned()),
            ApiError::DiskLow,
        ]);
    with_links(operation, 201)
}

fn list() -> ApiOperation {
    let page = JobsPage { items: vec![examples::job()], offset: 0, limit: LIMIT.0, has_more: false, counts: None };
    ApiOperation::get("/jobs", "listJobs", "Lists jobs, newest first.")
        .words("status", JobStatus::ALL.map(JobStatus::as_str), "Only jobs with one of these statuses.")
        .query("type", text(), "Only jobs of this type.")
        .query("q", text(), "Only jobs whose title, id or commands contain this text.")
        .query("user", text(), "Only jobs that this user submitted.")
        .query("createdAfter", time(), "Only jobs submitted at this time or later.")
        .query("createdBefore", time(), "Only jobs submitted before this time.")
        .query("limit", limit(LIMIT), "The maximum number of jobs.")
        .query("offset", integer(0..=i64::from(i32::MAX)).default(Some(json!(0))), "The number of jobs to skip.")
        .query("summary", flag(false), "Whether to omit the payloads.")
        .query("counts", flag(false), "Whether to count the jobs of each status that meet the other conditions.")
        .reply(200, "A page of jobs.", &page)
        .refuses([ApiError::InvalidStatusFilter("status: must be one of queued, running".to_owned())])
}

fn stream() -> ApiOperation {
    let (schema, frames) = frames(&[
        ("4711", "heartbeat", json!({"serverTime": "2026-01-31T12:00:00.000000Z"})),
        ("4712", "job", value(&examples::job())),
    ]);
    ApiOperation::get("/jobs/stream", "streamJobs", "Sends jobs as they change, as Server-Sent Events.")
        .about(
            "The first frame is a `heartbeat`. A client that loads its list after it misses no change. Each `job` \
                frame contains a job as in a list with `summary=true`. The `id` of a frame is the number of a change. \
                The stream does not end.",
        )
        .query("after", integer(0..=i64::MAX), "The number of the change after which the stream starts.")
        .header("Last-Event-ID", text().pattern(Some("^[0-9]{0,18}$")), LAST_EVENT_ID)
        .reply_as(200, "The frames.", "text/event-stream", schema, frames)
        .refuses([ApiError::InvalidCursor("x".to_owned()), ApiError::TooManyStreams(4096)])
}

fn resubmit() -> ApiOperation {
    let changes = example::<JobChanges>(json!({"priority": 10, "payload": {"title": "Nightly tests, again"}}));
    let operation = ApiOperation::post("/jobs/{id}/resubmit", "resubmitJob", "Runs a job again as a new job.")
        .about(
            "Members of `payload` replace those of the original, and null removes a member. A string that is sent \
                as responses show it, including `[REDACTED]`, keeps its real value.",
        )
        .job()
        .optional_body(&changes)
        .reply(201, "The new job.", &examples::job())
        .refuses([ApiError::QueueFull("100000 jobs are queued already".to_owned())]);
    with_links(operation, 201)
}

fn bulk() -> ApiOperation {
    let request: BulkRequest = example(json!({
        "action": "cancel", "filter": {"status": ["queued"], "q": "nightly"}, "reason": "wrong branch", "dryRun": true,
    }));
    let reply: BulkReply = example(json!({
        "matched": 3, "done": 1, "skipped": 1, "failed": 0, "resubmitted": 0, "resubmissions": [], "hasMore": false,
        "before": "2026-01-31T12:00:00.000000Z",
        "unchanged": [{"id": examples::ID, "reason": "the job has already finished (succeeded), so it cannot be cancelled"}],
    }));
    ApiOperation::post("/jobs/bulk", "changeJobs", "Applies an action to all jobs that match a filter.")
        .about(
            "A request changes at most 10,000 jobs, oldest first. The action `remove` requires the role `admin`. The \
                action `resubmit` ignores jobs that have been resubmitted already, unless `includeResubmitted` is \
                true. With `dryRun`, the jobs are only counted.",
        )
        .body(&request)
        .reply(200, "The number of jobs that were changed.", &reply)
}

fn usual() -> ApiOperation {
    let times: UsualTimes = example(json!({
        "lastSuccess": examples::ID, "jobs": 5,
        "steps": [{"stage": "execute", "stepId": "run", "durationMs": 61_000}],
    }));
    ApiOperation::get("/jobs/{id}/usual", "getUsualTimes", "Returns how long the steps of a job usually take.")
        .about("The times are the medians of the latest five successful jobs with the same title and commands.")
        .job()
        .query_refused()
        .reply(200, "The usual times.", &times)
}

fn file() -> ObjectBuilder {
    text().content_media_type("application/octet-stream")
}

fn of_artifact(path: &str, name: &str, summary: &str) -> ApiOperation {
    ApiOperation::get(path, name, summary)
        .job()
        .path("artifact", id(), examples::ID, "The id of the artifact.")
        .refuses([ApiError::ArtifactNotFound, ApiError::ArtifactJobMismatch])
}

fn download() -> ApiOperation {
    of_artifact("/jobs/{id}/artifacts/{artifact}/download", "downloadArtifact", "Sends the content of an artifact.")
        .header("Range", text(), "The requested part of the file, such as `bytes=0-99`. An invalid range is ignored.")
        .reply_as(200, "The file, as an attachment.", "*/*", file(), Value::String("hello".to_owned()))
        .reply_as(206, "The requested part of the file.", "*/*", file(), Value::String("hel".to_owned()))
        .empty_reply(304, "The client has this file already, as its `If-None-Match` says.")
        .reply_header(200, "ETag", text(), "The entity tag of the file.")
        .refuses([ApiError::ArtifactFileMissing, ApiError::RangeNotSatisfiable(5)])
}

fn preview() -> ApiOperation {
    let about = "Redirects to an address at which the artifact is displayed.";
    of_artifact("/jobs/{id}/artifacts/{artifact}/preview", "previewArtifact", about)
        .about("The address, `/previews/SIGNED_TOKEN/NAME`, is valid for an hour and requires no other credentials.")
        .empty_reply(303, "The address is in the header `Location`.")
        .reply_header(303, "Location", text(), "The path of the preview.")
}

/// Adds links from a response that contains a job to the operations on this job.
fn with_links(operation: ApiOperation, status: u16) -> ApiOperation {
    let operations = [
        "getJob",
        "cancelJob",
        "resubmitJob",
        "removeJob",
        "getUsualTimes",
        "listArtifacts",
        "listEvents",
        "getLog",
        "listLines",
        "searchLog",
    ];
    operations.iter().fold(operation, |operation, to| operation.link(status, to, ("id", "$response.body#/id")))
}
