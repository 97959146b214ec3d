//! Permits a document to load the artifacts of one attempt, but gives it no access to the reader's session.
//!
//! HTML reports are untrusted, so they are displayed in an opaque origin. When a document with an opaque origin
//! requests styles and images, browsers send no cookies. Each URL therefore contains a signed token. The server
//! verifies the signature and does not have to store the token.
//!
//! A signed token names the credential with which the preview was opened. Before sending a file, the server checks that
//! this credential is still valid. A stolen URL is therefore useless after the session has ended.

use hmac::{Hmac, KeyInit, Mac};
use model::{JobId, SessionId, Timestamp, TokenId};
use sha2::Sha256;
use uuid::Uuid;

use super::Credential;
use crate::limits::PREVIEW;

/// The artifacts that a signed token gives access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewScope {
    /// The job.
    pub job: JobId,
    /// The attempt that created the artifacts.
    pub attempt: i32,
}

/// The key that signs the tokens. A new key is generated whenever the server starts.
#[derive(Clone)]
pub(super) struct PreviewKey([u8; 32]);

impl PreviewKey {
    pub(super) fn random() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the operating system provides random numbers");
        Self(key)
    }

    /// Returns a signed token that is valid for [`PREVIEW`], but not longer than the credential.
    pub(super) fn permit(&self, scope: PreviewScope, by: Credential, now: Timestamp) -> String {
        let signed = format!("{}.{}.{}.{}", scope.job, scope.attempt, now.after(PREVIEW).0, encode(by));
        let signature = hex::encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Returns the scope of a signed token and the credential with which the preview was opened, or `None` if the token
    /// is invalid or has expired. The caller checks the credential.
    pub(super) fn scope(&self, permission: &str, now: Timestamp) -> Option<(PreviewScope, Credential)> {
        let (signed, signature) = permission.rsplit_once('.')?;
        self.mac(signed).verify_slice(&hex::decode(signature).ok()?).ok()?;
        let mut parts = signed.split('.');
        let (job, attempt, end) =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let by = decode(parts.next()?)?;
        (now < Timestamp(end)).then_some((PreviewScope { job, attempt }, by))
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("a key can have any length").chain_update(signed)
    }
}

/// Encodes a credential as a letter and its id, which is not secret.
fn encode(by: Credential) -> String {
    match by {
        Credential::AdminToken => "a".to_owned(),
        Credential::ApiToken(TokenId(id)) => format!("t{id}"),
        Credential::Proxy(user) => format!("p{user}"),
        Credential::Session(SessionId(id)) => format!("s{id}"),
    }
}

fn decode(text: &str) -> Option<Credential> {
    let (kind, id) = text.split_at_checked(1)?;
    match kind {
        "a" if id.is_empty() => Some(Credential::AdminToken),
        "t" => Some(Credential::ApiToken(TokenId(id.parse::<Uuid>().ok()?))),
        "p" => Some(Credential::Proxy(id.parse().ok()?)),
        "s" => Some(Credential::Session(SessionId(id.parse::<Uuid>().ok()?))),
        _ => None,
    }
}

impl std::fmt::Debug for PreviewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreviewKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_769_868_131_000_000);

    fn scope() -> PreviewScope {
        PreviewScope { job: "01890000-0000-7000-8000-000000000000".parse().expect("an id"), attempt: 2 }
    }

    #[test]
    fn a_signed_token_is_valid_for_its_attempt_until_it_expires() {
        let key = PreviewKey::random();
        let id = Uuid::from_u128(7);
        for by in [
            Credential::AdminToken,
            Credential::ApiToken(TokenId(id)),
            Credential::Proxy(7),
            Credential::Session(SessionId(id)),
        ] {
            let permission = key.permit(scope(), by, NOW);
            assert_eq!(key.scope(&permission, NOW), Some((scope(), by)));
            let end = NOW.after(PREVIEW);
            assert_eq!(key.scope(&permission, Timestamp(end.0 - 1)), Some((scope(), by)));
            assert_eq!(key.scope(&permission, end), None);
        }
    }

    #[test]
    fn a_changed_signed_token_is_not_valid() {
        let key = PreviewKey::random();
        let permission = key.permit(scope(), Credential::Session(SessionId(Uuid::from_u128(7))), NOW);
        for at in 0..permission.len() {
            for byte in [b'0', b'1', b'2', b'a', b'.', b'-'] {
                let mut changed = permission.clone().into_bytes();
                if std::mem::replace(&mut changed[at], byte) != byte {
                    let changed = String::from_utf8(changed).expect("it is ASCII");
                    assert_eq!(key.scope(&changed, NOW), None, "{changed}");
                }
            }
            assert_eq!(key.scope(&permission[..at], NOW), None);
        }
        assert_eq!(PreviewKey::random().scope(&permission, NOW), None, "the server has restarted");
        for other in ["", ".", "..", "...", "a.b.c.d", &format!("{permission}.")] {
            assert_eq!(key.scope(other, NOW), None, "{other:?}");
        }
    }
}
