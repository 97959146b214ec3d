//! Determines the environment variables that every job receives: variables such as `HOME` that describe the user, some
//! of the server's variables, and fixed values such as `CI=true`.
//!
//! A job runs as the user that runs the server, or as the user that the operator has chosen. By default, `HOME` is that
//! user's home directory, as for a command that is typed in a shell. Of the server's own variables, only those that are
//! listed here or in the configuration are passed on.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::unistd::{Uid, User};
use percent_encoding::percent_decode_str;

use crate::cage::JobUser;
use crate::queue::TerminalSize;

/// Variables of the server that are always passed on, in addition to `LC_*`.
const INHERITED: [&str; 4] = ["PATH", "LANG", "TZ", "TMPDIR"];

/// The value of `PATH` if the server itself has no variable `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The server's variables that are passed on by default. They configure network access.
pub const DEFAULT_JOB_ENV: [&str; 8] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The variables that specify the pager, the program that shows output page by page on a terminal. Most programs that
/// start a pager, such as `man`, `systemctl` and `psql`, use `PAGER`. In `git`, the setting `core.pager` overrides
/// `PAGER`, and `GIT_PAGER` overrides both.
const PAGERS: [&str; 2] = ["PAGER", "GIT_PAGER"];

/// The value of a job's `HOME`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobHome {
    /// The home directory of the user that the job runs as.
    #[default]
    User,
    /// The attempt's workspace.
    Workspace,
}

/// The error for a name that is not in [`JobHome::NAMES`].
#[derive(Debug, thiserror::Error)]
#[error("expected `user` or `workspace`")]
pub struct ParseJobHomeError;

impl JobHome {
    /// The names of the variants, as used in settings.
    pub const NAMES: [&str; 2] = ["user", "workspace"];
}

impl fmt::Display for JobHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [user, workspace] = Self::NAMES;
        f.write_str(match self {
            Self::User => user,
            Self::Workspace => workspace,
        })
    }
}

impl FromStr for JobHome {
    type Err = ParseJobHomeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::User, Self::Workspace].into_iter().find(|home| home.to_string() == text).ok_or(ParseJobHomeError)
    }
}

/// The settings for the environment variables of jobs.
#[derive(Clone, Debug)]
pub struct JobEnvironment {
    /// The value of `HOME`.
    pub home: JobHome,
    /// The names of the server's variables that are passed on, in addition to those that are always passed on.
    pub names: Vec<String>,
}

impl JobEnvironment {
    /// Returns the variables of a step, except those that the job or the step itself defines. `terminal` is the size of
    /// the step's terminal, or `None` if it has none. `user` is the user that the step runs as, or `None` if it is the
    /// server's user.
    pub(super) fn variables(
        &self,
        workspace: &Path,
        terminal: Option<TerminalSize>,
        user: Option<&JobUser>,
    ) -> BTreeMap<String, String> {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut variables = BTreeMap::from([text("PATH", DEFAULT_PATH), text("LANG", "C.UTF-8")]);
        variables.extend(server_variables(|name| INHERITED.contains(&name) || name.starts_with("LC_")));
        variables.extend([text("TERM", "xterm-256color"), text("CI", "true")]);
        // Without this variable, Python would hold back its output until several KiB have accumulated.
        variables.extend([text("PYTHONUNBUFFERED", "1")]);
        if terminal.is_some() {
            variables.extend(PAGERS.map(|name| text(name, "cat")));
        }
        match user {
            Some(user) => variables.extend(account_variables(user.name(), user.home(), user.shell())),
            None => variables.extend(user_variables()),
        }
        if self.home == JobHome::Workspace || !variables.contains_key("HOME") {
            variables.insert("HOME".to_owned(), workspace.display().to_string());
        }
        variables.extend(self.handed_on());
        variables
    }

    /// Returns the passwords in the values of the server's variables that [`names`](Self::names) lists, each with the
    /// name of its variable, so that they can be masked. For example, the URL of a proxy may contain a password.
    pub fn passwords(&self) -> Vec<(String, String)> {
        let of_variable = |(name, value): (String, String)| {
            passwords_of(&value).into_iter().map(move |password| (name.clone(), password))
        };
        self.handed_on().flat_map(of_variable).collect()
    }

