//! Logs people in with an OpenID Connect provider, by the authorization code flow with PKCE.
//!
//! A login consists of two requests: [`Oidc::start`] redirects the browser to the provider, and [`Oidc::finish`]
//! handles the provider's answer, which the browser transmits. The `auth` module then determines the person's role. The
//! provider is contacted only during a login, so the server starts and runs even if the provider cannot be reached.
//!
//! A build without the `oidc` feature contains no code for these logins, and refuses the settings of a provider.

#[cfg(feature = "oidc")]
mod provider;
#[cfg(not(feature = "oidc"))]
#[path = "oidc/absent.rs"]
mod provider;

use std::fmt;

use crate::auth::ExternalPerson;
pub use provider::Oidc;

/// The settings of a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// The address of the provider, exactly as it appears in its tokens.
    pub issuer: String,
    /// The client id with which this server is registered at the provider.
    pub client_id: String,
    /// The secret that belongs to `client_id`. `None` means a public client, whose logins are protected only by PKCE.
    pub client_secret: Option<String>,
    /// The scopes to request in addition to `openid`.
    pub scopes: Vec<String>,
    /// The claim with the person's name.
    pub user_claim: String,
    /// The claim with the person's groups.
    pub groups_claim: String,
    /// The provider's name on the login page.
    pub name: String,
}

impl fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A started login: the URL to which the browser is redirected, and the cookie that the browser must send back.
#[derive(Clone)]
pub struct LoginStart {
    /// The address of the provider's login page.
    pub url: String,
    /// The value of the cookie, which binds the login to the browser.
    pub cookie: String,
}

/// The provider's answer: the parameters of the URL to which it has redirected the browser.
#[derive(Clone, Default)]
pub struct ProviderAnswer {
    /// The code that the server exchanges for tokens, or `None` if the provider has refused the login.
    pub code: Option<String>,
    /// The random string that identifies the started login, or `None` if it is missing.
    pub state: Option<String>,
    /// The provider's address (RFC 9207), or `None` if the provider does not send it.
    pub issuer: Option<String>,
    /// The provider's error code, or `None` if the provider has not refused the login.
    pub error: Option<String>,
    /// The provider's explanation of the error, or `None` if the provider sends none.
    pub description: Option<String>,
}

/// A person whom the provider has authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedLogin {
    /// The person.
    pub person: ExternalPerson,
    /// The page that was requested before the login, or `None` if no page was requested.
    pub next: Option<String>,
}

/// The reasons why a login with the provider can fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The program was built without the `oidc` feature.
    #[error(
        "oidc_issuer is set, but this program was built without OpenID Connect; build it with the feature oidc, for \
         example with `make build` or `cargo build --release --features ssr,oidc`, or remove the setting"
    )]
    NotBuilt,
    /// A setting is not valid.
    #[error("{0}")]
    Setting(String),
    /// The provider did not respond, or its response was not valid.
    #[error("the login with the provider failed ({0}); try again, or log in as a user of this server")]
    Unreachable(String),
    /// Too many requests to the provider are in progress.
    #[error("too many people are logging in; try again in a moment")]
    Busy,
    /// The answer does not belong to an unfinished login that was started in this browser.
    #[error(
        "this login was not started in this browser, has already been used, or took longer than 10 minutes; start it \
         again"
    )]
    NotStarted,
    /// The provider has refused the login.
    #[error("the provider has refused the login: {0}")]
    Refused(String),
    /// The provider's tokens are not valid.
    #[error("the provider's answer cannot be trusted: {0}; ask an administrator")]
    Untrusted(&'static str),
    /// A claim is missing.
    #[error("the provider did not send the claim {0}, which should contain your name; ask an administrator")]
    NoName(String),
}

impl OidcError {
    /// Returns a fixed description for the audit log and the server's log, which must not contain text that the
    /// provider or the browser has sent.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotBuilt | Self::Setting(_) => "not configured",
            Self::Unreachable(_) => "provider unreachable",
            Self::Busy => "busy",
            Self::NotStarted => "no started login",
            Self::Refused(_) => "refused by the provider",
            Self::Untrusted(reason) => reason,
            Self::NoName(_) => "no name",
        }
    }
}
