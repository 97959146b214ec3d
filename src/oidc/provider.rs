//! The provider: its description and keys, and the two steps of a login.
//!
//! The crate `openidconnect` builds the requests and verifies the tokens. This module decides what is requested, which
//! signatures are accepted, and which answers belong to which login.

mod claims;
mod http;
mod started;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::UserSource;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::url::Url;
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse, TokenUrl,
    UserInfoUrl,
};
use serde_json::{Map, Value};

use super::{FinishedLogin, LoginStart, OidcError, OidcSettings, ProviderAnswer};
use crate::auth::ExternalPerson;
use crate::limits::{PROVIDER_CACHE, PROVIDER_REPLY};
use http::{HttpFailure, ProviderHttp};
use started::{StartedLogin, StartedLogins};

/// The signatures that are accepted. All of them use a public key of the provider: with the client's secret as the key,
/// everybody who knows the secret could sign.
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

/// A client with the endpoints that every provider has.
type ProviderClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// An OpenID Connect provider.
pub struct Oidc {
    settings: OidcSettings,
    issuer: IssuerUrl,
    http: ProviderHttp,
    /// The provider's description with its keys, and the time at which it was received.
    description: Mutex<Option<(Arc<CoreProviderMetadata>, Instant)>>,
    started: Mutex<StartedLogins>,
}

impl Oidc {
    /// Creates a provider from its settings. The provider is not contacted yet.
    pub fn new(settings: OidcSettings) -> Result<Self, OidcError> {
        let setting = |problem: String| OidcError::Setting(problem);
        let url = Url::parse(&settings.issuer)
            .map_err(|error| setting(format!("oidc_issuer {:?} is not an address: {error}", settings.issuer)))?;
        if !is_safe(&url) {
            return Err(setting("oidc_issuer must begin with https://, except on a loopback address".into()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(setting("oidc_issuer must have neither a query nor a fragment".into()));
        }
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| setting(error.to_string()))?;
        let http = ProviderHttp::new(is_loopback(&url), PROVIDER_REPLY).map_err(|error| setting(error.to_string()))?;
        Ok(Self { settings, issuer, http, description: Mutex::default(), started: Mutex::default() })
    }

    /// Returns the provider's name on the login page.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Starts a login. `redirect` is the address of this server to which the provider sends the browser back, and
    /// `address` is that of the client.
    pub async fn start(
        &self,
        redirect: String,
        next: Option<String>,
        address: IpAddr,
    ) -> Result<LoginStart, OidcError> {
        let description = self.description().await?;
        let client = self.client(&description);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client
            .authorize_url(flow, || CsrfToken::new_random_len(RANDOM), || Nonce::new_random_len(RANDOM))
            .add_scopes(self.settings.scopes.iter().map(|scope| Scope::new(scope.clone())))
            .set_redirect_uri(Cow::Owned(redirect_url(&redirect)?))
            .set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        let cookie = CsrfToken::new_random_len(RANDOM).secret().clone();
        let login = StartedLogin { nonce: nonce.secret().clone(), verifier: verifier.secret().clone(), redirect, next };
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.add(state.secret(), &cookie, address, login, Instant::now());
        Ok(LoginStart { url: url.into(), cookie })
    }

    /// Finishes a login, given the provider's answer and the cookie of the browser that has brought it.
    pub async fn finish(&self, answer: ProviderAnswer, cookie: Option<&str>) -> Result<FinishedLogin, OidcError> {
        let state = answer.state.as_deref().ok_or(OidcError::NotStarted)?;
        let login = {
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            started.take(state, cookie, Instant::now())?
        };
        if let Some(error) = answer.error {
            let description = answer.description.map(|text| format!(": {text}")).unwrap_or_default();
            return Err(OidcError::Refused(shown(&format!("{error}{description}"))));
        }
        if answer.issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(OidcError::Untrusted("another issuer"));
        }
        let code = answer.code.ok_or(OidcError::Untrusted("no code"))?;
        let description = self.description().await?;
        let reply = self.exchange(&description, code, &login).await?;
        let token = reply.id_token().ok_or(OidcError::Untrusted("no token"))?;
        let subject = self.verified_subject(&description, token, &Nonce::new(login.nonce)).await?;
        let mut claims = payload(token).ok_or(OidcError::Untrusted("no claims"))?;
        self.add_user_info(&description, &reply, &subject, &mut claims).await?;
        let name = claims::name(&claims, &self.settings.user_claim)
            .ok_or_else(|| OidcError::NoName(self.settings.user_claim.clone()))?;
        let person = ExternalPerson {
            source: UserSource::Oidc,
            issuer: self.settings.issuer.clone(),
            subject,
            name,
            groups: claims::groups(&claims, &self.settings.groups_claim),
        };
        Ok(FinishedLogin { person, next: login.next })
    }

