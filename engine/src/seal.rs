//! Encrypts text that the database must not contain in plaintext: the values of secrets and the payloads of jobs.
//!
//! A sealed text is the prefix `v1.` followed by base64, which encodes a random nonce of 12 bytes, the ciphertext, and
//! a tag of 16 bytes (ChaCha20-Poly1305, RFC 8439). With random nonces, a key is safe for about 2^32 texts. Each text
//! is encrypted for a purpose, such as `payload of job ID`. The purpose is authenticated, so a sealed text that is
//! copied to another job or secret cannot be decrypted there.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// The version of the format. Every sealed text begins with it.
const VERSION: &str = "v1.";

/// The length of a key, in bytes.
const KEY_BYTES: usize = 32;

/// The key with which a server encrypts text. Cheap to clone.
#[derive(Clone)]
pub struct SealKey(Arc<LessSafeKey>);

/// The error for a key that is not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("must be 64 hexadecimal digits; `openssl rand -hex 32` prints a new key")]
pub struct InvalidKey;

/// The error for text that was not sealed with this key for this purpose.
#[derive(Debug, thiserror::Error)]
#[error("it was encrypted with another key, or it is damaged")]
pub struct OpenSealError;

impl SealKey {
    /// Reads a key of 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| InvalidKey)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// Creates a random key, and returns it with its hexadecimal form.
    #[must_use]
    pub fn random() -> (Self, String) {
        let mut bytes = [0; KEY_BYTES];
        fill_randomly(&mut bytes);
        (Self::from_bytes(&bytes), hex::encode(bytes))
    }

    fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("the key has the length that the cipher requires");
        Self(Arc::new(LessSafeKey::new(key)))
    }

    /// Encrypts text. Only [`open`](Self::open) with the same key and purpose can decrypt the result.
    #[must_use]
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        fill_randomly(&mut nonce);
        let mut sealed = text.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .expect("the text is shorter than 256 GiB");
        format!("{VERSION}{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Decrypts a sealed text.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String, OpenSealError> {
        let encoded = sealed.strip_prefix(VERSION).ok_or(OpenSealError)?;
        let mut bytes = STANDARD_NO_PAD.decode(encoded).map_err(|_| OpenSealError)?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(OpenSealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenSealError)?;
        let text = self.0.open_in_place(nonce, Aad::from(purpose), text).map_err(|_| OpenSealError)?;
        String::from_utf8(text.to_vec()).map_err(|_| OpenSealError)
    }
}

/// Shows only the name of the type, because the key is secret.
impl Debug for SealKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

fn fill_randomly(bytes: &mut [u8]) {
    SystemRandom::new().fill(bytes).expect("the operating system provides random numbers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_can_be_opened_only_with_its_key_and_for_its_purpose() {
        let (key, text) = SealKey::random();
        let sealed = key.seal("secret A", "hunter2");
        assert!(!sealed.contains("hunter2"));
        let same = SealKey::from_hex(&format!("{text}\n")).expect("it is a key");
        assert_eq!(same.open("secret A", &sealed).expect("it is the same key"), "hunter2");
        assert!(same.open("secret B", &sealed).is_err());
        assert!(SealKey::random().0.open("secret A", &sealed).is_err());
    }

    #[test]
    fn equal_texts_are_sealed_differently() {
        let (key, _) = SealKey::random();
        assert_ne!(key.seal("", "hunter2"), key.seal("", "hunter2"));
    }

    #[test]
    fn a_damaged_text_is_refused() {
        let (key, _) = SealKey::random();
        let sealed = key.seal("", "hunter2");
        for end in 0..sealed.len() {
            assert!(key.open("", &sealed[..end]).is_err(), "{end}");
        }
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("it is ASCII");
            assert!(key.open("", &changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_key_must_have_64_hexadecimal_digits() {
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
            assert!(SealKey::from_hex(text).is_err(), "{text}");
        }
    }
}
