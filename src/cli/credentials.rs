//! Stores the address and the token that were passed to `tailwater login` in a file that only its owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The reasons why the credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialsError {
    /// Neither `XDG_CONFIG_HOME` nor `HOME` contains an absolute path.
    #[error("neither XDG_CONFIG_HOME nor HOME is set, so there is no directory for credentials")]
    NoHome,
    /// The permissions of the file allow other users to read the token.
    #[error("other users can read {0}: run `chmod 600 {0}`, or run `tailwater login` again")]
    Open(PathBuf),
    /// The file was not written by `tailwater login`, or was changed afterwards.
    #[error("{path} does not contain valid credentials: {problem}; run `tailwater login` again")]
    Damaged { path: PathBuf, problem: String },
    /// The file cannot be read, written or removed.
    #[error("failed to {what} {path}: {source}")]
    File { what: &'static str, path: PathBuf, source: io::Error },
}

/// The address of a server and a token that the server has accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) server: String,
    pub(super) token: String,
}

impl Credentials {
    /// Returns the path of the credentials file, according to the XDG Base Directory Specification.
    pub(super) fn path() -> Result<PathBuf, CredentialsError> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
        Ok(config.ok_or(CredentialsError::NoHome)?.join("tailwater/credentials.toml"))
    }

    /// Reads the stored credentials. Returns `None` if there are none.
    pub(super) fn load() -> Result<Option<Self>, CredentialsError> {
        let Ok(path) = Self::path() else { return Ok(None) };
        let failed = |source| CredentialsError::File { what: "read", path: path.clone(), source };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        if fs::metadata(&path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
            return Err(CredentialsError::Open(path));
        }
        // Only the parser's short message is used: the full one would quote the invalid line, which may contain the
        // token.
        let parsed = toml::from_str(&text).map_err(|error: toml::de::Error| error.message().to_owned());
        parsed.map(Some).map_err(|problem| CredentialsError::Damaged { path, problem })
    }

    /// Stores the credentials, replacing any others. Returns the path of the file.
    pub(super) fn store(&self) -> Result<PathBuf, CredentialsError> {
        let path = Self::path()?;
        let failed = |source| CredentialsError::File { what: "write", path: path.clone(), source };
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        // The file is written under a temporary name and then renamed, so that it is never incomplete and never
        // readable by other users.
        let new = path.with_extension("new");
        remove_if_there(&new).map_err(failed)?;
        let text = toml::to_string(self).expect("two strings can be written as TOML");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
        fs::rename(&new, &path).map_err(failed)?;
        Ok(path)
    }

    /// Removes the stored credentials. Returns the path of the removed file, or `None` if there was none.
    pub(super) fn remove() -> Result<Option<PathBuf>, CredentialsError> {
        let path = Self::path()?;
        let removed = remove_if_there(&path);
        let removed =
            removed.map_err(|source| CredentialsError::File { what: "remove", path: path.clone(), source })?;
        Ok(removed.then_some(path))
    }
}

fn remove_if_there(path: &PathBuf) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
