//! Gives the steps of an attempt the secrets that they ask for, as environment variables or as files.
//!
//! The files are outside the workspace, so that a command that packs or commits the workspace does not include them.
//! They are readable only by the user that runs the job, and are removed at the end of the attempt.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::run::{beside, remove_workspace};
use crate::files::private_folder;
use crate::queue::{Command, SecretForm, SecretUse};

/// The directory for secret files has the path of the workspace, with this suffix.
const SUFFIX: &str = ".secrets";

/// The secrets of an attempt. Dropping this removes their files.
pub(super) struct AttemptSecrets {
    values: BTreeMap<String, String>,
    directory: PathBuf,
}

/// The reasons why the secrets of an attempt cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptSecretsError {
    /// A secret was removed after the job had been submitted, or its stored value is damaged.
    #[error(
        "the secret {0} no longer exists, or its value cannot be decrypted; set it again with `tailwater secret set {0}`"
    )]
    Missing(String),
    /// A file cannot be written.
    #[error("the file of a secret cannot be written: {0}")]
    File(#[from] io::Error),
}

impl AttemptSecrets {
    /// Checks that `values` contains all secrets that the command asks for, and writes those that are used as files.
    pub(super) fn prepare(
        command: &Command,
        values: BTreeMap<String, String>,
        workspace: &Path,
    ) -> Result<Self, AttemptSecretsError> {
        let secrets = Self { values, directory: beside(workspace, SUFFIX) };
        let of_steps = command.steps().flat_map(|(_, step)| &step.secrets);
        for asked in command.secrets.iter().chain(of_steps) {
            let value = secrets.values.get(&asked.name);
            let value = value.ok_or_else(|| AttemptSecretsError::Missing(asked.name.clone()))?;
            if asked.form == SecretForm::File {
                secrets.write(&asked.name, value)?;
            }
        }
        Ok(secrets)
    }

    fn write(&self, name: &str, value: &str) -> io::Result<()> {
        private_folder(&self.directory)?;
        let path = self.directory.join(name);
        // The file may already exist, because several steps may use it.
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(value.as_bytes())
    }

    /// Returns the environment variables for the given secrets.
    pub(super) fn variables(&self, asked: &[SecretUse]) -> impl Iterator<Item = (String, String)> {
        asked.iter().map(|secret| {
            let content = match secret.form {
                SecretForm::Value => self.values[&secret.name].clone(),
                SecretForm::File => self.directory.join(&secret.name).display().to_string(),
            };
            (secret.variable.clone(), content)
        })
    }
}

impl Drop for AttemptSecrets {
    fn drop(&mut self) {
        remove_workspace(&self.directory);
    }
}

/// Shows the names of the secrets, but not their values.
impl std::fmt::Debug for AttemptSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttemptSecrets").field("names", &self.values.keys()).finish_non_exhaustive()
    }
}
