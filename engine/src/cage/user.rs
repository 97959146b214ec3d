//! The user that steps run as, and file accesses with this user's permissions.
//!
//! The server itself keeps its user. A thread that works with files of a job takes the effective ids of the job's user,
//! so that the kernel checks its accesses as if the job made them. Otherwise, a job could make the server read files
//! that the job cannot read itself, for example through a working directory or a link. The real ids of such a thread
//! remain those of the server, so that the user's processes cannot send signals to it.

use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use nix::unistd::{Gid, Uid, User, getgrouplist};
use rustix::thread::{CapabilitySet, capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::CageError;
use supervise::cage::Ids;

/// A user that jobs run as, which is not the server's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobUser {
    name: String,
    ids: Ids,
    home: PathBuf,
    shell: PathBuf,
}

/// A set of capabilities that the server may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privilege {
    /// The capabilities to run jobs as another user, and to manage the files and processes of these jobs.
    SwitchUser,
    /// `CAP_SYS_ADMIN`, which permits mounting file systems, and using Landlock without `no_new_privs`.
    Administration,
}

/// Returns whether the server has the capabilities.
pub(super) fn has(privilege: Privilege) -> bool {
    let required = match privilege {
        Privilege::SwitchUser => {
            CapabilitySet::SETUID
                | CapabilitySet::SETGID
                | CapabilitySet::CHOWN
                | CapabilitySet::DAC_OVERRIDE
                | CapabilitySet::FOWNER
                | CapabilitySet::KILL
        }
        Privilege::Administration => CapabilitySet::SYS_ADMIN,
    };
    capabilities(None).is_ok_and(|sets| sets.effective.contains(required))
}

/// Looks up a user by name or id. Returns `None` if this is the server's user.
pub(super) fn find(wanted: &str) -> Result<Option<JobUser>, CageError> {
    let failed = |error: nix::Error| CageError::Lookup { user: wanted.to_owned(), source: error.into() };
    let found = match User::from_name(wanted).map_err(failed)? {
        Some(user) => Some(user),
        None => match wanted.parse() {
            Ok(id) => User::from_uid(Uid::from_raw(id)).map_err(failed)?,
            Err(_) => None,
        },
    };
    let user = found.ok_or_else(|| CageError::NoSuchUser(wanted.to_owned()))?;
    if user.uid == Uid::effective() {
        return Ok(None);
    }
    if !has(Privilege::SwitchUser) {
        return Err(CageError::CannotSwitch(user.name));
    }
    let name = CString::new(user.name.as_bytes()).map_err(|_| CageError::NoSuchUser(wanted.to_owned()))?;
    let groups = getgrouplist(&name, user.gid).map_err(failed)?;
    let ids = Ids {
        user: user.uid.as_raw(),
        group: user.gid.as_raw(),
        groups: groups.into_iter().map(Gid::as_raw).collect(),
    };
    Ok(Some(JobUser { name: user.name, ids, home: user.dir, shell: user.shell }))
}

impl JobUser {
    /// Returns the user's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the user's home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns the user's login shell. It is empty if the user database contains none.
    #[must_use]
    pub fn shell(&self) -> &Path {
        &self.shell
    }

    pub(crate) fn ids(&self) -> Ids {
        self.ids.clone()
    }

    /// Makes the user the owner of a file or directory. A link is not followed.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        std::os::unix::fs::lchown(path, Some(self.ids.user), Some(self.ids.group))
    }

    /// Gives the current thread the user's permissions for files, until the thread ends.
    pub(crate) fn take_permissions(&self) -> io::Result<()> {
        let ids = &self.ids;
        set_thread_groups(&ids.groups.iter().copied().map(rustix::fs::Gid::from_raw).collect::<Vec<_>>())?;
        set_thread_res_gid(None::<rustix::fs::Gid>, rustix::fs::Gid::from_raw(ids.group), None::<rustix::fs::Gid>)?;
        set_thread_res_uid(None::<rustix::fs::Uid>, rustix::fs::Uid::from_raw(ids.user), None::<rustix::fs::Uid>)?;
        Ok(())
    }
}

/// Calls `access` in a thread of its own that has the permissions of `user` for files. If there is no `user`, calls it
/// directly, with the server's permissions.
pub(crate) fn with_permissions_of<T: Send>(user: Option<&JobUser>, access: impl FnOnce() -> T + Send) -> io::Result<T> {
    let Some(user) = user else { return Ok(access()) };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, || {
            user.take_permissions()?;
            Ok(access())
        });
        thread?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
