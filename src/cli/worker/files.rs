//! Transfers the files of jobs: receives their input, and sends their artifacts.
//!
//! The calls block the attempt's thread. A failed transfer is repeated from the beginning, unless the attempt was
//! stopped.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use engine::artifacts::Stored;
use engine::event_log::Lease;
use engine::worker::link::{FileToKeep, Files, LinkError};
use futures_util::{StreamExt, stream};
use model::backoff::Backoff;
use model::{Artifact, ArtifactId, JobInput};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::link::{HttpLink, link_error, retry};

/// The name of the directory in the worker's directory that contains the inputs of running jobs.
pub(super) const INPUTS: &str = "inputs";

/// The size of the blocks in which files are read, in bytes.
const BLOCK: usize = 256 << 10;

/// The maximum number of blocks that wait to be sent. It bounds the memory of an upload.
const WAITING: usize = 4;

/// The delays between retries of a transfer.
const WAITS: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The interval at which a transfer that waits for its next retry checks whether the attempt was stopped.
const CHECK: Duration = Duration::from_millis(200);

/// The maximum number of times that a download is repeated because its checksum was wrong.
const MAX_DAMAGED: u32 = 2;

/// The error for input files that could not be received.
#[derive(Debug, thiserror::Error)]
enum DownloadError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the checksum is wrong")]
    Damaged,
}

/// The files of one attempt.
#[derive(Debug)]
pub(super) struct HttpFiles {
    link: HttpLink,
    lease: Lease,
    runtime: Handle,
}

impl HttpFiles {
    pub(super) fn new(link: HttpLink, lease: Lease) -> Self {
        Self { link, lease, runtime: Handle::current() }
    }

    /// Returns the path of the file that contains the attempt's input.
    fn input_path(&self) -> PathBuf {
        let Lease { job, attempt, .. } = self.lease;
        self.link.worker_dir().join(INPUTS).join(format!("{job}-{attempt}"))
    }

    /// Repeats a transfer until it succeeds or fails permanently, or until the attempt is stopped.
    fn repeat<T>(
        &self,
        go_on: &dyn Fn() -> bool,
        mut transfer: impl FnMut() -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        let mut waits = WAITS;
        loop {
            match transfer() {
                Err(LinkError::Retry(error)) => {
                    tracing::warn!(job = %self.lease.job, %error, "a file could not be transferred; retrying");
                    let mut left = waits.next_wait();
                    while !left.is_zero() {
                        if !go_on() {
                            return Err(LinkError::Retry(error));
                        }
                        thread::sleep(left.min(CHECK));
                        left = left.saturating_sub(CHECK);
                    }
                }
                done => return done,
            }
        }
    }

    fn download(&self, input: &JobInput) -> Result<PathBuf, DownloadError> {
        let path = self.input_path();
        let folder = path.parent().map_or_else(PathBuf::new, PathBuf::from);
        engine::files::private_folder(&folder).map_err(retry)?;
        let mut file = File::create(&path).map_err(retry)?;
        let job = self.lease.job;
        let (client, mut sum) = (self.link.client(), Sha256::new());
        self.runtime.block_on(async {
            let request = client.request(Method::GET, &format!("/jobs/{job}/input"));
            let mut reply = client.send(request).await.map_err(|error| link_error(job, &error))?;
            while let Some(chunk) = client.chunk(&mut reply).await.map_err(|error| link_error(job, &error))? {
                sum.update(chunk.as_ref());
                file.write_all(chunk.as_ref()).map_err(retry)?;
            }
            Ok::<_, LinkError>(())
        })?;
        if hex::encode(sum.finalize()) == input.sha256 { Ok(path) } else { Err(DownloadError::Damaged) }
    }

