//! The artifacts that workers on other machines upload.

use std::borrow::Cow;

use model::{Artifact, ArtifactId, JobId};

use super::holder::{RemoteWorker, holding};
use crate::artifacts::{Stored, location};
use crate::clock;
use crate::event_log::{Lease, NewEvent, append_by_server};
use crate::queue::files::store as files;
use crate::queue::payload::{InvalidPayload, invalid};
use crate::queue::{ArtifactPlace, NewArtifact, Queue, QueueError};

/// The maximum length of an artifact's name, in characters.
const MAX_NAME: usize = 500;
/// The maximum length of a media type, in characters. RFC 6838 allows 127 for each of its two parts.
const MAX_TYPE: usize = 255;
/// The media type of a file if its worker has not sent one.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A file that has been received and stored, but not recorded yet.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The lease that was current when the upload began. It determines where the file is stored.
    pub lease: Lease,
    /// The artifact's id.
    pub id: ArtifactId,
    /// The artifact's name.
    pub name: String,
    /// The artifact's media type, if it is known.
    pub content_type: Option<String>,
    /// The size and checksum of the file.
    pub stored: Stored,
    /// The checksum that the worker has sent, if any.
    pub digest: Option<String>,
}

/// The limits on the artifacts of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// The maximum number of artifacts.
    pub files: i64,
    /// The maximum size of all artifacts together, in bytes.
    pub job_bytes: i64,
}

/// An artifact that has been recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The artifact.
    pub artifact: Artifact,
    /// The path of a file that is no longer needed, relative to the data directory. This is the file that the artifact
    /// replaced or, if the same file was already stored, the new copy.
    pub replaced: Option<String>,
}

impl Queue {
    /// Records an uploaded file as an artifact of the attempt that a worker on another machine runs. If the attempt
    /// already has an artifact with this name, the new file replaces it.
    pub async fn record_upload(
        &self,
        job: JobId,
        worker: RemoteWorker,
        upload: Upload,
        limits: UploadLimits,
    ) -> Result<Recorded, QueueError> {
        let (holder, now, log) = (worker.checked(&self.maskers)?, clock::now(), self.log.clone());
        check_name(&upload.name)?;
        check_type(upload.content_type.as_deref())?;
        check_digest(upload.digest.as_deref(), &upload.stored)?;
        let redactor = self.stored_job(job).await?.redactor(&self.maskers);
        let name = redactor.redact(upload.name.as_bytes());
        // A masked media type would not be a media type.
        let is_plain = |text: &String| redactor.redact(text.as_bytes()).as_bytes() == text.as_bytes();
        let content_type = upload.content_type.filter(is_plain);
        self.db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let lease = holding(tx.connection(), job, &holder).await?.lease()?;
                    if lease != upload.lease {
                        return Err(QueueError::NotHolder(job));
                    }
                    let artifact = NewArtifact {
                        id: upload.id,
                        name,
                        content_type: content_type.map_or(Cow::Borrowed(UNKNOWN_TYPE), Cow::Owned),
                        size_bytes: i64::try_from(upload.stored.size_bytes).unwrap_or(i64::MAX),
                        sha256: upload.stored.sha256,
                        place: ArtifactPlace::Store,
                        stage: None,
                    };
                    let name = artifact.name.to_text().into_owned();
                    let replaced = files::artifact_named(tx.connection(), job, lease.attempt, &name).await?;
                    // A worker that has not received the response repeats its upload, so the same file may already be
                    // recorded.
                    if let Some(same) = replaced.as_ref().filter(|file| is_same(&file.artifact, &artifact)) {
                        let artifact = same.artifact.clone();
                        return Ok(Recorded { artifact, replaced: Some(location(job, lease.attempt, upload.id)) });
                    }
                    let others = files::totals_without(tx.connection(), lease, &name).await?;
                    check_limits(others, artifact.size_bytes, limits)?;
                    files::keep_artifact(tx.connection(), lease, &artifact, now).await?;
                    let event = NewEvent::artifact(&artifact.name, artifact.id, artifact.size_bytes);
                    append_by_server(tx, log.tails(), job, vec![event], now).await?;
                    let recorded = files::artifact_named(tx.connection(), job, lease.attempt, &name).await?;
                    let artifact = recorded.ok_or(QueueError::NoSuchJob(job))?.artifact;
                    Ok(Recorded { artifact, replaced: replaced.map(|file| file.path) })
                })
            })
            .await
    }
}

