//! Verifies the ID tokens of the provider: their signature, issuer, audience, expiry and nonce.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{
    CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{ClaimsVerificationError, ClientId, Nonce, SignatureVerificationError};
use serde_json::{Map, Value};

use crate::oidc::OidcError;

/// The accepted signature algorithms. All of them verify a signature with a public key of the provider. Algorithms that
/// use the client's secret as the key are not accepted, because everyone who knows the secret could sign tokens.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The reasons why a token is not accepted.
pub(super) enum TokenProblem {
    /// The signature was made with none of the known keys.
    Signature(&'static str),
    /// The token is not valid for another reason.
    Other(&'static str),
}

impl TokenProblem {
    /// Converts the problem into the error of the login.
    pub(super) const fn into_error(self) -> OidcError {
        let (Self::Signature(reason) | Self::Other(reason)) = self;
        OidcError::Untrusted(reason)
    }
}

/// Verifies a token with the keys of the provider, and returns the person's id. `client_id` is the id with which this
/// server is registered at the provider, and `nonce` is the login's nonce.
pub(super) fn verified_subject(
    token: &CoreIdToken,
    description: &CoreProviderMetadata,
    client_id: &str,
    nonce: &Nonce,
) -> Result<String, TokenProblem> {
    let (client, issuer) = (ClientId::new(client_id.to_owned()), description.issuer().clone());
    let verifier = CoreIdTokenVerifier::new_public_client(client, issuer, description.jwks().clone());
    let verifier = verifier.set_allowed_algs(SIGNATURES);
    let claims: &CoreIdTokenClaims = token.claims(&verifier, nonce).map_err(|error| match error {
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoMatchingKey => TokenProblem::Signature("unknown key"),
            _ => TokenProblem::Signature("wrong signature"),
        },
        ClaimsVerificationError::Expired(_) => TokenProblem::Other("expired token"),
        ClaimsVerificationError::InvalidAudience(_) => TokenProblem::Other("token for another audience"),
        ClaimsVerificationError::InvalidIssuer(_) => TokenProblem::Other("token of another issuer"),
        ClaimsVerificationError::InvalidNonce(_) => TokenProblem::Other("token of another login"),
        _ => TokenProblem::Other("invalid token"),
    })?;
    // `openidconnect` does not check the authorised party (OpenID Connect Core, 3.1.3.7).
    if claims.authorized_party().is_some_and(|party| party.as_str() != client_id) {
        return Err(TokenProblem::Other("token for another party"));
    }
    Ok(claims.subject().to_string())
}

/// Returns all claims of a verified token, or `None` if they cannot be parsed. `openidconnect` itself returns only
/// standard claims.
pub(super) fn payload(token: &CoreIdToken) -> Option<Map<String, Value>> {
    let text = token.to_string();
    let bytes = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}
