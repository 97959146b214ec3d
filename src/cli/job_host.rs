//! Prepares a process that runs jobs.

use engine::worker::{Supervision, adopt};
use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};
use supervise::SupervisorProgram;

/// Protects this process from the jobs that it is about to run, and returns the settings for their supervision.
/// `supervisor` is the executable of the supervisor, if this program contains one. This function must be called before
/// any thread is started.
pub(super) fn prepare(supervisor: Option<&[u8]>) -> Supervision {
    // Jobs must not inherit file descriptors that were open when this process was started. Files that the process opens
    // itself are never inherited.
    close_fds::set_fds_cloexec(3, &[]);
    // Jobs of the same user, and other programs of this user, must not read this process's memory, its environment or
    // its descriptors.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this program's memory could not be protected from other processes of its user");
    }
    // `in_memory` starts the supervisor once to test it, so this call must come before the process adopts other
    // processes.
    let program = supervisor.map(SupervisorProgram::in_memory).transpose().unwrap_or_else(|error| {
        tracing::info!(%error, "programs in memory cannot be started, so each step takes a few milliseconds longer");
        None
    });
    let program = program.unwrap_or_else(SupervisorProgram::of_this_process);
    // This starts the supervisor once too. Root does not need a user namespace to mount file systems.
    let user_namespaces = !geteuid().is_root() && program.can_use_user_namespaces();
    // If a step kills its supervisor, the step's remaining processes become children of this process, which kills them.
    if let Err(error) = adopt() {
        tracing::warn!(%error, "processes that escape their supervisor could survive their job");
    }
    Supervision { program, file_limit: raise_file_limit(), user_namespaces }
}

/// Raises the limit on open files to the maximum that the system allows, because every event stream needs a file
/// descriptor. Returns the previous limit, or `None` if the number of open files was not limited. The previous limit is
/// restored for jobs, because some programs iterate over all possible file descriptors.
fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
    limit.current
}
