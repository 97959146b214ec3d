//! The requests of workers on other machines, and the responses to them.
//!
//! Unknown members are ignored, so that workers written for other versions of the API can be used.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{FailureReason, Job, Level, Payload, Seq, WorkerStatus};

/// A worker's request for a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClaimBody {
    /// The worker's name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// The duration of the lease. The worker has to renew the lease before it expires.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 86_400))]
    pub lease_seconds: i64,
    /// The types of the jobs that the worker runs. If null or empty, the worker runs jobs of any type.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub allowed_types: Option<Vec<String>>,
    /// The worker's capabilities. The worker receives only jobs whose `requiredCapabilities` are among these.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub worker_capabilities: Option<Vec<String>>,
    /// The maximum number of seconds for which the request waits for a job. The default is 0.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 30))]
    pub wait_seconds: Option<i64>,
    /// An identifier that the worker chooses for this claim. A repeated request with the same identifier returns the
    /// same job.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub claim_id: Option<String>,
    /// If true, the request returns only the job of an earlier request with the same `claimId`, and claims no other
    /// job.
    #[serde(default)]
    pub resume: Option<bool>,
    /// The version of the worker's program, which is shown in the list of workers.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub version: Option<String>,
    /// The name of the worker's machine, which is shown in the list of workers.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub hostname: Option<String>,
}

/// The response to a worker's request for a job.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimReply {
    /// The claimed job, or null if there is no job for this worker.
    pub job: Option<ClaimedJob>,
    /// The reason why the worker receives no jobs at present. The member is present only if the worker is drained or a
    /// pause applies to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<ClaimNotice>,
}

/// Informs a worker that it receives no jobs because it is drained or because of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimNotice {
    /// [`WorkerStatus::Draining`] or [`WorkerStatus::Paused`].
    pub status: WorkerStatus,
}

/// A claimed job with everything that its worker needs to run it. Its payload contains the real values of secrets.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimedJob {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// The values of the named secrets that the job receives, by name.
    pub secrets: BTreeMap<String, String>,
    /// How much of the attempt's output the server has stored. A worker that has been restarted continues from there.
    pub progress: OutputProgress,
}

/// How much of an attempt's output the server has stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OutputProgress {
    /// The number of the last stored batch, or 0 if there is none.
    pub batch: i64,
    /// The offset at which the range of the last batch ends.
    pub to: i64,
    /// The number of bytes before the offset `to` that were not sent as events.
    pub suppressed_bytes: i64,
    /// The number of bytes of output that the job's earlier attempts have sent as events.
    pub earlier_bytes: i64,
}

/// Shows only the id, because the other fields contain secrets.
impl fmt::Debug for ClaimedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedJob").field("id", &self.job.id).finish_non_exhaustive()
    }
}

/// A request that renews a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatBody {
    /// The name of the worker that holds the lease.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// The new duration of the lease, in seconds from now.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 86_400))]
    pub lease_seconds: i64,
    /// The lease epoch, which the response to the claim contains. Older workers do not send it.
    #[serde(default)]
    pub lease_epoch: Option<i64>,
}

/// A request that ends a lease because the attempt has succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompleteBody {
    /// The name of the worker that holds the lease.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// A summary of the result.
    #[serde(default)]
    pub result_summary: Option<String>,
    /// The lease epoch, which the response to the claim contains. Older workers do not send it.
    #[serde(default)]
    pub lease_epoch: Option<i64>,
    /// The totals of the attempt's output, if the worker sends its complete log.
    #[serde(default)]
    pub totals: Option<ReportedTotals>,
}

/// A request that ends a lease because the attempt has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailBody {
    /// The name of the worker that holds the lease.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// The human-readable reason.
    pub error_message: String,
    /// Whether another attempt may succeed. The default is `false`.
    #[serde(default)]
    pub retryable: Option<bool>,
    /// The lease epoch, which the response to the claim contains. Older workers do not send it.
    #[serde(default)]
    pub lease_epoch: Option<i64>,
    /// The machine-readable reason, if there is one.
    #[serde(default)]
    pub failure_reason: Option<FailureReason>,
    /// The totals of the attempt's output, if the worker sends its complete log.
    #[serde(default)]
    pub totals: Option<ReportedTotals>,
}

