//! Where a command of `tailwater run` runs: in the caller's folder if the server is on this machine, else in a fresh workspace.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::machine;

/// What is said when the caller's folder cannot be used.
pub(super) const ELSEWHERE: &str = "the server does not share this machine's files, so the command runs in a fresh workspace there; \
    --send DIR sends files along, --cwd with an absolute path names a folder there, --workspace asks for this and says nothing";

/// Whether the command sees the caller's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The caller's folder, and what is below and above it.
    Here,
    /// A workspace of the job's own.
    Workspace,
}

#[derive(Deserialize)]
struct MachineReply {
    machine: Option<String>,
}

/// Returns whether the server shares this machine with the caller; an older server does not say, and is taken for one elsewhere.
pub(super) async fn is_here(client: &Client) -> Result<bool, CliError> {
    let there: MachineReply = match client.read("/machine", &[]).await {
        Err(CliError::Refused { status: 404, .. }) => return Ok(false),
        reply => reply?,
    };
    Ok(there.machine.is_some_and(|there| machine::identity() == Some(there)))
}

/// Returns the working directory to ask for; nothing is the workspace itself. A path is the caller's, so that on this machine a
/// relative one begins at `caller`; elsewhere it can only begin at the workspace, and an absolute one names a folder there.
pub(super) fn working_directory(place: Place, caller: &Path, asked: Option<&Path>) -> Result<Option<String>, CliError> {
    let directory = match (place, asked) {
        (Place::Here, asked) => Some(plain(&caller.join(asked.unwrap_or(Path::new(""))))),
        (Place::Workspace, asked) => asked.map(Path::to_owned),
    };
    let text = |path: PathBuf| {
        let shown = path.display().to_string();
        let not_utf8 = |_| CliError::Usage(format!("the folder {shown} is not UTF-8; give another one with --cwd"));
        path.into_os_string().into_string().map_err(not_utf8)
    };
    directory.map(text).transpose()
}

/// Returns the path without `.`, which says nothing; `..` stays, since what it means depends on links.
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
    fn a_folder_is_the_callers_where_the_server_is_here() {
        check(Place::Here, None, Some("/home/me"));
        check(Place::Here, Some("sub/x"), Some("/home/me/sub/x"));
        check(Place::Here, Some("./sub/."), Some("/home/me/sub"));
        check(Place::Here, Some("../you"), Some("/home/me/../you"));
        check(Place::Here, Some("/srv"), Some("/srv"));
    }

    #[test]
    fn a_folder_is_the_workspaces_elsewhere_unless_it_is_absolute() {
        check(Place::Workspace, None, None);
        check(Place::Workspace, Some("sub"), Some("sub"));
        check(Place::Workspace, Some("/srv"), Some("/srv"));
    }
}
