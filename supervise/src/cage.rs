//! The restrictions on one step. The server sends the restrictions to the step's supervisor, which applies them.

mod capabilities;
pub mod cover;
pub mod landlock;
pub(crate) mod user_namespace;

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, fchown};
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit, umask};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde::{Deserialize, Serialize};

/// The limits on the resources of a step. A limit that is `None` is inherited from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLimits {
    /// The maximum number of processes and threads of the step's user. The kernel counts all processes of this user,
    /// including those that do not belong to jobs.
    pub processes: Option<u64>,
    /// The maximum number of files that each process can have open.
    pub open_files: Option<u64>,
    /// The maximum size of each file that a process writes, in bytes.
    pub file_bytes: Option<u64>,
    /// The maximum size, in bytes, of a core dump (the memory image that is written when a process crashes).
    pub core_bytes: u64,
}

/// The way in which the data directory is hidden from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hiding {
    /// The data directory is not hidden.
    None,
    /// An empty directory covers the data directory in the step's own mount namespace.
    Cover,
    /// The same as `Cover`, for a server without privileges: the mount namespace belongs to a user namespace, which
    /// contains only the server's user and its primary group.
    CoverInUserNamespace,
    /// Landlock rules allow access to everything outside the data directory.
    Rules,
}

/// The ids of a user and of the groups that the user belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The id of the user.
    pub user: u32,
    /// The id of the user's primary group.
    pub group: u32,
    /// The ids of all groups that the user belongs to.
    pub groups: Vec<u32>,
}

/// The restrictions on one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCage {
    /// The user that the step runs as, if it is not the server's user.
    pub ids: Option<Ids>,
    /// The umask of the step.
    pub umask: u32,
    /// The limits on the step's resources.
    pub limits: StepLimits,
    /// The soft limit on open files if `limits` does not limit them. If this field is `None` too, the step inherits the
    /// server's limits.
    pub file_limit: Option<u64>,
    /// Whether the step is prevented from gaining privileges, for example with `sudo`.
    pub no_new_privileges: bool,
    /// Whether the step is restricted with Landlock.
    pub landlock: bool,
    /// Whether the step loses the capabilities to inspect other processes and to mount file systems, if it has them.
    pub takes_capabilities: bool,
    /// The way in which the data directory is hidden.
    pub hiding: Hiding,
    /// The paths under which the data directory can be reached. `own` is relative to the first one.
    pub hidden: Vec<OsString>,
    /// The directory of the step's attempt, relative to the data directory.
    pub own: OsString,
    /// Files of root that are replaced by copies that belong to the user, if there is a user namespace.
    pub copied: Vec<OsString>,
}

impl StepCage {
    /// Lets the step's user reopen an output stream of the step, for example as `/dev/stderr`.
    pub fn own_stream(&self, stream: impl AsFd) -> io::Result<()> {
        match &self.ids {
            Some(ids) => Ok(fchown(stream, Some(Uid::from_raw(ids.user)), Some(Gid::from_raw(ids.group)))?),
            None => Ok(()),
        }
    }

    /// Moves this process to a user namespace if the step needs one. Call this first, while the process has only one
    /// thread.
    pub fn enter_user_namespace(&self) -> io::Result<()> {
        if self.hiding == Hiding::CoverInUserNamespace { user_namespace::enter() } else { Ok(()) }
    }

    /// Applies the restrictions that affect the whole process. Call this before [`restrict_thread`].
    ///
    /// [`restrict_thread`]: Self::restrict_thread
    pub fn restrict_process(&self) -> io::Result<()> {
        umask(Mode::from_raw_mode(self.umask));
        let StepLimits { processes, open_files, file_bytes, core_bytes } = self.limits;
        limit(Resource::Core, Some(core_bytes))?;
        limit(Resource::Nproc, processes)?;
        limit(Resource::Fsize, file_bytes)?;
        match open_files {
            Some(_) => limit(Resource::Nofile, open_files),
            None => match self.file_limit {
                Some(soft) => {
                    let maximum = getrlimit(Resource::Nofile).maximum;
                    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum })?)
                }
                None => Ok(()),
            },
        }
    }

    /// Applies the other restrictions to the calling thread and to the processes that it starts from now on. The other
    /// threads of this process keep their privileges, so that they can signal all processes of the step.
    pub fn restrict_thread(&self) -> io::Result<()> {
        let hidden: Vec<PathBuf> = self.hidden.iter().map(PathBuf::from).collect();
        if matches!(self.hiding, Hiding::Cover | Hiding::CoverInUserNamespace) {
            let copied: Vec<PathBuf> = self.copied.iter().map(PathBuf::from).collect();
            let copy = |folder: &Path| user_namespace::copy_files_of_root(&copied, folder);
            cover::cover(&hidden, Some(Path::new(&self.own)), copy)?;
        }
        if self.no_new_privileges {
            set_no_new_privs(true)?;
        }
        if self.landlock {
            let beside = if self.hiding == Hiding::Rules { &hidden[..] } else { &[] };
            landlock::restrict(beside, Path::new(&self.own))?;
        }
        if self.hiding == Hiding::CoverInUserNamespace {
            capabilities::take_all()?;
        } else if self.takes_capabilities {
            capabilities::take_those_of_inspection()?;
        }
        // The ids are changed last, because the other restrictions may need the server's privileges.
        if let Some(Ids { user, group, groups }) = &self.ids {
            let (user, group) = (Uid::from_raw(*user), Gid::from_raw(*group));
            set_thread_groups(&groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>())?;
            set_thread_res_gid(group, group, group)?;
            set_thread_res_uid(user, user, user)?;
        }
        Ok(())
    }
}

/// Sets both the soft and the hard limit, so that the step cannot raise the limit. A limit is never raised above the
/// server's hard limit.
fn limit(resource: Resource, most: Option<u64>) -> io::Result<()> {
    let Some(most) = most else { return Ok(()) };
    let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn restrictions_are_received_as_sent_even_if_a_path_is_not_unicode() {
        let cage = StepCage {
            ids: Some(Ids { user: 1, group: 2, groups: vec![2, 3] }),
            umask: 0o027,
            limits: StepLimits { processes: Some(1), open_files: None, file_bytes: Some(u64::MAX), core_bytes: 0 },
            file_limit: Some(1024),
            no_new_privileges: true,
            landlock: false,
            takes_capabilities: true,
            hiding: Hiding::Cover,
            hidden: vec![OsString::from_vec(b"/data/\xff".to_vec()), "/alias".into()],
            own: "work/a-1".into(),
            copied: vec!["/etc/a".into()],
        };
        let sent = serde_json::to_vec(&cage).expect("it can be serialised");
        assert_eq!(serde_json::from_slice::<StepCage>(&sent).expect("it can be parsed"), cage);
    }
}
