//! The settings about the people whom a reverse proxy or an OpenID Connect provider authenticates.

use std::fs;

use super::{Config, ConfigError};
use crate::auth::GroupRoles;
use crate::oidc::OidcSettings;
use crate::server::proxy_user::ProxyHeaders;

impl Config {
    /// Returns whether the settings specify how the first administrator logs in: with an admin token, or through a
    /// proxy or a provider. Without such a setting, the server listens on an address other than loopback only if a
    /// local user with the role `admin` has a password.
    pub(in crate::server) const fn chooses_a_login(&self) -> bool {
        self.admin_token.is_some() || self.proxy_user_header.is_some() || self.oidc_issuer.is_some()
    }

    /// Returns the headers in which a trusted proxy names an authenticated person, or `None` if such headers are
    /// ignored.
    pub(in crate::server) fn proxy_headers(&self) -> Result<Option<ProxyHeaders>, ConfigError> {
        match (&self.proxy_user_header, &self.proxy_groups_header) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ConfigError::GroupsWithoutUser),
            (Some(_), _) if self.trusted_proxies.is_empty() => Err(ConfigError::NoProxy),
            (Some(user), groups) => ProxyHeaders::parse(user, groups.as_deref()).map(Some),
        }
    }

    /// Returns the mapping of groups to roles, which is required if a proxy or a provider authenticates people.
    pub(in crate::server) fn group_roles(&self) -> Result<GroupRoles, ConfigError> {
        let roles = GroupRoles::parse(&self.group_roles, self.default_role).map_err(ConfigError::GroupRole)?;
        match (&self.proxy_user_header, &self.oidc_issuer) {
            (Some(_), _) if !roles.give_roles() => Err(ConfigError::NoRoles("the proxy")),
            (_, Some(_)) if !roles.give_roles() => Err(ConfigError::NoRoles("the provider")),
            _ => Ok(roles),
        }
    }

    /// Returns the settings of the OpenID Connect provider, or `None` if there is none.
    pub(in crate::server) fn oidc(&self) -> Result<Option<OidcSettings>, ConfigError> {
        let (secret, file) = (&self.oidc_client_secret, &self.oidc_client_secret_file);
        let Some(issuer) = self.oidc_issuer.clone() else {
            let is_half = self.oidc_client_id.is_some() || secret.is_some() || file.is_some();
            return if is_half { Err(ConfigError::NoIssuer) } else { Ok(None) };
        };
        let client_secret = match (secret, file) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoClientSecrets),
            (Some(secret), None) => Some(secret.clone()),
            (None, Some(path)) => {
                let failed = |source| ConfigError::ClientSecretFile { path: path.clone(), source };
                Some(fs::read_to_string(path).map_err(failed)?.trim().to_owned())
            }
            (None, None) => None,
        };
        Ok(Some(OidcSettings {
            issuer,
            client_id: self.oidc_client_id.clone().ok_or(ConfigError::NoClientId)?,
            client_secret,
            scopes: self.oidc_scopes.clone(),
            user_claim: self.oidc_user_claim.clone(),
            groups_claim: self.oidc_groups_claim.clone(),
            name: self.oidc_name.clone(),
        }))
    }
}
