//! Downloads an artifact into a partial file next to the target. After the checksum has been verified, the partial file
//! is renamed to the target. An interrupted download is resumed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Artifact;
use reqwest::{Method, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::cli::client::ApiClient;
use crate::cli::error::CliError;
use crate::cli::output::plain;
use crate::cli::progress::{ProgressBars, TransferBar};

/// The number of consecutive requests without progress after which the download fails. The pauses between these
/// requests add up to about half a minute.
const TRIES: u32 = 10;

/// The pause after a request without progress.
const PAUSE: Duration = Duration::from_secs(3);

/// The number of bytes read at once from an existing partial file.
const BLOCK: usize = 64 << 10;

/// The destination of the download.
#[derive(Debug)]
pub(super) enum Destination {
    Stdout,
    File(PathBuf),
}

impl Destination {
    /// Returns the requested destination or, by default, a new file in the current directory that is named after the
    /// artifact.
    pub(super) fn new(asked: Option<&str>, artifact: &Artifact) -> Result<Self, CliError> {
        match asked {
            Some("-") => return Ok(Self::Stdout),
            Some(path) => return Ok(Self::File(path.into())),
            None => {}
        }
        // The artifact's name was chosen by the job, so it must not lead to another directory, create a hidden file, or
        // replace an existing file.
        let name = artifact.name.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || name.starts_with('.') || name.chars().any(char::is_control) {
            return Err(CliError::Usage(format!(
                "{:?} cannot be used as a file name; choose one with -o",
                artifact.name
            )));
        }
        if Path::new(name).exists() {
            return Err(CliError::Usage(format!("{name} already exists; use -o {name} to replace it")));
        }
        Ok(Self::File(name.into()))
    }
}

/// Downloads and verifies an artifact. `bars` states whether the progress is shown.
pub(super) async fn download(
    client: &ApiClient,
    artifact: &Artifact,
    target: &Destination,
    bars: ProgressBars,
) -> Result<(), CliError> {
    let name = artifact.name.rsplit('/').next().unwrap_or_default();
    let bar = TransferBar::new(bars, &format!("receiving {}", plain(name)), size(artifact));
    let Destination::File(path) = target else {
        let mut receiver = Receiver::new(Box::new(io::stdout()));
        receiver.receive_all(client, artifact, &bar).await?;
        return receiver.verify(artifact);
    };
    // The partial file's name contains the artifact's id, so that a partial file of another artifact is never resumed
    // by mistake.
    let part = PathBuf::from(format!("{}.{}.part", path.display(), artifact.id));
    let failed = |what: &str, path: &Path| {
        let what = format!("{what} {}", path.display());
        move |source| CliError::File { what, source }
    };
    let file = OpenOptions::new().read(true).append(true).create(true).open(&part).map_err(failed("open", &part))?;
    let mut receiver = Receiver::go_on(file, artifact).map_err(failed("read", &part))?;
    receiver.receive_all(client, artifact, &bar).await?;
    if let Err(error) = receiver.verify(artifact) {
        fs::remove_file(&part).map_err(failed("remove", &part))?;
        return Err(error);
    }
    fs::rename(&part, path).map_err(failed("create", path))
}

/// Writes received bytes to the partial file or to standard output, and keeps track of their number and checksum.
struct Receiver {
    to: Box<dyn Write + Send>,
    have: u64,
    sum: Sha256,
}

impl Receiver {
    fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to, have: 0, sum: Sha256::new() }
    }

    /// Resumes a download at the end of a partial file. If the partial file is longer than the artifact, its content is
    /// discarded.
    fn go_on(mut part: File, artifact: &Artifact) -> io::Result<Self> {
        if part.metadata()?.len() > size(artifact) {
            part.set_len(0)?;
        }
        let (mut have, mut sum, mut block) = (0, Sha256::new(), vec![0; BLOCK]);
        loop {
            let read = part.read(&mut block)?;
            if read == 0 {
                return Ok(Self { to: Box::new(part), have, sum });
            }
            sum.update(&block[..read]);
            have += read as u64;
        }
    }

    async fn receive_all(
        &mut self,
        client: &ApiClient,
        artifact: &Artifact,
        bar: &TransferBar,
    ) -> Result<(), CliError> {
        bar.resume_at(self.have);
        let mut tries = 0;
        while self.have < size(artifact) {
            let before = self.have;
            match self.receive(client, artifact, bar).await {
                Err(error) if error.is_transient() && tries + 1 < TRIES => {
                    tries = if self.have > before { 0 } else { tries + 1 };
                    if tries > 0 {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Ok(()) if self.have == before => {
                    return Err(client.not_tailwater("the file is shorter than the list of artifacts says".into()));
                }
                received => received?,
            }
        }
        self.to.flush()?;
        Ok(())
    }

    /// Requests the remaining bytes, and receives them until the response ends.
    async fn receive(&mut self, client: &ApiClient, artifact: &Artifact, bar: &TransferBar) -> Result<(), CliError> {
        let path = format!("/jobs/{}/artifacts/{}/download", artifact.job_id, artifact.id);
        let mut request = client.request(Method::GET, &path);
        if self.have > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", self.have));
        }
        let mut reply = client.send(request).await?;
        if self.have > 0 && reply.status() != StatusCode::PARTIAL_CONTENT {
            return Err(
                client.not_tailwater("it cannot resume a download; remove the partial file and try again".into())
            );
        }
        while let Some(bytes) = client.chunk(&mut reply).await? {
            let bytes = bytes.as_ref();
            self.to.write_all(bytes)?;
            self.sum.update(bytes);
            self.have += bytes.len() as u64;
            bar.add(bytes.len());
        }
        Ok(())
    }

    fn verify(&self, artifact: &Artifact) -> Result<(), CliError> {
        let actual = format!("sha256:{}", hex::encode(self.sum.clone().finalize()));
        if actual == artifact.digest {
            return Ok(());
        }
        Err(CliError::Damaged { name: artifact.name.clone(), expected: artifact.digest.clone(), actual })
    }
}

fn size(artifact: &Artifact) -> u64 {
    u64::try_from(artifact.size_bytes).unwrap_or(0)
}
