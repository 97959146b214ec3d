//! Named secrets. Their values are stored encrypted, are given only to the jobs that ask for them, and are masked in
//! all jobs.
//!
//! A value is added to the redactor before it is stored, so no job can receive a value that is not masked yet. A value
//! that is replaced or removed remains masked for some time ([`MAX_RETIRED`]), because earlier jobs may contain it.

pub(super) mod store;

use std::collections::BTreeMap;

use model::NamedSecret;

use super::maskers::check_no_secret;
use super::payload::{InvalidPayload, check_secret_name, invalid};
use super::{Queue, QueueError};
use crate::clock;
use crate::db::Connection;
use crate::seal::{OpenSealError, SealKey};
use store::SecretRow;

/// The maximum number of secrets.
const MAX_SECRETS: usize = 1_000;

/// The maximum length of a value, in bytes. Private keys have up to about 3,500 bytes.
const MAX_VALUE: usize = 16 << 10;

/// The maximum total size of all values, in bytes. It limits memory usage, because the redactor needs up to 1,000 bytes
/// for each byte of a value.
const MAX_TOTAL: usize = 32 << 10;

/// The maximum total size of replaced and removed values that remain masked, in bytes. When it is exceeded, the oldest
/// of these values are deleted.
const MAX_RETIRED: usize = 16 << 10;

/// The text that is stored in encrypted form, so that the key can be checked when the server starts. The same text is
/// used as the `purpose` of the encryption.
const CHECK: &str = "check of the key";

/// The reasons why the secrets of a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The key is not the one that encrypted the secrets in this data directory.
    #[error(
        "the key does not belong to this data directory: restore the file secrets-key from a backup, or set TAILWATER_SECRETS_KEY to the former key"
    )]
    WrongKey(#[from] OpenSealError),
    /// The database failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Whether a secret existed before its value was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// The secret is new.
    Created,
    /// The secret has a new value.
    Replaced,
}

impl Queue {
    /// Checks the key, and registers the values of all stored secrets, so that they are masked in all output from now
    /// on. Call this once, before the first job runs.
    pub async fn load_secrets(&self) -> Result<(), SecretsError> {
        let key = self.maskers.key().clone();
        let sealed = key.seal(CHECK, CHECK);
        let write = self.db.writer().write(move |tx| {
            Box::pin(async move { Ok::<_, QueueError>(store::key_check(tx.connection(), &sealed).await?) })
        });
        key.open(CHECK, &write.await?)?;
        let mut connection = self.db.reader().await.map_err(QueueError::from)?;
        let values = all_values(&mut connection, &key).await?;
        self.maskers.set_named(values);
        Ok(())
    }

    /// Returns all secrets, sorted by name.
    pub async fn secrets(&self) -> Result<Vec<NamedSecret>, QueueError> {
        let mut connection = self.db.reader().await?;
        let rows = store::current(&mut connection).await?;
        Ok(rows.into_iter().map(|row| self.to_model(row)).collect())
    }

    /// Returns the secret with the given name.
    pub async fn secret(&self, name: &str) -> Result<NamedSecret, QueueError> {
        let mut connection = self.db.reader().await?;
        let row = store::current_of(&mut connection, name).await?;
        Ok(self.to_model(row.ok_or_else(|| QueueError::NoSuchSecret(name.to_owned()))?))
    }