    fn upload(&self, about: &FileToKeep<'_>, content: &mut File, bytes: u64) -> Result<Stored, LinkError> {
        let (job, client) = (self.lease.job, self.link.client().clone());
        let (blocks, received) = mpsc::channel::<io::Result<Vec<u8>>>(WAITING);
        let (digest, sum) = oneshot::channel::<String>();
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let received = stream::unfold(received, |mut received| async move { Some((received.recv().await?, received)) });
        let received = received.inspect(move |block| {
            let length = block.as_ref().map_or(0, Vec::len);
            counter.fetch_add(length as u64, Ordering::Relaxed);
        });
        // The digest is known only after the file has been read, so the digest is sent after the file, in another part
        // of the multipart body.
        let digest_part = stream::once(async move { sum.await.map_err(io::Error::other) });
        let mime = |part: Part| part.mime_str(about.content_type).map_err(|error| LinkError::Fatal(error.to_string()));
        let form = Form::new()
            .text("workerId", self.link.name().to_owned())
            .text("leaseEpoch", self.lease.epoch.to_string())
            .text("name", about.name.to_text().into_owned())
            .text("contentType", about.content_type.to_owned())
            .part("file", mime(Part::stream(Body::wrap_stream(received)).file_name("file"))?)
            .part("digest", Part::stream(Body::wrap_stream(digest_part)));
        let request = client.request(Method::POST, &format!("/jobs/{job}/artifacts/upload")).multipart(form);
        let sending = self.runtime.spawn(async move {
            let reply = client.upload(request, &sent).await?;
            let text = client.text(reply).await?;
            client.parse::<Artifact>(&text)
        });
        let read = send_blocks(content, bytes, &blocks, digest);
        drop(blocks);
        let sent = self.runtime.block_on(sending).map_err(|error| LinkError::Retry(error.to_string()))?;
        read.map_err(|error| LinkError::Fatal(format!("failed to read the file: {error}")))?;
        let artifact = sent.map_err(|error| link_error(job, &error))?;
        let size_bytes = u64::try_from(artifact.size_bytes).unwrap_or(0);
        let sha256 = artifact.digest.strip_prefix("sha256:").unwrap_or(&artifact.digest).to_owned();
        Ok(Stored { size_bytes, sha256 })
    }
}

impl Files for HttpFiles {
    fn input(&self, input: &JobInput, go_on: &dyn Fn() -> bool) -> Result<PathBuf, LinkError> {
        let mut damaged = 0;
        self.repeat(go_on, || match self.download(input) {
            Err(DownloadError::Damaged) if damaged == MAX_DAMAGED => {
                Err(LinkError::Fatal("the server's copy of the job's files is damaged".to_owned()))
            }
            Err(DownloadError::Damaged) => {
                damaged += 1;
                Err(LinkError::Retry("the received files are damaged".to_owned()))
            }
            Err(DownloadError::Link(error)) => Err(error),
            Ok(path) => Ok(path),
        })
    }

    fn keep(
        &self,
        about: &FileToKeep<'_>,
        content: &mut File,
        bytes: u64,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Stored, LinkError> {
        self.repeat(go_on, || {
            content.rewind().map_err(retry)?;
            self.upload(about, content, bytes)
        })
    }

    fn discard(&self, _: ArtifactId) -> Result<(), LinkError> {
        // Nothing needs to be removed here, because the server has already replaced an earlier file of the same name.
        Ok(())
    }
}

impl Drop for HttpFiles {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(self.input_path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(job = %self.lease.job, %error, "the input of a job could not be removed");
        }
    }
}

/// Sends up to `bytes` bytes of a file to `blocks`, and then their checksum to `digest`. Stops early if the receiver of
/// the blocks was dropped. If the file cannot be read, also sends an error to `blocks`.
fn send_blocks(
    content: &mut File,
    bytes: u64,
    blocks: &mpsc::Sender<io::Result<Vec<u8>>>,
    digest: oneshot::Sender<String>,
) -> io::Result<()> {
    let (mut content, mut sum) = (content.take(bytes), Sha256::new());
    loop {
        let mut block = vec![0; BLOCK];
        let read = match content.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => {
                blocks.blocking_send(Err(error.kind().into())).ok();
                return Err(error);
            }
        };
        block.truncate(read);
        sum.update(&block);
        if blocks.blocking_send(Ok(block)).is_err() {
            return Ok(());
        }
    }
    digest.send(format!("sha256:{}", hex::encode(sum.finalize()))).ok();
    Ok(())
}
