//! Reads or creates the files in the data directory that contain the admin token, the directory's id, and the key that
//! encrypts secrets.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use engine::seal::{InvalidKey, SealKey};

use super::Secret;

/// The minimum length of an admin token, in characters.
const TOKEN_MIN: usize = 32;

/// The name of the file in the data directory that contains the generated token.
const TOKEN_FILE: &str = "admin-token";

/// The name of the file in the data directory that contains the directory's id.
const ID_FILE: &str = "instance-id";

/// The name of the file in the data directory that contains the key that encrypts secrets.
const KEY_FILE: &str = "secrets-key";

/// The error returned when the admin token, the directory's id or the key is not available.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is too short or contains a space or a non-printable character.
    #[error("the admin token from {0} must be 32 or more printable ASCII characters without spaces")]
    Unfit(String),
    /// The key does not consist of 64 hexadecimal digits.
    #[error("the key from {0} {1}")]
    Key(String, InvalidKey),
    /// A file in the data directory cannot be read or created.
    #[error("failed to read or create {path}: {source}")]
    File {
        /// The path of the file.
        path: String,
        /// The I/O error.
        source: io::Error,
    },
}

/// Returns the admin token: the one that the operator has set or, if there is none, the one in the data directory. The
/// latter is generated on first start.
pub fn admin_token(from_operator: Option<String>, data_dir: &Path) -> Result<String, TokenError> {
    if let Some(token) = from_operator {
        return if is_fit(&token) { Ok(token) } else { Err(TokenError::Unfit("TAILWATER_ADMIN_TOKEN".into())) };
    }
    let path = data_dir.join(TOKEN_FILE);
    let token = read_or_make(&path)?;
    if is_fit(&token) { Ok(token) } else { Err(TokenError::Unfit(path.display().to_string())) }
}

/// Returns the id of a data directory. The id is generated on first start, consists of 16 letters and digits, and is
/// not secret.
pub fn instance_id(data_dir: &Path) -> Result<String, TokenError> {
    let id = read_or_make(&data_dir.join(ID_FILE))?;
    // Other characters are removed, because the id becomes part of a cookie's name, which cannot contain arbitrary
    // characters.
    Ok(id.chars().filter(char::is_ascii_alphanumeric).take(16).collect())
}

/// Returns the key that encrypts secrets: the one that the operator has set or, if there is none, the one in the data
/// directory. The latter is generated on first start. Also returns the key as text, so that the redactor can mask it.
pub fn secrets_key(from_operator: Option<&str>, data_dir: &Path) -> Result<(SealKey, String), TokenError> {
    let (text, place) = if let Some(key) = from_operator {
        (key.to_owned(), "TAILWATER_SECRETS_KEY".to_owned())
    } else {
        let path = data_dir.join(KEY_FILE);
        (read_or_make(&path)?, path.display().to_string())
    };
    let key = SealKey::from_hex(&text).map_err(|error| TokenError::Key(place, error))?;
    Ok((key, text.trim().to_owned()))
}

/// Returns the content of a file. If the file does not exist, creates it with random content and with permissions that
/// allow only its owner to read it.
fn read_or_make(path: &Path) -> Result<String, TokenError> {
    let failed = |source| TokenError::File { path: path.display().to_string(), source };
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = Secret::random();
            let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            made.and_then(|mut file| writeln!(file, "{}", text.expose()).and_then(|()| file.sync_all()))
                .map_err(failed)?;
            // The directory is synced, so that a power failure cannot remove the key while the database that needs it
            // remains.
            fs::File::open(path.parent().unwrap_or(path)).and_then(|folder| folder.sync_all()).map_err(failed)?;
            Ok(text.0)
        }
        Err(error) => Err(failed(error)),
    }
}

fn is_fit(token: &str) -> bool {
    token.len() >= TOKEN_MIN && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_admin_token_is_generated_once_and_readable_only_by_its_owner() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let token = admin_token(None, folder.path()).expect("the folder can be written");
        assert_eq!(admin_token(None, folder.path()).expect("the file exists"), token);
        let mode = fs::metadata(folder.path().join(TOKEN_FILE)).expect("the file exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_that_is_short_or_contains_a_space_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for token in ["", "short", &"x".repeat(31), &format!("{} {}", "x".repeat(20), "y".repeat(20))] {
            assert!(matches!(admin_token(Some(token.into()), folder.path()), Err(TokenError::Unfit(_))), "{token}");
        }
        assert!(admin_token(Some("x".repeat(32)), folder.path()).is_ok());
    }

    #[test]
    fn the_key_for_secrets_is_generated_once_and_a_malformed_key_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sealed = secrets_key(None, folder.path()).expect("the folder can be written").0.seal("", "text");
        let (again, _) = secrets_key(None, folder.path()).expect("the file exists");
        assert_eq!(again.open("", &sealed).expect("it is the same key"), "text");
        let mode = fs::metadata(folder.path().join(KEY_FILE)).expect("the file exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(secrets_key(Some(&"0".repeat(64)), folder.path()).is_ok());
        let refused = secrets_key(Some("hunter2"), folder.path()).expect_err("it is malformed").to_string();
        assert!(refused.contains("TAILWATER_SECRETS_KEY") && !refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn the_id_of_a_data_folder_does_not_change() {
        let (folder, other) = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder")).into();
        let id = instance_id(folder.path()).expect("the folder can be written");
        assert_eq!(id.len(), 16);
        assert_eq!(instance_id(folder.path()).expect("the file exists"), id);
        assert_ne!(instance_id(other.path()).expect("the folder can be written"), id);
    }
}
