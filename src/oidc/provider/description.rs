//! The provider's description and its keys (OpenID Connect Discovery), which are fetched when they are first needed.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use openidconnect::core::CoreProviderMetadata;
use openidconnect::url::Url;
use openidconnect::{DiscoveryError, IssuerUrl, TokenUrl, UserInfoUrl};

use super::http::ProviderHttp;
use crate::limits::PROVIDER_CACHE;
use crate::oidc::OidcError;

/// The description of one provider.
pub(super) struct ProviderDescription {
    issuer: IssuerUrl,
    /// The latest description, with the time at which it was received, or `None` if no description has been fetched
    /// yet.
    known: Mutex<Option<(Arc<CoreProviderMetadata>, Instant)>>,
}

impl ProviderDescription {
    /// Checks the address of a provider. The provider is not contacted yet.
    pub(super) fn of(issuer: &str) -> Result<Self, OidcError> {
        let setting = |problem: String| OidcError::Setting(problem);
        let url = Url::parse(issuer)
            .map_err(|error| setting(format!("oidc_issuer {issuer:?} is not an address: {error}")))?;
        if !is_safe(&url) {
            return Err(setting("oidc_issuer must begin with https://, except on a loopback address".into()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(setting("oidc_issuer must have neither a query nor a fragment".into()));
        }
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|error| setting(error.to_string()))?;
        Ok(Self { issuer, known: Mutex::default() })
    }

    /// Returns whether the provider runs on this machine.
    pub(super) fn is_local(&self) -> bool {
        is_loopback(self.issuer.url())
    }

    /// Returns the provider's description. It is fetched again if it is older than [`PROVIDER_CACHE`].
    pub(super) async fn current(&self, http: &ProviderHttp) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        let known = {
            let description = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            description.clone().filter(|(_, received)| received.elapsed() < PROVIDER_CACHE)
        };
        match known {
            Some((description, _)) => Ok(description),
            None => self.fetch(http).await,
        }
    }

    /// Fetches the provider's description and its keys, even if they are cached.
    pub(super) async fn fetch(&self, http: &ProviderHttp) -> Result<Arc<CoreProviderMetadata>, OidcError> {
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), http).await;
        let found = Arc::new(found.map_err(|error| match error {
            DiscoveryError::Request(error) => error.into(),
            DiscoveryError::Response(status, ..) => {
                OidcError::Unreachable(format!("it responded with status {status}"))
            }
            DiscoveryError::Validation(_) => {
                OidcError::Unreachable("its description names an issuer other than oidc_issuer".into())
            }
            _ => OidcError::Unreachable("its description is not that of a provider".into()),
        })?);
        self.check_endpoints(&found)?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&found), Instant::now()));
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
}

/// Returns whether requests to a URL are protected from others on the network: by TLS, or because they stay on this
/// machine.
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

    #[test]
    fn the_issuer_must_use_https_except_on_a_loopback_address() {
        for issuer in ["https://id.example", "https://id.example/realms/a/", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(ProviderDescription::of(issuer).is_ok(), "{issuer}");
        }
        for issuer in
            ["", "id.example", "http://id.example", "ftp://127.0.0.1", "https://id.example/?a", "https://x/#a"]
        {
            assert!(matches!(ProviderDescription::of(issuer), Err(OidcError::Setting(_))), "{issuer}");
        }
    }

    #[test]
    fn all_addresses_of_a_provider_use_https_unless_it_is_on_this_machine() {
        let described = |issuer: &str, tokens: &str| {
            let text = format!(
                r#"{{"issuer": "{issuer}", "authorization_endpoint": "{issuer}/a", "token_endpoint": "{tokens}",
                "jwks_uri": "{issuer}/k", "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"]}}"#
            );
            let description: CoreProviderMetadata = serde_json::from_str(&text).expect("it is a description");
            ProviderDescription::of(issuer).expect("it is an address").check_endpoints(&description)
        };
        assert_eq!(described("https://id.example", "https://tokens.example"), Ok(()));
        assert_eq!(described("http://127.0.0.1:1", "http://127.0.0.1:2"), Ok(()));
        for (issuer, tokens) in [
            ("https://id.example", "http://id.example/t"),
            ("https://id.example", "http://127.0.0.1:2"),
            ("http://127.0.0.1:1", "http://id.example/t"),
        ] {
            assert!(matches!(described(issuer, tokens), Err(OidcError::Unreachable(_))), "{issuer} {tokens}");
        }
    }
}
