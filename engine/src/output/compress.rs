//! Compresses the output of finished attempts in the background, one file after another, at the lowest priority.
//!
//! The database records which outputs are compressed, so that compression continues with the remaining outputs after a
//! crash.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::JobId;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Outputs;
use crate::queue::QueueError;
use crate::spool::Spools;

/// The delay between the end of an attempt and the search for outputs to compress. If many small jobs end within this
/// delay, a single search finds all of their outputs.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// The delay after a failure. A full disk, for example, is unlikely to have free space again immediately.
const REST: Duration = Duration::from_mins(1);

/// The lowest scheduling priority, so that compression uses only the CPU time that jobs and readers leave unused.
const LOWEST_PRIORITY: i32 = 19;

/// Compresses outputs until `shutdown` is cancelled. If the cancellation interrupts the compression of a file, that
/// file is compressed from the beginning after the next start.
pub(super) async fn run(outputs: &Outputs, shutdown: CancellationToken) {
    loop {
        // Register for notifications before looking for outputs, so that an attempt that finishes in between is not
        // missed.
        let ended = outputs.queue.attempt_ended();
        tokio::pin!(ended);
        ended.as_mut().enable();
        let rest = match compress_next(outputs, &shutdown).await {
            Ok(Done::One) => continue,
            Ok(Done::Nothing) => None,
            Err(error) => {
                tracing::warn!(%error, "failed to compress an output; it stays uncompressed for now");
                Some(REST)
            }
        };
        let wake = async {
            if let Some(rest) = rest {
                return tokio::time::sleep(rest).await;
            }
            ended.await;
            tokio::time::sleep(LOOK_AFTER).await;
        };
        tokio::select! {
            () = wake => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Whether an output was compressed.
enum Done {
    One,
    Nothing,
}

/// The error returned when an output cannot be compressed.
#[derive(Debug, thiserror::Error)]
enum CompressError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn compress_next(outputs: &Outputs, shutdown: &CancellationToken) -> Result<Done, CompressError> {
    let Outputs { queue, spools, .. } = outputs;
    let Some(log) = queue.next_uncompressed().await? else { return Ok(Done::Nothing) };
    if shutdown.is_cancelled() {
        return Ok(Done::Nothing);
    }
    let of = (log.artifact.job_id, log.artifact.attempt);
    match in_background(spools.clone(), of, shutdown).await {
        Ok(stored) => queue.compressed(log.artifact.id, stored).await?,
        Err(_) if shutdown.is_cancelled() => return Ok(Done::Nothing),
        // The spool has been removed, so there is nothing to compress.
        Err(error) if error.kind() == io::ErrorKind::NotFound => queue.compressed(log.artifact.id, 0).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(Done::One)
}

/// Compresses a spool in a thread with the lowest priority. Returns the spool's compressed size in bytes.
async fn in_background(spools: Spools, (job, attempt): (JobId, i32), shutdown: &CancellationToken) -> io::Result<u64> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, mut receiver) = oneshot::channel();
    let stopped = Arc::clone(&stop);
    std::thread::Builder::new().name("compress".into()).spawn(move || {
        // A `None` pid means the calling thread. If the priority cannot be lowered, compression runs at normal
        // priority.
        rustix::process::setpriority_process(None, LOWEST_PRIORITY).ok();
        sender.send(spools.compress(job, attempt, &stopped)).ok();
    })?;
    let stored = tokio::select! {
        stored = &mut receiver => stored,
        () = shutdown.cancelled() => {
            stop.store(true, Ordering::Relaxed);
            receiver.await
        }
    };
    stored.map_err(io::Error::other)?
}