/// A request that ends a lease because the worker has stopped a job whose cancellation was requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CancelAckBody {
    /// The name of the worker that holds the lease.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// A message about how the job was stopped.
    #[serde(default)]
    pub message: Option<String>,
    /// The lease epoch, which the response to the claim contains. Older workers do not send it.
    #[serde(default)]
    pub lease_epoch: Option<i64>,
    /// The totals of the attempt's output, if the worker sends its complete log.
    #[serde(default)]
    pub totals: Option<ReportedTotals>,
}

/// A request that appends one event, or a batch of events, to the log of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AppendBody {
    /// The name of the worker that holds the lease.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// The lease epoch, which the response to the claim contains. Older workers do not send it.
    #[serde(default)]
    pub lease_epoch: Option<i64>,
    /// The number of the request within the lease, from 1. A request with the same number as the last one is a
    /// repetition, and stores nothing.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub batch: Option<i64>,
    /// The offset at which the batch's range of output begins, which is where the range of the last batch ended. Only
    /// workers that number the bytes of their output send this member, together with `batch` and `to`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_992_i64))]
    pub from: Option<i64>,
    /// The offset at which the range ends.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_992_i64))]
    pub to: Option<i64>,
    /// The number of bytes in the range that are not in the events. The default is 0.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_992_i64))]
    pub suppressed_bytes: Option<i64>,
    /// The events, if the request is a batch. Only a batch that covers a range of output may have none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 500))]
    pub events: Option<Vec<ReportedEvent>>,
    /// The severity of the event, if the request is not a batch. The default is `info`.
    #[serde(default)]
    pub level: Option<Level>,
    /// The text of the event, if the request is not a batch.
    #[serde(default)]
    pub message: Option<String>,
    /// The bytes of the event's text in base64, for output that is not UTF-8. If this member is set, `message` is
    /// ignored.
    #[serde(default)]
    pub raw: Option<String>,
    /// The machine-readable details of the event, if the request is not a batch.
    #[serde(default)]
    pub payload: Option<Payload>,
}

/// An event that a worker reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportedEvent {
    /// The severity. The default is `info`.
    #[serde(default)]
    pub level: Option<Level>,
    /// The text.
    pub message: String,
    /// The bytes of the text in base64, for output that is not UTF-8. If this member is set, `message` is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The machine-readable details.
    #[serde(default)]
    pub payload: Option<Payload>,
}

/// The response to a batch that covers a range of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AppendedBatch {
    /// The position of the batch's last event. If the batch has no events, the position of the last event before it.
    pub last_seq: Seq,
}

/// A request that sends output for the complete log. No event contains this output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OutputBody {
    /// The name of the worker that holds the lease.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub worker_id: String,
    /// The lease epoch, which the response to the claim contains.
    #[serde(default)]
    pub lease_epoch: Option<i64>,
    /// The output, as events of the kind `log`, in the order of their offsets. It may be empty.
    pub chunks: Vec<ReportedEvent>,
}

/// How much of an attempt's output the server has stored in the complete log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredBytes {
    /// The number of bytes.
    pub bytes: i64,
}

/// The totals of an attempt's output, as the worker reports them when the attempt ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportedTotals {
    /// The exit code of the step that decided the attempt's result, if there is one.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// The number of bytes of the complete log.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_992_i64))]
    pub bytes: i64,
    /// The number of bytes that were not sent as events.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_992_i64))]
    pub suppressed_bytes: i64,
    /// The number of masks.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 9_007_199_254_740_992_i64))]
    pub redactions: i64,
    /// The number of masks that each rule has caused, by the rule's id. A rule recognises secrets by their format.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::counts_by_rule))]
    pub redactions_by_rule: BTreeMap<String, i64>,
    /// SHA-256 of the complete log, in hexadecimal.
    pub log_sha256: String,
}
