//! The settings of a server, as read from the command line, the environment and the settings file.

mod people;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use engine::json::JsonDepth;
use engine::queue::{Retention, UploadLimits};
use leptos::config::LeptosOptions;
use model::Role;
use serde::Deserialize;

use super::client::TrustedProxies;
use super::head::HeadLimits;
use super::open_streams::StreamLimits;
use super::site::EmbeddedSite;
use super::tls::TlsFiles;
use crate::auth::FailedLoginLimits;
use crate::jobs_config::{JobsConfig, MAX_ARTIFACTS};
use crate::limits::Limits;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory for the database, the output of jobs, and workspaces.
    pub data_dir: PathBuf,
    /// The directory of the built pages. If `None`, the pages embedded in the program are used. If there are none, the
    /// pages of the last build are used.
    pub site_root: Option<PathBuf>,
    /// The static files that are compiled into the program, or `None` if there are none.
    pub embedded_site: Option<EmbeddedSite>,
    /// The admin token chosen by the operator. If `None`, the token in the data directory is used.
    pub admin_token: Option<String>,
    /// The key that encrypts secrets, chosen by the operator. If `None`, the key in the data directory is used.
    pub secrets_key: Option<String>,
    /// The PEM file that contains the certificate for TLS, followed by the intermediate certificates. If `None`, the
    /// server does not use TLS.
    pub tls_cert: Option<PathBuf>,
    /// The PEM file that contains the private key of the certificate, or `None` if the server does not use TLS.
    pub tls_key: Option<PathBuf>,
    /// Other host names that browsers may use for this server. The server's own address and the names of the loopback
    /// interface are always allowed.
    pub allowed_hosts: Vec<String>,
    /// The addresses and networks of the reverse proxies whose headers are trusted.
    pub trusted_proxies: Vec<String>,
    /// The header in which a trusted proxy sends the name of the person, or `None` to ignore names from proxies.
    pub proxy_user_header: Option<String>,
    /// The header in which a trusted proxy sends the person's groups, or `None` if it sends none.
    pub proxy_groups_header: Option<String>,
    /// The roles of groups, such as `ops=admin`.
    pub group_roles: Vec<String>,
    /// The role of people who have no group in `group_roles`, or `None` to refuse these people.
    pub default_role: Option<Role>,
    /// The lifetime of a session of a person whom a proxy or a provider has authenticated.
    pub sso_session: Duration,
    /// The address of the OpenID Connect provider, or `None` if there is none.
    pub oidc_issuer: Option<String>,
    /// The client id of this server at the provider, or `None` if there is no provider.
    pub oidc_client_id: Option<String>,
    /// The client secret that belongs to `oidc_client_id`. It is `None` if the secret is in a file, or if there is no
    /// secret.
    pub oidc_client_secret: Option<String>,
    /// The file that contains the client secret, or `None` if there is no such file.
    pub oidc_client_secret_file: Option<PathBuf>,
    /// The scopes to request in addition to `openid`.
    pub oidc_scopes: Vec<String>,
    /// The claim with the person's name.
    pub oidc_user_claim: String,
    /// The claim with the person's groups.
    pub oidc_groups_claim: String,
    /// The provider's name on the login page.
    pub oidc_name: String,
    /// The settings for running jobs.
    pub jobs: JobsConfig,
    /// The limits on the head of a request.
    pub head: HeadLimits,
    /// The maximum size of a request body, in bytes. Files that are sent with a job are not counted.
    pub body_bytes: usize,
    /// The maximum nesting depth of JSON in requests.
    pub json_depth: JsonDepth,
    /// The maximum numbers of failed logins.
    pub failed_logins: FailedLoginLimits,
    /// The maximum number of open connections, or `None` to derive it from the limit on open files.
    pub connections: Option<usize>,
    /// The maximum number of open streams.
    pub streams: usize,
    /// The maximum number of open streams of each user.
    pub streams_per_user: usize,
    /// The maximum number of queued jobs.
    pub jobs_queued: i64,
    /// The time for which a queued job is reserved for the worker that last ran a job with the same affinity key.
    pub affinity_wait: Duration,
    /// The number of days for which the output and the artifacts of finished jobs are kept, or 0 if there is no limit.
    pub keep_days: u32,
    /// The number of days for which finished jobs are kept, or 0 if there is no limit.
    pub keep_jobs_days: u32,
    /// The maximum size of all outputs and artifacts, in bytes, or `None` if there is no limit.
    pub keep_bytes: Option<u64>,
    /// The limits on how long clients may keep the server waiting.
    pub limits: Limits,
}

