//! What the pages' server functions do.

use crate::model::{Job, JobStatus, JobsPage, NewJob};
use crate::rpc::{JobPage, RpcError};

/// See [`crate::rpc::list_jobs`].
pub async fn list_jobs(_status: Option<JobStatus>, _q: Option<String>, _offset: i64) -> Result<JobsPage, RpcError> {
    Err(RpcError::Transport("not yet".into()))
}

/// See [`crate::rpc::job_page`].
pub async fn job_page(_id: &str) -> Result<JobPage, RpcError> {
    Err(RpcError::Transport("not yet".into()))
}

/// See [`crate::rpc::submit_job`].
pub async fn submit_job(_job: NewJob) -> Result<Job, RpcError> {
    Err(RpcError::Transport("not yet".into()))
}

/// See [`crate::rpc::cancel_job`].
pub async fn cancel_job(_id: &str, _reason: Option<String>) -> Result<Job, RpcError> {
    Err(RpcError::Transport("not yet".into()))
}

/// See [`crate::rpc::resubmit_job`].
pub async fn resubmit_job(_id: &str) -> Result<Job, RpcError> {
    Err(RpcError::Transport("not yet".into()))
}
