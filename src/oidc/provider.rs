//! An OpenID Connect provider, and the two steps of a login.
//!
//! The `openidconnect` crate builds the requests and verifies the tokens. This module and its submodules decide what is
//! requested, which signatures are accepted, and which answer belongs to which login.

mod claims;
mod description;
mod http;
mod started;
mod token;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use model::UserSource;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse,
};
use serde_json::{Map, Value};

use super::{FinishedLogin, LoginStart, OidcError, OidcSettings, ProviderAnswer};
use crate::auth::ExternalPerson;
use crate::limits::PROVIDER_REPLY;
use description::ProviderDescription;
use http::ProviderHttp;
use started::{StartedLogin, StartedLogins};
use token::TokenProblem;

/// A client with the endpoints that every provider has.
type ProviderClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// An OpenID Connect provider.
pub struct Oidc {
    settings: OidcSettings,
    http: ProviderHttp,
    description: ProviderDescription,
    started: Mutex<StartedLogins>,
}

impl Oidc {
    /// Creates a provider from its settings. The provider is not contacted yet.
    pub fn new(settings: OidcSettings) -> Result<Self, OidcError> {
        let description = ProviderDescription::of(&settings.issuer)?;
        let http = ProviderHttp::new(description.is_local(), PROVIDER_REPLY)
            .map_err(|error| OidcError::Setting(error.to_string()))?;
        Ok(Self { settings, http, description, started: Mutex::default() })
    }

    /// Returns the provider's name on the login page.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Starts a login. `redirect` is the URL to which the provider sends the browser back, `next` is the page to show
    /// after the login, and `address` is the IP address of the client. `browser` is the value of the login cookie that
    /// the browser has sent, if any. If the cookie belongs to a login that another tab has started, the new login uses
    /// the same cookie.
    pub async fn start(
        &self,
        redirect: String,
        next: Option<String>,
        address: IpAddr,
        browser: Option<&str>,
    ) -> Result<LoginStart, OidcError> {
        let description = self.description.current(&self.http).await?;
        let client = self.client(&description);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client
            .authorize_url(flow, || CsrfToken::new_random_len(RANDOM), || Nonce::new_random_len(RANDOM))
            .add_scopes(self.settings.scopes.iter().map(|scope| Scope::new(scope.clone())))
            .set_redirect_uri(Cow::Owned(redirect_url(&redirect)?))
            .set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        let login = StartedLogin { nonce: nonce.secret().clone(), verifier: verifier.secret().clone(), redirect, next };
        let (mut started, now) = (self.started.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let cookie = browser.filter(|cookie| started.has(cookie, now)).map(str::to_owned);
        let cookie = cookie.unwrap_or_else(|| CsrfToken::new_random_len(RANDOM).into_secret());
        started.add(state.secret(), &cookie, address, login, now);
        Ok(LoginStart { url: url.into(), cookie })
    }

    /// Finishes a login, given the provider's answer and the cookie of the browser that has transmitted the answer.
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
        let description = self.description.current(&self.http).await?;
        let reply = self.exchange(&description, code, &login).await?;
        let token = reply.id_token().ok_or(OidcError::Untrusted("no token"))?;
        let subject = self.verified_subject(&description, token, &Nonce::new(login.nonce)).await?;
        let mut claims = token::payload(token).ok_or(OidcError::Untrusted("no claims"))?;
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

    /// Returns whether the browser with this cookie has started logins that are not finished yet.
    #[must_use]
    pub fn has_started(&self, browser: &str) -> bool {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).has(browser, Instant::now())
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
            RequestTokenError::Request(error) => error.into(),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                OidcError::Unreachable("its response is not that of a provider".into())
            }
        })
    }

    /// Verifies a token, and returns the person's id. If the signature was made with none of the known keys, the keys
    /// are fetched again, because the provider may have replaced them. The token comes directly from the provider, so
    /// nobody else can cause these requests.
    async fn verified_subject(
        &self,
        description: &CoreProviderMetadata,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<String, OidcError> {
        let client_id = &self.settings.client_id;
        let first = token::verified_subject(token, description, client_id, nonce);
        if !matches!(first, Err(TokenProblem::Signature(_))) {
            return first.map_err(TokenProblem::into_error);
        }
        let description = self.description.fetch(&self.http).await?;
        token::verified_subject(token, &description, client_id, nonce).map_err(TokenProblem::into_error)
    }

    /// Adds the claims of the provider's user info, which is requested only if the token lacks the name or the groups.
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
        let body = self.http.user_info(endpoint.url(), reply.access_token().secret()).await?;
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

    fn client(&self, description: &CoreProviderMetadata) -> ProviderClient {
        let OidcSettings { client_id, client_secret, .. } = &self.settings;
        let secret = client_secret.clone().map(ClientSecret::new);
        let client = CoreClient::from_provider_metadata(description.clone(), ClientId::new(client_id.clone()), secret);
        // A provider that lists no methods accepts the secret in the header (OpenID Connect Discovery, 3).
        let methods = description.token_endpoint_auth_methods_supported();
        let in_body = methods.is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        client.set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
    }
}

/// The number of random bytes in a `state`, a nonce and a cookie.
const RANDOM: u32 = 32;

/// Prepares text from the provider for display: removes control characters, and limits the length.
fn shown(text: &str) -> String {
    /// The maximum length, in characters. It is enough for an explanation of two sentences.
    const MAX: usize = 300;
    text.chars().filter(|c| !c.is_control()).take(MAX).collect()
}

fn redirect_url(address: &str) -> Result<RedirectUrl, OidcError> {
    RedirectUrl::new(address.to_owned()).map_err(|_| OidcError::Setting("the server's address is not valid".into()))
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
    fn the_secret_is_not_part_of_the_debug_format() {
        let text = format!("{:?}", settings("https://id.example"));
        assert!(text.contains("id.example") && !text.contains("a-client-secret"), "{text}");
    }
}
