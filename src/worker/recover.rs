//! Ends the attempts of a worker that died.
//!
//! The order is: kill the processes that are still running, repair the spool, complete it from the stored events if
//! they extend beyond it, ship the rest under the old epoch, remove stored files that are not listed, and only then end
//! the lease, with the attempt marked as interrupted. Nobody can claim the job in between, because it is running under
//! the old lease until the last step.

use redact::Redacted;

use super::WorkerConfig;
use super::link::InProcess;
use super::process::{ProcessMarker, kill_marked};
use super::run;
use super::ship::{Milestones, Progress, ShipError, Shipper};
use super::spool::{self, Source, Spool};
use crate::event_log::ReadError;
use crate::fail_point::FailPoint;
use crate::model::FailureReason;
use crate::queue::{Abandoned, Ending, Finish, QueueError};

/// Why an attempt could not be ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecoverError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Ship(#[from] ShipError),
    #[error("the spool cannot be mended: {0}")]
    Spool(#[from] std::io::Error),
}

/// Ends every attempt that an embedded worker other than `worker` left running. An attempt that cannot be ended does
/// not prevent the others from being ended. Returns whether all were ended.
pub(super) async fn recover(link: &InProcess, worker: &Redacted, config: &WorkerConfig) -> Result<bool, QueueError> {
    let mut all = true;
    for abandoned in link.queue.abandoned(worker).await? {
        let job = abandoned.claimed.lease.job;
        match end(link, config, abandoned).await {
            Ok(()) => tracing::info!(%job, "ended a job that an earlier run of the server left"),
            Err(error) => {
                all = false;
                tracing::error!(%job, %error, "a job that an earlier run of the server left could not be ended yet");
            }
        }
    }
    Ok(all)
}

async fn end(link: &InProcess, config: &WorkerConfig, abandoned: Abandoned) -> Result<(), RecoverError> {
    let Abandoned { claimed, shipped, suppressed, last_batch } = abandoned;
    let (lease, worker) = (claimed.lease, claimed.worker.clone());
    let marker = ProcessMarker::new(lease.job, lease.attempt);
    tokio::task::spawn_blocking(move || kill_marked(&marker)).await.map_err(std::io::Error::other)?;
    FailPoint::OrphansKilled.reached();
    run::remove_workspace(&run::workspace(config, lease));
    let mut spool = Spool::recover(&config.data_dir.join(spool::folder(lease.job, lease.attempt)))?;
    FailPoint::SpoolMended.reached();
    complete(link, &mut spool, &claimed, shipped).await?;
    spool.end_step()?;
    FailPoint::SpoolCompleted.reached();
    let progress = Progress { batch: last_batch, offset: shipped, suppressed, earlier: claimed.sent_before };
    let progress = ship_rest(link, config, &spool, &claimed, progress).await?;
    FailPoint::RestShipped.reached();
    let listed = link.queue.artifact_paths(lease).await?.into_iter().collect();
    config.artifacts.sweep(lease.job, lease.attempt, &listed)?;
    let message = Redacted::literal("the server ended while the job ran");
    let ending = Ending::Failed { reason: FailureReason::Interrupted, message };
    let totals = run::totals(&spool, progress, spool.count_masks()?);
    let artifacts = vec![run::log_artifact(lease, &totals)];
    run::finish(link, Finish { lease, worker, ending, totals, artifacts }).await;
    Ok(())
}

/// Completes the spool from stored events beyond its end: after a power failure the database may contain more than the
/// file.
async fn complete(
    link: &InProcess,
    spool: &mut Spool,
    claimed: &crate::queue::Claimed,
    shipped: u64,
) -> Result<(), RecoverError> {
    let end = spool.end().bytes;
    if shipped <= end {
        return Ok(());
    }
    let from = i64::try_from(end).unwrap_or(i64::MAX);
    let stored = link.log.stored_output(claimed.lease.job, claimed.lease.attempt, from).await?;
    let mut pieces = Vec::new();
    for output in stored {
        let mut rest = output.text;
        for segment in output.payload.segments().iter() {
            let after = rest.split_off(usize::try_from(segment.1).unwrap_or(usize::MAX).min(rest.len()));
            pieces.push((segment.0, output.payload.clone(), std::mem::replace(&mut rest, after)));
        }
    }
    pieces.sort_by_key(|(offset, ..)| *offset);
    for (offset, payload, mut text) in pieces {
        let have = i64::try_from(spool.end().bytes).unwrap_or(i64::MAX) - offset;
        if have < 0 {
            // A gap covers only synced output, so this happens only if the disk has lost data that it reported as
            // synced.
            tracing::error!(job = %claimed.lease.job, "the disk lost output that was not sent; what came after it is lost too");
            break;
        }
        let missing = text.split_off(usize::try_from(have).unwrap_or(0).min(text.len()));
        spool.append(Source { step: payload.step(), stream: payload.stream }, &missing, payload.time)?;
    }
    Ok(())
}

async fn ship_rest(
    link: &InProcess,
    config: &WorkerConfig,
    spool: &Spool,
    claimed: &crate::queue::Claimed,
    progress: Progress,
) -> Result<Progress, RecoverError> {
    // A payload that cannot be parsed never ran, so there is no output to ship.
    let Ok(command) = claimed.payload.command() else { return Ok(progress) };
    let names = run::names(&command, claimed.lease.attempt, &claimed.redactor);
    let milestones = Milestones::new();
    milestones.close();
    let origins = names.into_iter().map(|name| name.origin).collect();
    let shipper =
        Shipper::new((link.clone(), claimed.lease), spool.reader()?, origins, config.live, milestones, progress);
    Ok(shipper.run(spool.subscribe()).await?)
}
