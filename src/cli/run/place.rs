//! Decides where `tailwater run` runs a command: in the current directory if the server is on this machine, else in a
//! new workspace.

use std::path::{Component, Path, PathBuf};

use crate::cli::client::ApiClient;
use crate::cli::error::CliError;
use crate::machine::{self, MachineReply};

/// The message that is printed if the command cannot run in the current directory, because the server is not known to
/// be on this machine.
pub(super) const ELSEWHERE: &str = "the server cannot see this machine's files, so the command runs in a new workspace on the server; \
    use --send DIR to send files, --cwd with an absolute path to choose a directory there, or --workspace to hide this message";

/// Whether the command runs in the caller's directory or in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The command runs in the caller's directory, with access to all files of this machine.
    Here,
    /// The command runs in the job's own workspace.
    Workspace,
}

/// Returns the server's description of its machine if the server runs jobs on this machine, with access to the same
/// files. Returns `None` for older servers, which do not describe their machine.
pub(super) async fn of_this_machine(client: &ApiClient) -> Result<Option<MachineReply>, CliError> {
    let there: MachineReply = match client.read("/machine", &[]).await {
        Err(CliError::Refused { status: 404, .. }) => return Ok(None),
        reply => reply?,
    };
    Ok(Some(there).filter(|there| there.machine.is_some() && machine::identity() == there.machine))
}

/// Returns the working directory to request, or `None` for the workspace.
///
/// With [`Place::Here`], a relative path in `asked` is relative to `caller`. With [`Place::Workspace`], it is relative
/// to the workspace, and an absolute path refers to a directory on the server.
pub(super) fn working_directory(place: Place, caller: &Path, asked: Option<&Path>) -> Result<Option<String>, CliError> {
    let directory = match (place, asked) {
        (Place::Here, asked) => Some(plain(&caller.join(asked.unwrap_or(Path::new(""))))),
        (Place::Workspace, asked) => asked.map(Path::to_owned),
    };
    let text = |path: PathBuf| {
        let shown = path.display().to_string();
        let not_utf8 = |_| {
            CliError::Usage(format!("the name of the directory {shown} is not UTF-8; choose another one with --cwd"))
        };
        path.into_os_string().into_string().map_err(not_utf8)
    };
    directory.map(text).transpose()
}

/// Returns the path without redundant `.` components. `..` is not resolved, because its meaning depends on symbolic
/// links.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, Component::CurDir)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(place: Place, asked: Option<&str>, expected: Option<&str>) {
        let directory = working_directory(place, Path::new("/home/me"), asked.map(Path::new));
        assert_eq!(directory.expect("it is UTF-8").as_deref(), expected);
    }

    #[test]
    fn on_this_machine_folders_are_relative_to_the_callers() {
        check(Place::Here, None, Some("/home/me"));
        check(Place::Here, Some("sub/x"), Some("/home/me/sub/x"));
        check(Place::Here, Some("./sub/."), Some("/home/me/sub"));
        check(Place::Here, Some("../you"), Some("/home/me/../you"));
        check(Place::Here, Some("/srv"), Some("/srv"));
    }

    #[test]
    fn on_another_machine_folders_are_relative_to_the_workspace() {
        check(Place::Workspace, None, None);
        check(Place::Workspace, Some("sub"), Some("sub"));
        check(Place::Workspace, Some("/srv"), Some("/srv"));
    }
}