/// Returns whether a stored file and a new file have the same content.
fn is_same(stored: &Artifact, new: &NewArtifact) -> bool {
    stored.size_bytes == new.size_bytes && stored.digest.strip_prefix("sha256:") == Some(new.sha256.as_str())
}

/// Checks that an attempt may have one more artifact. `others` are the number and the size of its other artifacts.
fn check_limits(others: (i64, i64), size: i64, limits: UploadLimits) -> Result<(), QueueError> {
    let (count, bytes) = others;
    if count >= limits.files {
        return Err(QueueError::ArtifactLimit(format!("an attempt can have at most {} artifacts", limits.files)));
    }
    if bytes.saturating_add(size) > limits.job_bytes {
        let problem = format!("the artifacts of an attempt can have at most {} bytes together", limits.job_bytes);
        return Err(QueueError::ArtifactLimit(problem));
    }
    Ok(())
}

/// Checks a name, which is a relative path.
fn check_name(name: &str) -> Result<(), InvalidPayload> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) || !name.split('/').all(is_plain) {
        let problem = format!(
            "must be a relative path with at most {MAX_NAME} characters, without empty names, '.', '..' and control characters"
        );
        return Err(invalid("name", problem));
    }
    Ok(())
}

fn check_type(name: Option<&str>) -> Result<(), InvalidPayload> {
    let is_valid = |name: &str| {
        name.contains('/') && name.len() <= MAX_TYPE && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    };
    if name.is_none_or(is_valid) {
        Ok(())
    } else {
        Err(invalid("contentType", "must be a media type such as text/plain"))
    }
}

/// Compares the checksum that a worker has sent, with or without the prefix `sha256:`, with the checksum of the file.
fn check_digest(digest: Option<&str>, stored: &Stored) -> Result<(), QueueError> {
    let Some(digest) = digest else { return Ok(()) };
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid("digest", "must be sha256: and 64 hexadecimal digits").into());
    }
    if digits.eq_ignore_ascii_case(&stored.sha256) {
        Ok(())
    } else {
        Err(QueueError::DigestMismatch(stored.sha256.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_relative_path() {
        for name in ["a", "logs/output.log", "a b/c.txt", "…"] {
            check_name(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for name in ["", "/a", "a//b", "a/", ".", "../a", "a/../b", "a\nb", &"x".repeat(501)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_digest_is_compared_in_all_spellings() {
        let stored = Stored { size_bytes: 0, sha256: "ab".repeat(32) };
        for digest in [None, Some("ab".repeat(32)), Some("AB".repeat(32)), Some(format!("sha256:{}", "ab".repeat(32)))]
        {
            check_digest(digest.as_deref(), &stored).unwrap_or_else(|error| panic!("{digest:?}: {error}"));
        }
        let other = check_digest(Some(&"cd".repeat(32)), &stored);
        assert!(matches!(other, Err(QueueError::DigestMismatch(_))), "{other:?}");
        for digest in ["", "ab", "md5:abab", &"xy".repeat(32)] {
            let refused = check_digest(Some(digest), &stored);
            assert!(matches!(refused, Err(QueueError::Invalid(_))), "{digest}: {refused:?}");
        }
    }

    #[test]
    fn the_artifacts_of_an_attempt_are_limited() {
        let limits = UploadLimits { files: 2, job_bytes: 10 };
        check_limits((1, 4), 6, limits).expect("it fits");
        assert!(matches!(check_limits((1, 4), 7, limits), Err(QueueError::ArtifactLimit(_))));
        assert!(matches!(check_limits((2, 0), 1, limits), Err(QueueError::ArtifactLimit(_))));
    }
}
