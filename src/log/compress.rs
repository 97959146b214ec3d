//! Compressing what finished attempts have printed: in the background, one file at a time, and never in anybody's way.
//!
//! The database remembers what is done, so that what a crash left over is taken up again. A file is written aside, synced
//! and renamed before the original goes: whatever happens, one of the two is whole.

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

/// After an attempt's end, so that a burst of small jobs is looked at once.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// How long nothing is tried after a failure: a full disk does not empty itself at once.
const REST: Duration = Duration::from_mins(1);

/// Bytes between two looks at whether to stop.
const BLOCK: usize = 256 << 10;

/// The lowest priority there is: what jobs and readers leave of the processors.
const LOWEST_PRIORITY: i32 = 19;

/// Compresses logs until `shutdown`; a file that is half done is begun anew at the next start.
pub async fn run(queue: Queue, data_dir: PathBuf, shutdown: CancellationToken) {
    loop {
        // Registered before looking, so that an attempt that ends in between is not missed.
        let ended = queue.attempt_ended();
        tokio::pin!(ended);
        ended.as_mut().enable();
        let rest = match compress_next(&queue, &data_dir, &shutdown).await {
            Ok(Done::One) => continue,
            Ok(Done::Nothing) => None,
            Err(error) => {
                tracing::warn!(%error, "a log could not be compressed and stays as it is for now");
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

/// Whether there was something to do.
enum Done {
    One,
    Nothing,
}

/// Why nothing was compressed.
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
        // Somebody has removed it: there is nothing to compress, today or later.
        Err(_) if shutdown.is_cancelled() => return Ok(Done::Nothing),
        Err(error) if error.kind() == io::ErrorKind::NotFound => queue.compressed(log.artifact.id, 0).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(Done::One)
}

/// Compresses files in a thread of the lowest priority; returns how many bytes they take now.
async fn in_background(paths: Vec<PathBuf>, shutdown: &CancellationToken) -> io::Result<u64> {
    let stop = Arc::new(AtomicBool::new(false));
    let (told, mut hears) = oneshot::channel();
    let stopped = Arc::clone(&stop);
    std::thread::Builder::new().name("compress".into()).spawn(move || {
        // 0 is the calling thread, and a thread that cannot be made modest works all the same.
        rustix::process::setpriority_process(None, LOWEST_PRIORITY).ok();
        let sizes = paths.iter().map(|path| compress(path, &stopped));
        told.send(sizes.sum::<io::Result<u64>>()).ok();
    })?;
    let stored = tokio::select! {
        stored = &mut hears => stored,
        () = shutdown.cancelled() => {
            stop.store(true, Ordering::Relaxed);
            hears.await
        }
    };
    stored.map_err(io::Error::other)?
}

/// Puts the compressed form of a file in its place; returns its size. What is compressed already stays as it is.
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
            // A disk that is full has better uses for it.
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

/// Makes the new name survive a power cut before the old one goes.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
