//! Replaces a file with its compressed form.
//!
//! The compressed file is written under a temporary name, synced and renamed before the original is removed, so at
//! least one of the two files is complete at any time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{compressed_path, frames, open};
use crate::fail_point::FailPoint;

/// The number of bytes that are compressed between two checks for cancellation.
const BLOCK: usize = 256 << 10;

/// Replaces a file with its compressed form and returns the compressed size. A file that is already compressed is not
/// changed. Setting `stop` cancels the compression, which then fails with [`io::ErrorKind::Interrupted`].
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

/// Syncs the directory that contains the file, so that the compressed file's new name is durable before the original is
/// removed.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
