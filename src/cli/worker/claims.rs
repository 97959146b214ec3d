//! The jobs that a worker has claimed, as files in its directory.
//!
//! There is a file for each claim, whose name is the identifier of the claim. It is created before the request is sent.
//! After a crash, the worker repeats the requests: the server answers with the job if the worker still holds it. No
//! secret is stored, because the server sends them again.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::JobId;

/// The name of the directory in the worker's directory.
const FOLDER: &str = "claims";

/// The claims of a worker.
#[derive(Debug)]
pub(super) struct Claims {
    folder: PathBuf,
    /// The claims of this process. The value is `None` until the server has answered.
    own: Mutex<HashMap<String, Option<JobId>>>,
}

/// A claim that an earlier process of this worker has left behind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EarlierClaim {
    pub(super) id: String,
    /// The job, if the server had answered.
    pub(super) job: Option<JobId>,
}

impl Claims {
    pub(super) fn open(worker_dir: &Path) -> io::Result<Self> {
        let folder = worker_dir.join(FOLDER);
        engine::files::private_folder(&folder)?;
        Ok(Self { folder, own: Mutex::default() })
    }

    /// Creates a claim that is about to be sent.
    pub(super) fn begin(&self) -> io::Result<String> {
        let id = uuid::Uuid::now_v7().to_string();
        fs::write(self.folder.join(&id), "")?;
        self.own(|own| own.insert(id.clone(), None));
        Ok(id)
    }

    /// Records the job that the server has assigned.
    pub(super) fn assigned(&self, id: &str, job: JobId) -> io::Result<()> {
        self.own(|own| own.insert(id.to_owned(), Some(job)));
        fs::write(self.folder.join(id), job.to_string())
    }

    /// Removes a claim for which the server had no job.
    pub(super) fn remove(&self, id: &str) -> io::Result<()> {
        self.own(|own| own.remove(id));
        match fs::remove_file(self.folder.join(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the claim of a job that has ended.
    pub(super) fn ended(&self, job: JobId) -> io::Result<()> {
        let found = self.own(|own| own.iter().find(|(_, of)| **of == Some(job)).map(|(id, _)| id.clone()));
        found.map_or(Ok(()), |id| self.remove(&id))
    }

    /// Returns the claims of earlier processes.
    pub(super) fn earlier(&self) -> io::Result<Vec<EarlierClaim>> {
        let mut earlier = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let Ok(id) = entry?.file_name().into_string() else { continue };
            if self.own(|own| own.contains_key(&id)) {
                continue;
            }
            let job = fs::read_to_string(self.folder.join(&id))?.parse().ok();
            earlier.push(EarlierClaim { id, job });
        }
        earlier.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(earlier)
    }

    fn own<T>(&self, work: impl FnOnce(&mut HashMap<String, Option<JobId>>) -> T) -> T {
        work(&mut self.own.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_by_the_next_process_until_they_have_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let open = || Claims::open(folder.path()).expect("the folder can be written");
        let job = JobId(uuid::Uuid::now_v7());
        let first = open();
        let [open_claim, assigned, ended, refused] =
            [(); 4].map(|()| first.begin().expect("the folder can be written"));
        first.assigned(&assigned, job).expect("the folder can be written");
        let other = JobId(uuid::Uuid::now_v7());
        first.assigned(&ended, other).expect("the folder can be written");
        first.ended(other).expect("the folder can be written");
        first.remove(&refused).expect("the folder can be written");
        assert_eq!(first.earlier().expect("the folder can be read"), []);
        let second = open();
        let expected =
            [EarlierClaim { id: open_claim, job: None }, EarlierClaim { id: assigned.clone(), job: Some(job) }];
        assert_eq!(second.earlier().expect("the folder can be read"), expected);
        second.assigned(&assigned, job).expect("the folder can be written");
        assert_eq!(second.earlier().expect("the folder can be read").len(), 1);
        second.ended(job).expect("the folder can be written");
        assert_eq!(open().earlier().expect("the folder can be read").len(), 1);
    }
}
