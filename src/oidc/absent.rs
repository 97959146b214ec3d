//! Replaces the `provider` module in a build without the `oidc` feature. No provider can be created.

use std::net::IpAddr;

use super::{FinishedLogin, LoginStart, OidcError, OidcSettings, ProviderAnswer};

/// A provider. This type has no values, because a provider cannot be used in a build without the `oidc` feature.
#[derive(Debug)]
pub enum Oidc {}

impl Oidc {
    /// Refuses the settings.
    pub fn new(_settings: OidcSettings) -> Result<Self, OidcError> {
        Err(OidcError::NotBuilt)
    }

    /// Returns the provider's name on the login page.
    #[must_use]
    pub const fn name(&self) -> &str {
        match *self {}
    }

    /// Starts a login.
    #[expect(clippy::unused_async, reason = "the provider of a build with the feature waits here")]
    pub async fn start(
        &self,
        _redirect: String,
        _next: Option<String>,
        _address: IpAddr,
        _browser: Option<&str>,
    ) -> Result<LoginStart, OidcError> {
        match *self {}
    }

    /// Returns whether the browser has started logins that are not finished yet.
    #[must_use]
    pub const fn has_started(&self, _browser: &str) -> bool {
        match *self {}
    }

    /// Finishes a login.
    #[expect(clippy::unused_async, reason = "the provider of a build with the feature waits here")]
    pub async fn finish(&self, _answer: ProviderAnswer, _cookie: Option<&str>) -> Result<FinishedLogin, OidcError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_refused_with_how_to_build_the_feature() {
        let settings = OidcSettings {
            issuer: "https://id.example".into(),
            client_id: "tailwater".into(),
            client_secret: None,
            scopes: Vec::new(),
            user_claim: "preferred_username".into(),
            groups_claim: "groups".into(),
            name: "test".into(),
        };
        let refused = Oidc::new(settings).expect_err("there is no provider").to_string();
        assert!(refused.contains("cargo build --release --features ssr,oidc"), "{refused}");
    }
}
