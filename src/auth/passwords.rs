//! Hashes and checks passwords with argon2id.
//!
//! The parameters follow the recommendation of OWASP's Password Storage Cheat Sheet: 19 MiB, two iterations, one lane.
//! They are the defaults of the `argon2` crate. A hash contains its parameters, so hashes with other parameters remain
//! valid.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// The minimum length of a password, in characters.
pub(super) const MIN_LENGTH: usize = 10;

/// The maximum length of a password, in bytes.
pub(super) const MAX_BYTES: usize = 1 << 10;

/// The maximum number of passwords that are hashed at the same time. Each of them occupies 19 MiB and one core.
const AT_ONCE: usize = 2;

/// The maximum number of passwords that wait to be hashed. At about 50 hashes per second, the last one waits for about
/// a second.
const MAX_WAITING: usize = 64;

/// The hash that is checked if no user has the entered name. A login with an unknown name therefore takes as long as
/// one with a known name, and does not reveal whether the user exists.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The error returned when a password is not hashed, because too many others are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked; try again in a moment")]
pub(super) struct HashingBusy;

/// Hashes passwords in threads for blocking operations, a few at a time. Clones share the limits.
#[derive(Clone, Debug)]
pub(super) struct PasswordHashing {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl PasswordHashing {
    pub(super) fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(AT_ONCE + MAX_WAITING)) }
    }

    /// Returns the hash of a password, with a new salt.
    pub(super) async fn hash(&self, password: String) -> Result<String, HashingBusy> {
        self.run(move || {
            let hash: PasswordHash = Argon2::default()
                .hash_password(password.as_bytes())
                .expect("the parameters are valid and the system provides random numbers");
            hash.to_string()
        })
        .await
    }

    /// Returns whether a password has this hash. If `hash` is `None`, returns `false` after the same amount of work.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, HashingBusy> {
        self.run(move || {
            let is_same = |hash: &str| {
                let hash = PasswordHash::new(hash).ok();
                hash.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            };
            let is_right = is_same(hash.as_deref().unwrap_or(NOBODY));
            is_right && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingBusy> {
        let _waiting = self.waiting.clone().try_acquire_owned().map_err(|_| HashingBusy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| HashingBusy)?;
        // The permit is released when the thread ends. If it were released when the client disconnects, another thread
        // could start while this one continues to run.
        let work = tokio::task::spawn_blocking(move || {
            let _running = running;
            work()
        });
        work.await.map_err(|_| HashingBusy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_accepted_and_each_hash_has_its_own_salt() {
        let hashing = PasswordHashing::new();
        let [one, two] = ["correct horse"; 2].map(|password| hashing.hash(password.to_owned()));
        let (one, two) = (one.await.expect("nobody waits"), two.await.expect("nobody waits"));
        assert_ne!(one, two);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        for (password, is_right) in
            [("correct horse", true), ("correct hors", false), ("Correct horse", false), ("", false)]
        {
            let verified = hashing.verify(password.to_owned(), Some(one.clone())).await;
            assert_eq!(verified, Ok(is_right), "{password}");
        }
    }

    #[tokio::test]
    async fn a_password_is_hashed_even_if_there_is_no_such_user() {
        assert!(PasswordHash::new(NOBODY).is_ok(), "otherwise nothing would be computed");
        let hashing = PasswordHashing::new();
        assert_eq!(hashing.verify("correct horse".into(), None).await, Ok(false));
        assert_eq!(hashing.verify("correct horse".into(), Some("not a hash".into())).await, Ok(false));
    }

    #[tokio::test]
    async fn only_a_limited_number_of_passwords_waits() {
        let hashing = PasswordHashing::new();
        let _running = hashing.running.clone().acquire_many_owned(u32::try_from(AT_ONCE).expect("it is small")).await;
        let waiting: Vec<_> = (0..AT_ONCE + MAX_WAITING)
            .map(|_| {
                let hashing = hashing.clone();
                tokio::spawn(async move { hashing.hash("correct horse".into()).await })
            })
            .collect();
        while hashing.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.hash("correct horse".into()).await, Err(HashingBusy));
        for task in waiting {
            task.abort();
        }
    }
}