    /// Exchanges the code for tokens.
    async fn exchange(
        &self,
        description: &CoreProviderMetadata,
        code: String,
        login: &StartedLogin,
    ) -> Result<CoreTokenResponse, OidcError> {
        let client = self.client(description);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| OidcError::Unreachable("it has no token endpoint".into()))?
            .set_pkce_verifier(PkceCodeVerifier::new(login.verifier.clone()))
            .set_redirect_uri(Cow::Owned(redirect_url(&login.redirect)?));
        request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(error) => OidcError::Refused(shown(&error.to_string())),
            RequestTokenError::Request(HttpFailure::Busy) => OidcError::Busy,
            RequestTokenError::Request(error) => OidcError::Unreachable(error.to_string()),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                OidcError::Unreachable("its response is not that of a provider".into())
            }
        })
    }

    /// Verifies a token, and returns the person's id. If none of the known keys fits the signature, the keys are fetched
    /// again, because the provider may have replaced them. The token comes from the provider itself, so nobody else can
    /// cause these requests.
    async fn verified_subject(
        &self,
        description: &CoreProviderMetadata,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<String, OidcError> {
        let first = verified(&self.verifier(description), token, nonce, &self.settings.client_id);
        if !matches!(first, Err(TokenProblem::Signature(_))) {
            return first.map_err(TokenProblem::into_error);
        }
        let description = self.describe().await?;
        verified(&self.verifier(&description), token, nonce, &self.settings.client_id).map_err(TokenProblem::into_error)
    }

    /// Adds claims that only the provider's user info contains. It is requested only if the token lacks the name or the
    /// groups.
    async fn add_user_info(
        &self,
        description: &CoreProviderMetadata,
        reply: &CoreTokenResponse,
        subject: &str,
        claims: &mut Map<String, Value>,
    ) -> Result<(), OidcError> {
        let OidcSettings { user_claim, groups_claim, .. } = &self.settings;
        let is_complete = [user_claim, groups_claim].into_iter().all(|name| claims::claim(claims, name).is_some());
        let Some(endpoint) = description.userinfo_endpoint().filter(|_| !is_complete) else { return Ok(()) };
        let body = self.http.user_info(endpoint.url(), reply.access_token().secret()).await.map_err(unreachable)?;
        let Ok(Value::Object(further)) = serde_json::from_slice(&body) else {
            return Err(OidcError::Unreachable("its user info is not an object".into()));
        };
        if further.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(OidcError::Untrusted("user info of somebody else"));
        }
        for (name, value) in further {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// Returns the provider's description, which is fetched again after some time.
    async fn description(&self) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        let known = {
            let description = self.description.lock().unwrap_or_else(PoisonError::into_inner);
            description.clone().filter(|(_, received)| received.elapsed() < PROVIDER_CACHE)
        };
        match known {
            Some((description, _)) => Ok(description),
            None => self.describe().await,
        }
    }

    /// Fetches the provider's description and its keys.
    async fn describe(&self) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let found = Arc::new(found.map_err(|error| match error {
            DiscoveryError::Request(error) => unreachable(error),
            DiscoveryError::Response(status, ..) => {
                OidcError::Unreachable(format!("it responded with status {status}"))
            }
            DiscoveryError::Validation(_) => {
                OidcError::Unreachable("it calls itself by another address than oidc_issuer".into())
            }
            _ => OidcError::Unreachable("its description is not that of a provider".into()),
        })?);
        self.check_endpoints(&found)?;
        *self.description.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&found), Instant::now()));
        Ok(found)
    }

    /// Refuses endpoints to which the code, the secret or the tokens would be sent without encryption.
    fn check_endpoints(&self, description: &CoreProviderMetadata) -> Result<(), OidcError> {
        let endpoints = [
            Some(description.authorization_endpoint().url()),
            Some(description.jwks_uri().url()),
            description.token_endpoint().map(TokenUrl::url),
            description.userinfo_endpoint().map(UserInfoUrl::url),
        ];
        let is_local = is_loopback(self.issuer.url());
        if endpoints.into_iter().flatten().all(|url| url.scheme() == "https" || (is_local && is_safe(url))) {
            return Ok(());
        }
        Err(OidcError::Unreachable("an address in its description does not begin with https://".into()))
    }

    fn client(&self, description: &CoreProviderMetadata) -> ProviderClient {
        let OidcSettings { client_id, client_secret, .. } = &self.settings;
        let secret = client_secret.clone().map(ClientSecret::new);
        let client = CoreClient::from_provider_metadata(description.clone(), ClientId::new(client_id.clone()), secret);
        // Without a list, providers accept the secret in the header (OpenID Connect Discovery, 3).
        let methods = description.token_endpoint_auth_methods_supported();
        let in_body = methods.is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        client.set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
    }

    fn verifier(&self, description: &CoreProviderMetadata) -> CoreIdTokenVerifier<'static> {
        let client = ClientId::new(self.settings.client_id.clone());
        CoreIdTokenVerifier::new_public_client(client, self.issuer.clone(), description.jwks().clone())
            .set_allowed_algs(SIGNATURES)
    }
}