/// An error in a setting.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The server can be reached from other machines, but nobody could log in. The settings contain neither an admin
    /// token nor a proxy or a provider that authenticates people, and no local user with the role `admin` has a
    /// password.
    #[error(
        "listening on {0} exposes the server to other machines, so you have to choose the admin token: set \
         TAILWATER_ADMIN_TOKEN to 32 or more printable characters, or listen on 127.0.0.1"
    )]
    OpenWithoutToken(SocketAddr),
    /// The address of a trusted proxy is not valid.
    #[error("trusted_proxies contains {0:?}, which is neither an IP address nor a network such as 10.0.0.0/8")]
    Proxy(String),
    /// A header that contains the proxy's user is set, but no proxy is trusted.
    #[error(
        "proxy_user_header is set, but no proxy is trusted; name the proxy's address with --trusted-proxies or \
         TAILWATER_TRUSTED_PROXIES"
    )]
    NoProxy,
    /// The header for groups is set, but not the header for users.
    #[error("proxy_groups_header is set without proxy_user_header, which names the header with the user")]
    GroupsWithoutUser,
    /// The name of a header is not valid, or the header already has another meaning.
    #[error("{setting} cannot be {name:?}; use the name of a header that only the proxy sets, such as Remote-User")]
    ProxyHeader {
        /// The setting.
        setting: &'static str,
        /// The name.
        name: String,
    },
    /// The role of a group is not valid.
    #[error("group_roles contains {0:?}; expected GROUP=ROLE with the role viewer, operator or admin")]
    GroupRole(String),
    /// A proxy or a provider authenticates people, but the settings give nobody a role.
    #[error(
        "people whom {0} authenticates would have no role; map their groups with --group-role GROUP=ROLE \
         (group_roles), or set --default-role (default_role)"
    )]
    NoRoles(&'static str),
    /// The client id or secret for the OpenID Connect provider is set, but not the provider's address.
    #[error("oidc_issuer, the address of the OpenID Connect provider, is missing")]
    NoIssuer,
    /// The client id of the server at the provider is missing.
    #[error("oidc_client_id is missing; register this server at the provider, which assigns the id")]
    NoClientId,
    /// The client secret of the server at the provider is set twice: directly, and as a file.
    #[error("set only one of oidc_client_secret and oidc_client_secret_file")]
    TwoClientSecrets,
    /// The file with the client secret cannot be read.
    #[error("failed to read oidc_client_secret_file {path}: {source}")]
    ClientSecretFile {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// Only one of the two files that TLS requires is set.
    #[error("TLS requires both a certificate and its key; set TAILWATER_TLS_CERT and TAILWATER_TLS_KEY, or neither")]
    HalfOfTls,
}

impl Config {
    /// Returns the reverse proxies whose headers are trusted.
    pub(super) fn trusted_proxies(&self) -> Result<TrustedProxies, ConfigError> {
        TrustedProxies::parse(&self.trusted_proxies).map_err(ConfigError::Proxy)
    }

    /// Returns the files that TLS requires, or `None` if the server does not use TLS.
    pub(super) fn tls_files(&self) -> Result<Option<TlsFiles>, ConfigError> {
        match (self.tls_cert.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (None, None) => Ok(None),
            _ => Err(ConfigError::HalfOfTls),
        }
    }

    /// Returns the limits on open streams.
    pub(super) const fn stream_limits(&self) -> StreamLimits {
        StreamLimits { in_all: self.streams, per_user: self.streams_per_user }
    }

    /// Returns the limits on the artifacts that a worker on another machine uploads.
    pub(super) fn upload_limits(&self) -> UploadLimits {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        UploadLimits { files: number(MAX_ARTIFACTS as u64), job_bytes: number(self.jobs.artifact_job_bytes) }
    }

    /// Returns how long the data of finished jobs is kept, and how much of it. A job's output is never kept for longer
    /// than the job.
    pub(super) fn retention(&self) -> Retention {
        let time = |days: u32| (days > 0).then(|| Duration::from_hours(24 * u64::from(days)));
        let (output, jobs) = (time(self.keep_days), time(self.keep_jobs_days));
        let bytes = self.keep_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        Retention { output: output.into_iter().chain(jobs).min(), jobs, bytes }
    }
}

/// Returns the options of Leptos: the server's address, and the options that `Leptos.toml` contained at build time.
pub(super) fn leptos(address: SocketAddr) -> LeptosOptions {
    let site = SiteOptions::built_in();
    LeptosOptions::builder().output_name(site.output_name).site_pkg_dir(site.site_pkg_dir).site_addr(address).build()
}

/// The options in `Leptos.toml` that the server needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteOptions {
    /// The base name of the script, the WASM module and the style sheet.
    pub output_name: String,
    /// The directory of the built pages.
    pub site_root: String,
    /// The directory of the script, the module and the style sheet, relative to `site_root`.
    pub site_pkg_dir: String,
}

impl SiteOptions {
    /// Returns the options in the `Leptos.toml` that this program was built with.
    #[must_use]
    pub fn built_in() -> Self {
        #[derive(Deserialize)]
        struct File {
            leptos: SiteOptions,
        }
        let file: File = toml::from_str(include_str!("../../Leptos.toml")).expect("a test parses this file");
        file.leptos
    }
}
