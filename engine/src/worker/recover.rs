//! Ends the attempts of a worker that died.
//!
//! Recovery kills the remaining processes and repairs the spool. If the database contains output that the spool lacks,
//! recovery restores that output. It then ships the remaining output under the old epoch, and removes files that are
//! not recorded as artifacts. Finally, it ends the lease and marks the attempt as interrupted. Until then, the old
//! lease remains in effect, so no other worker can claim the job.

use std::io;
use std::time::Duration;

use model::{FailureReason, Seq};
use redact::Redacted;
use tokio::task::spawn_blocking;

use super::link::{Link, LinkError};
use super::process::{ProcessMarker, kill_marked};
use super::run;
use super::ship::{LifecycleEvents, Progress, Shipper};
use super::{Host, WorkerConfig};
use crate::event_log::{Lease, OutputCursor, RedactionCounts, StoredOutput, StoredOutputPage};
use crate::fail_point::FailPoint;
use crate::queue::{Abandoned, Claimed, Ending, Finish, NewArtifact};
use crate::spool::{HeldPieces, SpoolWriter};
use crate::task::task_error;

/// The error for an attempt that could not be ended.
#[derive(Debug, thiserror::Error)]
enum RecoverError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("failed to read the stored output: {0}")]
    Unreadable(#[source] io::Error),
    #[error("failed to write the stored output: {0}")]
    Unwritable(#[source] io::Error),
    #[error("failed to look for the attempt's processes: {0}")]
    Processes(#[source] io::Error),
}

/// Ends every attempt that an earlier run of this worker left running. An attempt that cannot be ended does not prevent
/// the others from being ended. Returns whether all attempts were ended. If `last_try` is `true`, an attempt whose
/// spool cannot be read is ended anyway, and its spool is left unchanged.
pub(super) async fn recover<L: Link>(link: &L, config: &WorkerConfig, last_try: bool) -> Result<bool, LinkError> {
    let mut all = true;
    for abandoned in link.abandoned().await? {
        let (job, left) = (abandoned.claimed.lease.job, abandoned.clone());
        let ended = match end(link, config, abandoned).await {
            Err(RecoverError::Unreadable(error)) if last_try => {
                end_without_spool(link, config.host, left, &error).await
            }
            ended => ended,
        };
        match ended {
            Ok(()) => tracing::info!(%job, "finished an attempt that an earlier run of the server left unfinished"),
            Err(error) => {
                all = false;
                tracing::error!(%job, %error, "an attempt that an earlier run of the server left unfinished cannot be finished yet");
            }
        }
    }
    Ok(all)
}

async fn end<L: Link>(link: &L, config: &WorkerConfig, abandoned: Abandoned) -> Result<(), RecoverError> {
    let Abandoned { claimed, shipped, suppressed, last_batch } = abandoned;
    let (lease, worker) = (claimed.lease, claimed.worker.clone());
    link.heartbeat(lease).await?;
    let marker = ProcessMarker::new(lease.job, lease.attempt);
    let killed = spawn_blocking(move || kill_marked(&marker)).await;
    killed.map_err(|error| RecoverError::Processes(task_error(error)))?;
    FailPoint::OrphansKilled.reached();
    run::remove_workspace(&run::attempt_folder(config, lease));
    let mut spool = config.spools.recover(lease.job, lease.attempt).map_err(RecoverError::Unreadable)?;
    FailPoint::SpoolMended.reached();
    complete(link, &mut spool, &claimed, shipped).await?;
    spool.end_step().map_err(RecoverError::Unwritable)?;
    FailPoint::SpoolCompleted.reached();
    let progress = Progress { batch: last_batch, offset: shipped, suppressed, earlier: claimed.sent_before };
    let progress = tokio::select! {
        progress = ship_rest(link, config, &spool, &claimed, progress) => progress?,
        () = keep_lease(link, lease, config.lease) => unreachable!("a lease is kept until this future is dropped"),
    };
    FailPoint::RestShipped.reached();
    link.sweep(lease).await?;
    let message = Redacted::literal(match config.host {
        Host::Server => "the server stopped while the job was running",
        Host::Worker => "the worker stopped while the job was running",
    });
    let ending = Ending::Failed { reason: FailureReason::Interrupted, message };
    let mut redactions = RedactionCounts::default();
    redactions.add(&spool.count_masks().map_err(RecoverError::Unreadable)?);
    let totals = run::totals(&spool, progress, redactions);
    let artifacts = vec![NewArtifact::log(&totals)];
    run::finish(link, Finish { lease, worker, ending, totals, artifacts }).await;
    Ok(())
}

/// Renews the lease while the rest of the output is sent. Never returns.
async fn keep_lease<L: Link>(link: &L, lease: Lease, duration: Duration) {
    loop {
        tokio::time::sleep(duration / 8).await;
        if let Err(error) = link.heartbeat(lease).await {
            tracing::warn!(job = %lease.job, %error, "a lease could not be renewed");
        }
    }
}

/// Ends an attempt whose spool cannot be read, so that its job does not wait forever. Output that is stored as events
/// remains available. The spool is not changed, so that an operator can examine it.
async fn end_without_spool<L: Link>(
    link: &L,
    host: Host,
    left: Abandoned,
    error: &io::Error,
) -> Result<(), RecoverError> {
    let Abandoned { claimed, shipped, suppressed, .. } = left;
    let (lease, worker) = (claimed.lease, claimed.worker);
    tracing::error!(job = %lease.job, %error, "the stored output of a job cannot be read; the attempt is finished without it");
    link.sweep(lease).await?;
    let message = Redacted::literal(match host {
        Host::Server => "the server stopped while the job was running, and the stored output cannot be read",
        Host::Worker => "the worker stopped while the job was running, and the stored output cannot be read",
    });
    let ending = Ending::Failed { reason: FailureReason::Interrupted, message };
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut totals = run::nothing_printed();
    (totals.bytes, totals.suppressed_bytes) = (signed(shipped), signed(suppressed));
    run::finish(link, Finish { lease, worker, ending, totals, artifacts: Vec::new() }).await;
    Ok(())
}

/// Appends to the spool the output that is stored in the database but missing at the end of the spool. Output may be
/// sent before the spool is synced, so after a power failure, the spool may lack output that was already sent.
async fn complete<L: Link>(
    link: &L,
    spool: &mut SpoolWriter,
    claimed: &Claimed,
    shipped: u64,
) -> Result<(), RecoverError> {
    let end = spool.end().bytes;
    if shipped <= end {
        return Ok(());
    }
    let mut from = OutputCursor { after: Seq::START, offset: i64::try_from(end).unwrap_or(i64::MAX) };
    let mut held = HeldPieces::default();
    loop {
        let StoredOutputPage { chunks, has_more } = link.stored_output(claimed.lease, from).await?;
        from.after = chunks.last().map_or(from.after, |chunk| chunk.seq);
        held.add(StoredOutput::pieces(chunks));
        held.append_to(spool).map_err(RecoverError::Unwritable)?;
        if !has_more || held.is_full() {
            break;
        }
    }
    if !held.is_empty() {
        // The output between the end of the spool and the next piece was suppressed, so it is not in the database
        // either. If live output is enabled, output is synced before it is suppressed. It can therefore be missing here
        // only if the disk has lost data that it reported as synced.
        tracing::error!(job = %claimed.lease.job, "the disk lost output that had not been sent; the output after it is lost too");
    }
    Ok(())
}

async fn ship_rest<L: Link>(
    link: &L,
    config: &WorkerConfig,
    spool: &SpoolWriter,
    claimed: &Claimed,
    progress: Progress,
) -> Result<Progress, RecoverError> {
    // A job whose payload cannot be parsed has never run, so there is no output to ship.
    let Ok(command) = claimed.payload.command() else { return Ok(progress) };
    let names = run::names(&command, claimed.lease.attempt, &claimed.redactor);
    let lifecycle_events = LifecycleEvents::new();
    lifecycle_events.close();
    let origins = names.into_iter().map(|name| name.origin).collect();
    let reader = spool.reader().map_err(RecoverError::Unreadable)?;
    let shipper = Shipper::new((link.clone(), claimed.lease), reader, origins, config.live, lifecycle_events, progress);
    Ok(shipper.run(spool.subscribe()).await?)
}
