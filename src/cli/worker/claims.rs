//! The jobs that a worker has claimed, as files in its directory.
//!
//! Each claim has a file that is named after the claim's identifier. The file is created before the claim is sent.
//! After a crash, the worker repeats its claims, and the server returns each job whose lease the worker still holds.
//! The response contains the job's secrets again, so the files need not contain them.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::event_log::Lease;
use model::JobId;

/// The directory of the files, relative to the worker's directory.
const FOLDER: &str = "claims";

/// The claims of a worker.
#[derive(Debug)]
pub(super) struct Claims {
    folder: PathBuf,
    /// The identifiers of this process's claims: the claims that it has sent, and the claims of earlier processes whose
    /// jobs it has taken over.
    own: Mutex<HashSet<String>>,
}

/// A claim that an earlier process of this worker has left behind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnfinishedClaim {
    pub(super) id: String,
    /// The job and the number of its attempt, or `None` if the earlier process received no job from the server.
    pub(super) assigned: Option<(JobId, i32)>,
}

impl Claims {
    pub(super) fn open(worker_dir: &Path) -> io::Result<Self> {
        let folder = worker_dir.join(FOLDER);
        engine::files::private_folder(&folder)?;
        Ok(Self { folder, own: Mutex::default() })
    }

    /// Creates the file of a claim that is about to be sent, and returns the claim's identifier.
    pub(super) fn begin(&self) -> io::Result<String> {
        let id = uuid::Uuid::now_v7().to_string();
        // The claim is adopted before its file exists. Otherwise another task could find the file and mistake the claim
        // for one of an earlier process.
        self.adopt(&id);
        fs::write(self.folder.join(&id), "")?;
        Ok(id)
    }

    /// Records that a claim belongs to this process, so that [`Self::earlier`] does not return it.
    pub(super) fn adopt(&self, id: &str) {
        self.own().insert(id.to_owned());
    }

    /// Records the job that the server has assigned.
    pub(super) fn assigned(&self, id: &str, lease: Lease) -> io::Result<()> {
        fs::write(self.folder.join(id), format!("{} {}", lease.job, lease.attempt))
    }

    /// Removes a claim for which the server has no job.
    pub(super) fn remove(&self, id: &str) -> io::Result<()> {
        self.own().remove(id);
        match fs::remove_file(self.folder.join(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the claim of an attempt that has ended.
    pub(super) fn ended(&self, lease: Lease) -> io::Result<()> {
        let is_of = |claim: &UnfinishedClaim| claim.assigned == Some((lease.job, lease.attempt));
        for claim in self.all()?.into_iter().filter(is_of) {
            self.remove(&claim.id)?;
        }
        Ok(())
    }

    /// Returns the remaining claims of earlier processes. Claims whose attempts have ended have already been removed.
    pub(super) fn earlier(&self) -> io::Result<Vec<UnfinishedClaim>> {
        let mut earlier = self.all()?;
        earlier.retain(|claim| !self.own().contains(&claim.id));
        Ok(earlier)
    }

    fn all(&self) -> io::Result<Vec<UnfinishedClaim>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let Ok(id) = entry?.file_name().into_string() else { continue };
            match fs::read_to_string(self.folder.join(&id)) {
                Ok(text) => all.push(UnfinishedClaim { id, assigned: parse(&text) }),
                // The file was removed in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(all)
    }

    fn own(&self) -> MutexGuard<'_, HashSet<String>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parses the content of a claim's file. Returns `None` if the file does not contain a job.
fn parse(text: &str) -> Option<(JobId, i32)> {
    let (job, attempt) = text.split_once(' ')?;
    Some((job.parse().ok()?, attempt.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_by_the_next_process_until_they_have_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = || Claims::open(folder.path()).expect("the folder can be written");
        let job = JobId(uuid::Uuid::now_v7());
        let [one, two] = [1, 2].map(|attempt| Lease { job, attempt, epoch: 1 });
        let first = open();
        let [open_claim, assigned, ended, refused] =
            [(); 4].map(|()| first.begin().expect("the folder can be written"));
        first.assigned(&assigned, one).expect("the folder can be written");
        first.assigned(&ended, two).expect("the folder can be written");
        first.ended(two).expect("the folder can be written");
        first.remove(&refused).expect("the folder can be written");
        assert_eq!(first.earlier().expect("the folder can be read"), []);
        let second = open();
        let expected = [
            UnfinishedClaim { id: open_claim, assigned: None },
            UnfinishedClaim { id: assigned.clone(), assigned: Some((job, 1)) },
        ];
        assert_eq!(second.earlier().expect("the folder can be read"), expected);
        // `earlier` returns a claim until its attempt has ended.
        assert_eq!(second.earlier().expect("the folder can be read").len(), 2);
        second.adopt(&assigned);
        assert_eq!(second.earlier().expect("the folder can be read").len(), 1);
        second.ended(one).expect("the folder can be written");
        assert_eq!(open().earlier().expect("the folder can be read").len(), 1);
    }
}
