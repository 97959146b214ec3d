//! Restricts the steps of jobs: the user they run as, the resources they can use, and the server's data they can read.
//!
//! [`Cage::prepare`] checks the settings when the server starts, finds out what the kernel supports, and decides how
//! the data directory is hidden. For each step, the server sends a [`StepCage`] to the step's supervisor. The
//! supervisor [applies](StepCage) the restrictions immediately before it starts the step. If a restriction cannot be
//! applied, the step does not start.
//!
//! Landlock rules can allow access to a directory, but cannot exclude a directory inside it. If the server may mount
//! file systems, the supervisor therefore covers the data directory with an empty directory ([`cover`]). Only the step
//! sees this mount. Otherwise, Landlock rules allow access to everything outside the data directory ([`landlock`]), but
//! the step cannot create entries in the directories above the data directory. If jobs may create entries in one of
//! these directories, the supervisor covers the data directory in a user namespace, in which it may mount file systems
//! without privileges, if the system permits this ([`hiding`]).

mod hiding;
mod places;
mod ssh_config;
mod user;

use std::io;
use std::path::{Path, PathBuf};

use hiding::Situation;
pub use hiding::{JobData, Obstacle};
use places::Places;
pub use supervise::cage::StepLimits;
use supervise::cage::{Hiding, StepCage, cover, landlock};
pub use user::JobUser;
pub(crate) use user::with_permissions_of;

use crate::worker::Supervision;

/// The operator's settings for the restrictions on steps.
#[derive(Clone, Debug)]
pub struct CageSettings {
    /// The name or the id of the user that jobs run as. If `None`, they run as the server's user.
    pub user: Option<String>,
    /// The umask of steps, in octal digits.
    pub umask: String,
    /// Whether steps are prevented from gaining privileges, for example with `sudo`.
    pub no_new_privileges: bool,
    /// Whether steps are restricted with Landlock, if the kernel supports it.
    pub landlock: bool,
    /// Whether the data directory is hidden from steps.
    pub data: JobData,
    /// The limits on the resources of steps.
    pub limits: StepLimits,
}

/// The reasons why the settings cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum CageError {
    /// The umask is not an octal number of up to three digits.
    #[error("job_umask is {0:?}, but must be three octal digits, such as \"077\" or \"022\"")]
    Umask(String),
    /// The user does not exist.
    #[error("job_user: this machine has no user {0:?}")]
    NoSuchUser(String),
    /// The user database cannot be read.
    #[error("job_user: failed to look up the user {user:?}: {source}")]
    Lookup {
        /// The name of the user.
        user: String,
        /// The I/O error.
        source: io::Error,
    },
    /// The server is not allowed to run programs as another user.
    #[error(
        "job_user: the server cannot run jobs as {0:?}, because it does not run as root (it needs the capabilities \
         SETUID, SETGID, CHOWN, DAC_OVERRIDE, FOWNER and KILL); start it as root, or remove job_user"
    )]
    CannotSwitch(String),
    /// The user cannot reach the workspaces.
    #[error(
        "job_user: the user {user:?} cannot enter {}, which is to contain the workspaces ({source}); \
         choose another directory with --data-dir, such as /var/lib/tailwater", path.display()
    )]
    Unreachable {
        /// The name of the user.
        user: String,
        /// The directory of the workspaces.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The data directory has to be hidden, but cannot be.
    #[error("job_data is \"hidden\", but the data directory cannot be hidden from jobs: {0}")]
    CannotHide(Obstacle),
    /// The data directory cannot be examined or prepared.
    #[error("failed to prepare the data directory for jobs: {0}")]
    Io(#[from] io::Error),
}

/// The restrictions on all steps. Cheap enough to clone once for each attempt.
#[derive(Clone, Debug)]
pub struct Cage {
    user: Option<JobUser>,
    umask: u32,
    no_new_privileges: bool,
    landlock: bool,
    /// Whether steps lose the capabilities to do what a Landlock domain forbids.
    takes_capabilities: bool,
    hiding: Hiding,
    /// The absolute path of the data directory. Symbolic links in it are not resolved.
    data_dir: PathBuf,
    /// The paths that lead to the data directory, with symbolic links resolved. The first one is the path that the
    /// server uses. The others lead to the same directory, or to a directory inside it, through other mounts.
    hidden: Vec<PathBuf>,
    limits: StepLimits,
}

impl Cage {
    /// Determines the restrictions on steps. `data_dir` is the absolute path of the data directory, which must exist.
    /// Restrictions that this machine does not support are logged.
    pub fn prepare(settings: &CageSettings, data_dir: &Path, supervision: &Supervision) -> Result<Self, CageError> {
        let umask = parse_umask(&settings.umask)?;
        let user = settings.user.as_deref().map(user::find).transpose()?.flatten();
        let places = Places::find(data_dir)?;
        if let Some(user) = &user {
            places::let_user_enter(user, data_dir)?;
        }
        let landlock = settings.landlock && can_use_landlock(settings.no_new_privileges);
        // In a user namespace, `sudo` has no effect, and mounts are not possible. Operators who permit one of these to
        // jobs need it more than the hidden data directory.
        let wants_namespace = settings.landlock && settings.no_new_privileges && user.is_none();
        let user_namespace = wants_namespace && supervision.user_namespaces;
        let means = Situation { landlock, user_namespace, ..Situation::default() };
        let hiding = choose_hiding(settings.data, means, &places, user.as_ref())?;
        let takes_capabilities = settings.landlock && user.is_none();
        let (data_dir, hidden) = (data_dir.to_owned(), places.hidden);
        let (no_new_privileges, limits) = (settings.no_new_privileges, settings.limits);
        Ok(Self { user, umask, no_new_privileges, landlock, takes_capabilities, hiding, data_dir, hidden, limits })
    }

    /// Returns a cage whose only restriction is the default umask, for the tests of other modules.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self {
            user: None,
            umask: 0o077,
            no_new_privileges: false,
            landlock: false,
            takes_capabilities: false,
            hiding: Hiding::None,
            data_dir: PathBuf::new(),
            hidden: Vec::new(),
            limits: StepLimits::default(),
        }
    }

    /// Returns the user that steps run as, or `None` if it is the server's user.
    #[must_use]
    pub const fn user(&self) -> Option<&JobUser> {
        self.user.as_ref()
    }

    /// Returns the restrictions on the steps of an attempt. `own` is the attempt's directory in the data directory, to
    /// which the steps keep access. `file_limit` is the soft limit on open files that applies if the operator has set
    /// no limit.
    pub(crate) fn of_step(&self, own: &Path, file_limit: Option<u64>) -> StepCage {
        let in_namespace = self.hiding == Hiding::CoverInUserNamespace;
        let copied = if in_namespace { ssh_config::included_files() } else { Vec::new() };
        StepCage {
            ids: self.user.as_ref().map(JobUser::ids),
            umask: self.umask,
            limits: self.limits,
            file_limit,
            no_new_privileges: self.no_new_privileges,
            landlock: self.landlock,
            takes_capabilities: self.takes_capabilities,
            hiding: self.hiding,
            hidden: self.hidden.iter().map(|path| path.clone().into()).collect(),
            own: own.strip_prefix(&self.data_dir).unwrap_or(own).into(),
            copied: copied.into_iter().map(PathBuf::into_os_string).collect(),
        }
    }
}