    /// Sets the value of a secret, and creates the secret if it does not exist.
    pub async fn set_secret(
        &self,
        name: &str,
        value: &str,
        by: &str,
    ) -> Result<(NamedSecret, SecretChange), QueueError> {
        check_secret_name("name", name)?;
        check_no_secret("name", name, &self.maskers.shared())?;
        check_value(value)?;
        // Set one value at a time. Another call that ran between the next two steps (masking the value and storing it)
        // would replace the redactor with one that does not mask this value.
        let _setting = self.signals.setting_secrets.lock().await;
        let key = self.maskers.key().clone();
        let mut connection = self.db.reader().await?;
        self.check_capacity(&mut connection, name, value).await?;
        let mut values = all_values(&mut connection, &key).await?;
        drop(connection);
        values.push(value.to_owned());
        self.maskers.set_named(values);
        let sealed = key.seal(&purpose(name), value);
        let (name, by, now) = (name.to_owned(), by.to_owned(), clock::now());
        let (row, change) = self
            .db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let connection = tx.connection();
                    let before = store::current_of(connection, &name).await?;
                    store::retire(connection, &name, now).await?;
                    let created_at = before.as_ref().map_or(now, |before| before.created_at);
                    let row = SecretRow { name, sealed, created_at, set_at: now, set_by: by };
                    store::insert(connection, &row).await?;
                    forget_old(connection, &key).await?;
                    let change = before.map_or(SecretChange::Created, |_| SecretChange::Replaced);
                    Ok::<_, QueueError>((row, change))
                })
            })
            .await?;
        tracing::info!(secret = row.name, by = row.set_by, "a secret was set");
        Ok((self.to_model(row), change))
    }

    /// Removes a secret. The value remains masked until it and the values that were replaced or removed later exceed
    /// 16 KiB in total.
    pub async fn remove_secret(&self, name: &str, by: &str) -> Result<(), QueueError> {
        let (removed, now) = (name.to_owned(), clock::now());
        let key = self.maskers.key().clone();
        self.db
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    if !store::retire(tx.connection(), &removed, now).await? {
                        return Err(QueueError::NoSuchSecret(removed));
                    }
                    forget_old(tx.connection(), &key).await
                })
            })
            .await?;
        tracing::info!(secret = name, by, "a secret was removed");
        Ok(())
    }

    async fn check_capacity(&self, connection: &mut Connection, name: &str, value: &str) -> Result<(), QueueError> {
        let rows = store::current(connection).await?;
        let others: Vec<_> = rows.iter().filter(|row| row.name != name).collect();
        if others.len() >= MAX_SECRETS {
            return Err(invalid("secrets", format!("{MAX_SECRETS} secrets exist already; remove one first")).into());
        }
        let length = |row: &SecretRow| self.open(row).map_or(0, |value| value.len());
        let total = value.len() + others.into_iter().map(length).sum::<usize>();
        if total > MAX_TOTAL {
            let problem = format!("all values together must have at most {MAX_TOTAL} bytes; remove a secret first");
            return Err(invalid("value", problem).into());
        }
        Ok(())
    }

    /// Returns the value of a secret, or `None` if it cannot be decrypted.
    fn open(&self, row: &SecretRow) -> Option<String> {
        open(self.maskers.key(), &row.name, &row.sealed).ok()
    }

    fn to_model(&self, row: SecretRow) -> NamedSecret {
        let value = self.open(&row);
        let masked_everywhere =
            value.as_ref().is_some_and(|value| redact::is_masked_everywhere(value.trim().as_bytes()));
        let SecretRow { name, created_at, set_at, set_by, .. } = row;
        let readable = value.is_some();
        NamedSecret { name, created_at, updated_at: set_at, updated_by_user_id: set_by, masked_everywhere, readable }
    }
}

/// Checks that all secrets that a submission asks for exist.
pub(super) async fn check_exist(connection: &mut Connection, names: &[String]) -> Result<(), QueueError> {
    for name in names {
        if store::current_of(connection, name).await?.is_none() {
            let problem = format!(
                "there is no secret {name}; create it with `tailwater secret set {name}` or on the page Secrets"
            );
            return Err(invalid("payload.secrets", problem).into());
        }
    }
    Ok(())
}

/// Decrypts the values that a claimed job receives, by their names.
pub(super) fn open_all(key: &SealKey, sealed: Vec<(String, String)>) -> BTreeMap<String, String> {
    let open = |(name, sealed): (String, String)| open_or_log(key, &name, &sealed).map(|value| (name, value));
    sealed.into_iter().filter_map(open).collect()
}

/// Returns all values that have to be masked, current and former ones. A value that cannot be decrypted is omitted, so
/// that one damaged row affects nothing else.
async fn all_values(connection: &mut Connection, key: &SealKey) -> Result<Vec<String>, QueueError> {
    let rows = store::all(connection).await?;
    Ok(rows.into_iter().filter_map(|(name, sealed)| open_or_log(key, &name, &sealed)).collect())
}

/// Decrypts a value. If that fails, logs an error and returns `None`.
fn open_or_log(key: &SealKey, name: &str, sealed: &str) -> Option<String> {
    let value = open(key, name, sealed);
    if let Err(error) = &value {
        tracing::error!(secret = name, %error, "a secret cannot be decrypted; set it again or remove it");
    }
    value.ok()
}

/// Deletes the oldest replaced and removed values beyond [`MAX_RETIRED`]. Also deletes replaced and removed values that
/// cannot be decrypted, because they cannot be masked either.
async fn forget_old(connection: &mut Connection, key: &SealKey) -> Result<(), QueueError> {
    let mut total = 0;
    for (id, name, sealed) in store::retired(connection).await? {
        let kept = open(key, &name, &sealed).ok().map(|value| value.len()).filter(|len| total + len <= MAX_RETIRED);
        match kept {
            Some(len) => total += len,
            None => store::forget(connection, id).await?,
        }
    }
    Ok(())
}

fn open(key: &SealKey, name: &str, sealed: &str) -> Result<String, OpenSealError> {
    key.open(&purpose(name), sealed)
}

/// Returns the `purpose` for which [`SealKey`] encrypts the value of a secret.
fn purpose(name: &str) -> String {
    format!("value of secret {name}")
}

fn check_value(value: &str) -> Result<(), InvalidPayload> {
    if value.trim().is_empty() {
        return Err(invalid("value", "must not be empty"));
    }
    if value.len() > MAX_VALUE {
        return Err(invalid("value", format!("must have at most {MAX_VALUE} bytes, not {}", value.len())));
    }
    if value.contains('\0') {
        return Err(invalid("value", "must not contain NUL characters"));
    }
    Ok(())
}
