//! The program that is run as the supervisor of each step.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

use super::{CHECK, ENVIRONMENT};

/// The name of the supervisor's program if it is in memory. System tools show this name as the program's path.
const NAME: &str = "tailwater-supervisor";

/// A program that can be run as a supervisor, because its `main` calls [`run_if_asked`](super::run_if_asked).
///
/// A small program starts several times as fast as the server's program, in which the dynamic loader has to relocate
/// many addresses at each start. A release therefore contains a small program for the supervisor. This program is kept
/// in memory and not in a file, because the server may have no directory in which programs can be executed.
#[derive(Clone, Debug)]
pub enum SupervisorProgram {
    /// The program at a path.
    File(PathBuf),
    /// A program in the memory of this process, which cannot be changed.
    Memory(Arc<OwnedFd>),
}

impl SupervisorProgram {
    /// Returns the program of this process. It can be run even if its file has been replaced or removed.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::File("/proc/self/exe".into())
    }

    /// Copies an executable to memory and starts it once. Returns an error if the system does not permit this.
    pub fn in_memory(executable: &[u8]) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Linux 6.3 and later may require the `EXEC` flag, and earlier versions do not support it.
        let memory = match memfd_create(NAME, flags | MemfdFlags::EXEC) {
            Err(Errno::INVAL) => memfd_create(NAME, flags)?,
            created => created?,
        };
        let mut memory = File::from(memory);
        memory.write_all(executable)?;
        fcntl_add_seals(&memory, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let program = Self::Memory(Arc::new(memory.into()));
        // The exit status does not matter. Without arguments, the program ends immediately.
        let mut started = Command::new(program.path()).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        started.wait().ok();
        Ok(program)
    }

    /// Returns whether the system permits user namespaces in which file systems can be mounted. Starts the program
    /// once.
    #[must_use]
    pub fn can_use_user_namespaces(&self) -> bool {
        let mut check = Command::new(self.path());
        check.arg(CHECK).env_clear().envs(ENVIRONMENT.iter().filter_map(|entry| entry.split_once('=')));
        let started = check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        started.is_ok_and(|status| status.success())
    }

    /// Returns a path by which this process can start the program.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Memory(memory) => format!("/proc/self/fd/{}", memory.as_raw_fd()).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_memory_can_be_started_and_not_changed() {
        let executable = std::fs::read("/bin/true").expect("the file can be read");
        let program = SupervisorProgram::in_memory(&executable).expect("it can be started");
        let status = Command::new(program.path()).status().expect("it can be started again");
        assert!(status.success());
        let SupervisorProgram::Memory(memory) = program else { panic!("it is in memory") };
        let changed = rustix::io::pwrite(&memory, b"#!", 0);
        assert_eq!(changed, Err(Errno::PERM));
    }

    #[test]
    fn something_that_is_not_a_program_is_refused() {
        assert!(SupervisorProgram::in_memory(b"neither a program nor a script").is_err());
    }
}