/// Returns whether steps can be restricted with Landlock, and logs the reason if they cannot.
fn can_use_landlock(no_new_privileges: bool) -> bool {
    let consequence = "jobs can inspect the other processes of their user";
    if !landlock::is_available() {
        tracing::warn!(
            "this kernel does not support Landlock (it requires Linux 5.19 or later, and `landlock` in the kernel's list \
             of security modules), so {consequence}"
        );
        return false;
    }
    // Without privileges, a process can restrict itself with Landlock only if it can no longer gain privileges.
    let may_restrict = no_new_privileges || user::has(user::Privilege::Administration);
    if !may_restrict {
        tracing::warn!(
            "job_no_new_privileges is false and the server does not run as root, so jobs are not restricted with \
             Landlock, and {consequence}"
        );
    }
    may_restrict
}

/// Chooses how to hide the data directory with the given means. If the directory cannot be hidden, the reason is logged
/// or, if the operator requires hiding, returned as an error.
fn choose_hiding(
    wanted: JobData,
    means: Situation,
    places: &Places,
    user: Option<&JobUser>,
) -> Result<Hiding, CageError> {
    let situation = Situation {
        can_mount: wanted != JobData::Visible && cover::is_possible(&places.hidden),
        writable: places.writable(user),
        crowded: places.crowded(),
        home_inside: places.contained_home(user),
        ..means
    };
    match (hiding::decide(wanted, &situation), wanted) {
        (Ok(hiding), _) => Ok(hiding),
        (Err(obstacle), JobData::Hidden) => Err(CageError::CannotHide(obstacle)),
        (Err(obstacle), _) => {
            let exposed = if user.is_some() { "the workspaces of other jobs" } else { "the data directory" };
            tracing::warn!(%obstacle, "jobs can read {exposed}; see SECURITY.md");
            Ok(Hiding::None)
        }
    }
}

fn parse_umask(text: &str) -> Result<u32, CageError> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let umask = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten().filter(|umask| *umask <= 0o777);
    umask.ok_or_else(|| CageError::Umask(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_is_an_octal_number_of_up_to_three_significant_digits() {
        for (text, umask) in [("077", 0o077), ("0022", 0o022), ("0", 0), ("777", 0o777)] {
            assert_eq!(parse_umask(text).ok(), Some(umask), "{text}");
        }
        for text in ["", "08", "1777", "00077", "u=rwx", "-1", "+77"] {
            assert!(parse_umask(text).is_err(), "{text}");
        }
    }
}
