//! Affinity keys, by which jobs prefer the worker that last ran a job with the same key.
//!
//! A key may contain a secret. Such a key is stored masked, followed by its digest, so that different keys remain
//! different. Responses contain only the masked key.

use redact::Redactor;
use sha2::{Digest, Sha256};

/// The character between a masked key and its digest. It is in a private use area, so keys do not contain it.
const SEPARATOR: char = '\u{e000}';

/// The maximum length of a masked key, in characters. A mask may be longer than the secret, and the stored key must be
/// accepted when the job is submitted again.
const MAX_MASKED: usize = 150;

/// The length of a digest, in bytes. Nobody gains from keys whose digests collide.
const DIGEST: usize = 16;

/// Returns the form in which a key is stored. A key that is already in this form is not changed.
pub(super) fn stored(key: &str, redactor: &Redactor) -> String {
    let masked = redactor.redact(key.as_bytes());
    if masked.as_bytes() == key.as_bytes() {
        return key.to_owned();
    }
    let masked: String = masked.to_text().chars().filter(|c| *c != SEPARATOR).take(MAX_MASKED).collect();
    format!("{masked}{SEPARATOR}{}", hex::encode(&Sha256::digest(key)[..DIGEST]))
}

/// Returns the displayed part of a stored key.
pub(super) fn shown(stored: &str) -> &str {
    stored.split(SEPARATOR).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_secret_is_masked_and_remains_different_from_others() {
        let redactor = Redactor::new(["hunter2hunter2", "swordfish-9"]);
        let [one, other] = ["a hunter2hunter2", "a swordfish-9"].map(|key| stored(key, &redactor));
        assert_ne!(one, other);
        assert_eq!((shown(&one), shown(&other)), ("a [REDACTED]", "a [REDACTED]"));
        assert_eq!(stored(&one, &redactor), one, "it is not masked twice");
        assert_eq!(stored("a plain key", &redactor), "a plain key");
        assert_eq!(shown("a plain key"), "a plain key");
    }

    #[test]
    fn a_stored_key_is_accepted_again() {
        let redactor = Redactor::new(["1"]);
        let key = "1 ".repeat(100);
        assert!(stored(&key, &redactor).chars().count() <= 200);
    }
}
