//! Compresses the output of finished attempts: in the background, one file at a time, at the lowest priority.
//!
//! The database records which logs are compressed, so that work interrupted by a crash is resumed. The compressed file
//! is written under a temporary name, synced and renamed before the original is removed, so at any moment at least one
//! of the two is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::file::{compressed_path, open};
use super::frames;
use crate::fail_point::FailPoint;
use crate::queue::{Queue, QueueError};
use crate::worker::spool::OUTPUT_IDX;

/// How long to wait after an attempt has ended, so that a burst of small jobs is handled in one pass.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// How long to wait after a failure. A full disk, for example, is unlikely to have free space at once.
const REST: Duration = Duration::from_mins(1);

/// Bytes compressed between two checks for cancellation.
const BLOCK: usize = 256 << 10;

/// The lowest scheduling priority, so that compression uses only the CPU time that jobs and readers leave.
const LOWEST_PRIORITY: i32 = 19;

/// Compresses logs until `shutdown`. A file that is interrupted half-way is compressed from its beginning after the
/// next start.
pub async fn run(queue: Queue, data_dir: PathBuf, shutdown: CancellationToken) {
    loop {
        // Register before looking, so that an attempt that ends in between is not missed.
        let ended = queue.attempt_ended();
        tokio::pin!(ended);
        ended.as_mut().enable();
        let rest = match compress_next(&queue, &data_dir, &shutdown).await {
            Ok(Done::One) => continue,
            Ok(Done::Nothing) => None,
            Err(error) => {
                tracing::warn!(%error, "failed to compress a log; it stays uncompressed for now");
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

/// Whether there was something to compress.
enum Done {
    One,
    Nothing,
}

/// Why a log was not compressed.
#[derive(Debug, thiserror::Error)]
enum CompressError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn compress_next(queue: &Queue, data_dir: &Path, shutdown: &CancellationToken) -> Result<Done, CompressError> {
    let Some(log) = queue.next_uncompressed().await? else { return Ok(Done::Nothing) };
    if shutdown.is_cancelled() {
        return Ok(Done::Nothing);
    }
    let text = data_dir.join(&log.path);
    let index = text.with_file_name(OUTPUT_IDX);
    match in_background(vec![index, text], shutdown).await {
        Ok(stored) => queue.compressed(log.artifact.id, stored).await?,
        // The log's files have been removed, so there is nothing to compress.
        Err(_) if shutdown.is_cancelled() => return Ok(Done::Nothing),
        Err(error) if error.kind() == io::ErrorKind::NotFound => queue.compressed(log.artifact.id, 0).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(Done::One)
}

/// Compresses files in a thread of the lowest priority and returns their total compressed size.
async fn in_background(paths: Vec<PathBuf>, shutdown: &CancellationToken) -> io::Result<u64> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, mut receiver) = oneshot::channel();
    let stopped = Arc::clone(&stop);
    std::thread::Builder::new().name("compress".into()).spawn(move || {
        // A `None` pid means the calling thread. The work also succeeds if its priority cannot be lowered.
        rustix::process::setpriority_process(None, LOWEST_PRIORITY).ok();
        let sizes = paths.iter().map(|path| compress(path, &stopped));
        sender.send(sizes.sum::<io::Result<u64>>()).ok();
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

/// Replaces a file by its compressed form and returns the compressed size. A file that is already compressed is left
/// alone.
pub fn compress(path: &Path, stop: &AtomicBool) -> io::Result<u64> {
    let compressed = compressed_path(path);
    let Some(plain) = open(path)? else { return Ok(fs::metadata(compressed)?.len()) };
    let mut aside = compressed.clone().into_os_string();
    aside.push(".new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    let written = write_frames(plain, &file, stop).and_then(|size| file.sync_all().map(|()| size));
    let size = match written.and_then(|size| fs::rename(&aside, &compressed).map(|()| size)) {
        Ok(size) => size,
        Err(error) => {
            // Do not leave a partial file behind on a disk that may be full.
            fs::remove_file(&aside).ok();
            return Err(error);
        }
    };
    sync_folder(path)?;
    FailPoint::Compressed.reached();
    fs::remove_file(path)?;
    FailPoint::OriginalRemoved.reached();
    Ok(size)
}

fn write_frames(mut plain: File, file: &File, stop: &AtomicBool) -> io::Result<u64> {
    let mut encoder = frames::encoder(file)?;
    let mut block = vec![0; BLOCK];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let read = plain.read(&mut block)?;
        if read == 0 {
            break;
        }
        encoder.write_all(&block[..read])?;
    }
    encoder.finish().map_err(io::Error::other)
}

/// Makes the new name durable before the original is removed.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