/// The number of random bytes in a `state`, a nonce and a cookie.
const RANDOM: u32 = 32;

/// The reasons why a token is not accepted.
enum TokenProblem {
    /// None of the known keys fits the signature.
    Signature(&'static str),
    Other(&'static str),
}

impl TokenProblem {
    const fn into_error(self) -> OidcError {
        let (Self::Signature(reason) | Self::Other(reason)) = self;
        OidcError::Untrusted(reason)
    }
}

/// Verifies a token, and returns the person's id.
fn verified(
    verifier: &CoreIdTokenVerifier<'_>,
    token: &CoreIdToken,
    nonce: &Nonce,
    client_id: &str,
) -> Result<String, TokenProblem> {
    let claims: &CoreIdTokenClaims = token.claims(verifier, nonce).map_err(|error| match error {
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
    // The crate does not check the authorised party (OpenID Connect Core, 3.1.3.7).
    if claims.authorized_party().is_some_and(|party| party.as_str() != client_id) {
        return Err(TokenProblem::Other("token for another party"));
    }
    Ok(claims.subject().to_string())
}

/// Returns all claims of a verified token. The crate provides only those that it knows.
fn payload(token: &CoreIdToken) -> Option<Map<String, Value>> {
    let text = token.to_string();
    let bytes = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn unreachable(error: HttpFailure) -> OidcError {
    match error {
        HttpFailure::Busy => OidcError::Busy,
        error => OidcError::Unreachable(error.to_string()),
    }
}

/// Returns a text of the provider for the page: without control characters, and of a limited length.
fn shown(text: &str) -> String {
    /// The maximum length, in characters. It is enough for an explanation of two sentences.
    const MAX: usize = 300;
    text.chars().filter(|c| !c.is_control()).take(MAX).collect()
}

fn redirect_url(address: &str) -> Result<RedirectUrl, OidcError> {
    RedirectUrl::new(address.to_owned()).map_err(|_| OidcError::Setting("the server's address is not valid".into()))
}

/// Returns whether nobody on the network can read or change what is sent to an address.
fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(issuer: &str) -> OidcSettings {
        OidcSettings {
            issuer: issuer.to_owned(),
            client_id: "tailwater".into(),
            client_secret: Some("a-client-secret".into()),
            scopes: Vec::new(),
            user_claim: "preferred_username".into(),
            groups_claim: "groups".into(),
            name: "test".into(),
        }
    }

    #[test]
    fn the_issuer_must_use_https_except_on_a_loopback_address() {
        for issuer in ["https://id.example", "https://id.example/realms/a/", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(Oidc::new(settings(issuer)).is_ok(), "{issuer}");
        }
        for issuer in
            ["", "id.example", "http://id.example", "ftp://127.0.0.1", "https://id.example/?a", "https://x/#a"]
        {
            assert!(matches!(Oidc::new(settings(issuer)), Err(OidcError::Setting(_))), "{issuer}");
        }
    }

    #[test]
    fn the_secret_is_not_part_of_the_debug_format() {
        let text = format!("{:?}", settings("https://id.example"));
        assert!(text.contains("id.example") && !text.contains("a-client-secret"), "{text}");
    }
}