    fn handed_on(&self) -> impl Iterator<Item = (String, String)> {
        server_variables(|name| self.names.iter().any(|listed| listed == name))
    }
}

/// Returns the server's variables whose names satisfy `is_meant`. Variables that are not UTF-8 are omitted.
fn server_variables(is_meant: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, String)> {
    let texts =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(move |(name, _)| is_meant(name))
}

/// Returns the variables `HOME`, `USER`, `LOGNAME` and `SHELL` for the user that this process runs as.
///
/// The values are read from the user database, because a service is often started without these variables. If the user
/// is not in the database, which is common in containers, the server's own variables are used.
fn user_variables() -> BTreeMap<String, String> {
    let user = User::from_uid(Uid::effective()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the user database could not be read");
        None
    });
    let Some(user) = user else {
        return server_variables(|name| ["HOME", "USER", "LOGNAME", "SHELL"].contains(&name)).collect();
    };
    account_variables(&user.name, &user.dir, &user.shell)
}

fn account_variables(name: &str, home: &Path, shell: &Path) -> BTreeMap<String, String> {
    // An empty shell field means `/bin/sh` (passwd(5)).
    let shell = if shell.as_os_str().is_empty() { Path::new("/bin/sh") } else { shell };
    let text = |name: &str, value: String| (name.to_owned(), value);
    BTreeMap::from([
        text("HOME", home.display().to_string()),
        text("SHELL", shell.display().to_string()),
        text("LOGNAME", name.to_owned()),
        text("USER", name.to_owned()),
    ])
}

/// Returns the secrets in a value such as `http://user:password@proxy:3128`, with or without a scheme: the password,
/// both encoded and decoded, and the Base64-encoded credentials that programs send in an HTTP header.
fn passwords_of(value: &str) -> Vec<String> {
    let address = value.split_once("://").map_or(value, |(_, rest)| rest);
    let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
    // A password may contain an '@' that should have been encoded.
    let Some((user, password)) = authority.rsplit_once('@').and_then(|(user_info, _)| user_info.split_once(':')) else {
        return Vec::new();
    };
    if password.is_empty() {
        return Vec::new();
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let basic = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
    let (plain_user, plain_password) = (decoded(user), decoded(password));
    let mut values =
        vec![password.to_owned(), basic(user, password), basic(&plain_user, &plain_password), plain_password];
    values.sort();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_found_in_every_encoding() {
        for (value, expected) in [
            ("http://user:hunter2@proxy:3128", &["hunter2", "dXNlcjpodW50ZXIy"][..]),
            ("http://user:hunter2@proxy:3128/path@x", &["hunter2", "dXNlcjpodW50ZXIy"]),
            ("user:hunter2@proxy", &["hunter2", "dXNlcjpodW50ZXIy"]),
            ("socks5h://u:p%40ss%3Aword@[::1]:1080/", &["p%40ss%3Aword", "p@ss:word", "dTpwQHNzOndvcmQ="]),
            ("http://u:p@ss@proxy", &["p@ss"]),
            ("http://:only-password@proxy", &["only-password"]),
        ] {
            let found = passwords_of(value);
            for password in expected {
                assert!(found.iter().any(|value| value == password), "{value}: {found:?}");
            }
        }
        for value in [
            "",
            "http://proxy:3128",
            "unix:///run/docker.sock",
            "ssh://me@host:22/x",
            "a:b",
            "http://me:@proxy",
            "/x:y@z",
        ] {
            assert!(passwords_of(value).is_empty(), "{value}: {:?}", passwords_of(value));
        }
    }

    #[test]
    fn user_variables_come_from_the_user_database() {
        let variables = user_variables();
        let user =
            User::from_uid(Uid::effective()).expect("the database can be read").expect("tests run as a known user");
        assert_eq!(variables["HOME"], user.dir.display().to_string());
        assert_eq!((&variables["USER"], &variables["LOGNAME"]), (&user.name, &user.name));
        assert!(variables["SHELL"].starts_with('/'));
    }
}
