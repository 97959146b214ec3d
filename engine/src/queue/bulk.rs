//! Applies an action to all jobs that match a filter.
//!
//! The jobs are looked up once. Each job is then changed in its own transaction, as by a separate request. A job whose
//! state has changed in the meantime is skipped.
//!
//! A job that has been resubmitted already is not resubmitted again unless the request asks for it, so that a repeated
//! request does not run the same jobs once more. A copy is a job of its own, so a copy that has failed is resubmitted.

use futures_util::{StreamExt, stream};
use model::{BulkAction, BulkFilter, BulkReply, BulkRequest, JobId, JobStatus, Resubmission, Timestamp, UnchangedJob};

use super::store::{self, Resubmitted};
use super::submission::check_reason;
use super::{JobsFilter, Queue, QueueError};
use crate::artifacts::ArtifactStore;
use crate::clock;
use crate::spool::Spools;

/// The maximum number of jobs that a request changes. If more jobs match, clients repeat the request.
const MAX_JOBS: i64 = 10_000;

/// The number of jobs that are changed at the same time, so that several transactions can be committed together.
const AT_ONCE: usize = 32;

/// The maximum number of unchanged jobs in a response. There are usually only a few different reasons, so a client does
/// not need all of these jobs.
const MAX_LISTED: usize = 100;

/// The result of the action on one job.
enum Changed {
    Done,
    /// The action no longer applies to the job.
    Skipped(QueueError),
    Failed(QueueError),
}

impl Changed {
    fn of(changed: Result<(), QueueError>) -> Self {
        match changed {
            Ok(()) => Self::Done,
            Err(
                error @ (QueueError::NoSuchJob(_)
                | QueueError::StateConflict { .. }
                | QueueError::AlreadyResubmitted(_)
                | QueueError::NotFinished { .. }),
            ) => Self::Skipped(error),
            Err(error) => Self::Failed(error),
        }
    }
}

impl Queue {
    /// Applies an action to all matching jobs, at most [`MAX_JOBS`] of them. If the request is a dry run, only counts
    /// them.
    pub async fn bulk(
        &self,
        request: BulkRequest,
        by: &str,
        artifacts: &ArtifactStore,
        spools: &Spools,
    ) -> Result<BulkReply, QueueError> {
        let BulkRequest { action, filter, reason, include_resubmitted, dry_run } = request;
        reason.as_deref().map_or(Ok(()), check_reason)?;
        let resubmitted = match action {
            BulkAction::Resubmit if !include_resubmitted => Resubmitted::Excluded,
            BulkAction::Cancel | BulkAction::Resubmit | BulkAction::Remove => Resubmitted::Included,
        };
        let now = clock::now();
        let (mut jobs, mut resubmissions) = self.matching(action, filter, resubmitted, now).await?;
        let has_more = jobs.len() > usize::try_from(MAX_JOBS).unwrap_or(usize::MAX);
        jobs.truncate(usize::try_from(MAX_JOBS).unwrap_or(usize::MAX));
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let (matched, ignored) = (count(jobs.len()), count(resubmissions.len()));
        resubmissions.truncate(MAX_LISTED);
        let mut reply =
            BulkReply { matched, resubmitted: ignored, resubmissions, has_more, before: now, ..BulkReply::default() };
        if dry_run {
            return Ok(reply);
        }
        // Jobs are resubmitted one at a time, so that the new jobs are queued in the order of the original ones.
        let at_once = if action == BulkAction::Resubmit { 1 } else { AT_ONCE };
        let change = |job| {
            let (queue, by, reason) = (self.clone(), by.to_owned(), reason.clone());
            let (artifacts, spools) = (artifacts.clone(), spools.clone());
            async move {
                let changed = match action {
                    BulkAction::Cancel => queue.cancel(job, &by, reason).await.map(drop),
                    BulkAction::Resubmit => queue.run_again(job, &by, resubmitted).await.map(drop),
                    BulkAction::Remove => queue.remove(job, &artifacts, &spools).await,
                };
                (job, Changed::of(changed))
            }
        };
        let mut changes = stream::iter(jobs).map(change).buffer_unordered(at_once);
        while let Some((id, changed)) = changes.next().await {
            if let Changed::Skipped(error) | Changed::Failed(error) = &changed
                && reply.unchanged.len() < MAX_LISTED
            {
                reply.unchanged.push(UnchangedJob { id, reason: reason_of(error) });
            }
            match changed {
                Changed::Done => reply.done += 1,
                Changed::Skipped(_) => reply.skipped += 1,
                Changed::Failed(error) => {
                    tracing::warn!(%error, action = action.as_str(), "an action on several jobs has failed for one of them");
                    reply.failed += 1;
                    reply.error.get_or_insert_with(|| reason_of(&error));
                    // The action would fail for the remaining jobs too, and the client can repeat the request later.
                    if matches!(error, QueueError::Full(_) | QueueError::Db(_)) {
                        break;
                    }
                }
            }
        }
        Ok(reply)
    }

    /// Returns the ids of the matching jobs, oldest first. If more than [`MAX_JOBS`] jobs match, returns one additional
    /// id. Also returns the jobs, at most [`MAX_JOBS`], that `resubmitted` excludes.
    async fn matching(
        &self,
        action: BulkAction,
        filter: BulkFilter,
        resubmitted: Resubmitted,
        now: Timestamp,
    ) -> Result<(Vec<JobId>, Vec<Resubmission>), QueueError> {
        let BulkFilter { status, kind, q, user, created_after, created_before } = filter;
        let statuses = statuses_of(action, status);
        if statuses.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let filter = JobsFilter {
            statuses,
            kind,
            text: q,
            user,
            created_after,
            created_before: Some(created_before.map_or(now, |before| before.min(now))),
            limit: MAX_JOBS,
            ..JobsFilter::default()
        };
        let mut connection = self.db.reader().await?;
        let jobs = store::matching(&mut connection, &filter, resubmitted).await?;
        let excluded = match resubmitted {
            Resubmitted::Included => Vec::new(),
            Resubmitted::Excluded => store::resubmissions(&mut connection, &filter).await?,
        };
        Ok((jobs, excluded))
    }
}

/// Returns why a job was not changed. The cause of a failure of the server itself is written only to the server's log.
fn reason_of(error: &QueueError) -> String {
    match error {
        QueueError::Db(_) => "the database is not available; the server's log says why".to_owned(),
        QueueError::Files(_) => "the files of the job could not be removed; the server's log says why".to_owned(),
        error => error.to_string(),
    }
}

/// Returns the statuses to which the action applies. If statuses were requested, returns only those among them.
fn statuses_of(action: BulkAction, requested: Option<Vec<JobStatus>>) -> Vec<JobStatus> {
    let mut statuses = requested.filter(|statuses| !statuses.is_empty()).unwrap_or_else(|| JobStatus::ALL.to_vec());
    statuses.retain(|status| action.applies_to(*status));
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_applied_only_to_statuses_that_permit_it() {
        use JobStatus::{Cancelled, DeadLetter, Failed, Queued, Running, Succeeded};
        assert_eq!(statuses_of(BulkAction::Cancel, None), [Queued, Running]);
        assert_eq!(statuses_of(BulkAction::Cancel, Some(vec![Failed])), []);
        assert_eq!(statuses_of(BulkAction::Remove, Some(Vec::new())), [Succeeded, Failed, Cancelled, DeadLetter]);
        assert_eq!(statuses_of(BulkAction::Resubmit, Some(vec![Running, Failed])), [Failed]);
    }
}
