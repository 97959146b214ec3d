//! `tailwater serve`: the server with its embedded worker.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use engine::json::JsonDepth;
use engine::queue::LEASE;
use engine::worker::Supervision;
use model::Role;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Embedded;
use super::exposed::warn_if_exposed;
use super::job_host;
use super::job_settings::JobSettings;
use super::settings::SettingsFile;
use crate::auth::FailedLoginLimits;
use crate::limits::Limits;
use crate::logging::{self, LogFormat};
use crate::server::site::EmbeddedSite;
use crate::server::{Config, HeadLimits, Server, StartError};

/// The definition of all settings. Each is a flag, an environment variable and a key of the settings file
/// ([`super::settings`]).
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The address to listen on; with port 0 the system chooses a free port.
    #[arg(long, env = "TAILWATER_LISTEN", default_value = "127.0.0.1:3000")]
    listen: String,
    /// The directory for the database, the output of jobs, and workspaces.
    #[arg(long, env = "TAILWATER_DATA_DIR", default_value = "./data", value_name = "DIR")]
    data_dir: PathBuf,
    /// The directory with the web pages [default: the pages embedded in the program, or target/site].
    #[arg(long, env = "TAILWATER_SITE_ROOT", value_name = "DIR")]
    site_root: Option<PathBuf>,
    /// The admin token, 32 or more printable characters. It cannot be given as a flag: use the variable or the settings
    /// file [default: generated on first start and stored in the data directory].
    #[arg(long, env = "TAILWATER_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// The key that encrypts secrets in the database, 64 hexadecimal digits. It cannot be given as a flag: use the
    /// variable or the settings file [default: generated on first start and stored in the data directory].
    #[arg(long, env = "TAILWATER_SECRETS_KEY", hide_env_values = true, value_name = "KEY")]
    secrets_key: Option<String>,
    /// The certificate for TLS, followed by the intermediate certificates, in PEM [default: no TLS].
    #[arg(long, env = "TAILWATER_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, env = "TAILWATER_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Another host name that browsers may use for this server; may be repeated.
    #[arg(long = "allowed-host", env = "TAILWATER_ALLOWED_HOSTS", value_delimiter = ',', value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// The IP address or network of a reverse proxy whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted; may be
    /// repeated.
    #[arg(long, env = "TAILWATER_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESS")]
    trusted_proxies: Vec<String>,
    /// The header in which a trusted proxy sends the name of the person whom it has authenticated [default: none is
    /// trusted].
    #[arg(long, env = "TAILWATER_PROXY_USER_HEADER", value_name = "HEADER")]
    proxy_user_header: Option<String>,
    /// The header in which a trusted proxy sends the person's groups, separated by commas [default: none is trusted].
    #[arg(long, env = "TAILWATER_PROXY_GROUPS_HEADER", value_name = "HEADER")]
    proxy_groups_header: Option<String>,
    /// A group and the role that it gives to people whom a proxy or a provider authenticates, such as `ops=admin`; may
    /// be repeated.
    #[arg(long = "group-role", env = "TAILWATER_GROUP_ROLES", value_delimiter = ',', value_name = "GROUP=ROLE")]
    group_roles: Vec<String>,
    /// The role of people to whom no `--group-role` applies: viewer, operator or admin [default: such people are
    /// refused].
    #[arg(
        long,
        env = "TAILWATER_DEFAULT_ROLE",
        value_parser = PossibleValuesParser::new(Role::OF_PEOPLE.map(Role::as_str)),
        hide_possible_values = true,
        value_name = "ROLE"
    )]
    default_role: Option<String>,
    /// How long people stay logged in after a login with a provider or after the last request with a proxy's header, in
    /// hours.
    #[arg(long, env = "TAILWATER_SSO_SESSION_HOURS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=720))]
    sso_session_hours: u32,
    /// The address of an OpenID Connect provider with which people can log in [default: none].
    #[arg(long, env = "TAILWATER_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,
    /// The id of this server at the provider.
    #[arg(long, env = "TAILWATER_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The client secret of this server at the provider. It cannot be given as a flag: use the variable, the settings
    /// file, or `--oidc-client-secret-file` [default: none, for a public client].
    #[arg(long, env = "TAILWATER_OIDC_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    oidc_client_secret: Option<String>,
    /// A file that contains the client secret of this server at the provider.
    #[arg(long, env = "TAILWATER_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// A scope to request in addition to `openid`; may be repeated; replaces the default.
    #[arg(
        long = "oidc-scope",
        env = "TAILWATER_OIDC_SCOPES",
        value_delimiter = ',',
        value_name = "SCOPE",
        default_values = ["profile"]
    )]
    oidc_scopes: Vec<String>,
    /// The claim with the person's name.
    #[arg(long, env = "TAILWATER_OIDC_USER_CLAIM", default_value = "preferred_username", value_name = "CLAIM")]
    oidc_user_claim: String,
    /// The claim with the person's groups; dots lead into objects, as in `realm_access.roles`.
    #[arg(long, env = "TAILWATER_OIDC_GROUPS_CLAIM", default_value = "groups", value_name = "CLAIM")]
    oidc_groups_claim: String,
    /// The provider's name on the login page.
    #[arg(long, env = "TAILWATER_OIDC_NAME", default_value = "SSO", value_name = "NAME")]
    oidc_name: String,
    /// The maximum length of a request's URL, in bytes.
    #[arg(long, env = "TAILWATER_URL_BYTES", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1_024..=65_000))]
    url_bytes: u32,
    /// The maximum number of headers of a request.
    #[arg(long, env = "TAILWATER_HEADER_COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..=10_000))]
    header_count: u32,
    /// The maximum total size of a request's headers, in bytes.
    #[arg(long, env = "TAILWATER_HEADER_BYTES", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(4_096..=1_048_576))]
    header_bytes: u32,
    /// The maximum size of a request body, in bytes, without the files sent with a job.
    #[arg(long, env = "TAILWATER_BODY_BYTES", default_value_t = 1 << 20)]
    body_bytes: u32,
    // In a response, a payload is nested two levels deeper than in its submission. Many clients refuse more than 127
    // levels.
    /// The maximum nesting depth of arrays and objects in a request's JSON.
    #[arg(long, env = "TAILWATER_JSON_DEPTH", default_value_t = 64, value_parser = clap::value_parser!(u8).range(8..=120))]
    json_depth: u8,
    /// The maximum number of failed logins per minute from one address to one account.
    #[arg(long, env = "TAILWATER_FAILED_LOGINS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    failed_logins: u32,
    /// The maximum number of failed logins per minute from one address to all accounts, and of requests with invalid
    /// tokens.
    #[arg(long, env = "TAILWATER_FAILED_LOGINS_PER_ADDRESS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    failed_logins_per_address: u32,
    /// The maximum number of failed logins per minute from all addresses to one account.
    #[arg(long, env = "TAILWATER_FAILED_LOGINS_PER_ACCOUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    failed_logins_per_account: u32,
    /// The maximum number of open connections; beyond it, idle connections make way for new ones [default: as many as
    /// the limit on open files permits].
    #[arg(long, env = "TAILWATER_CONNECTIONS", value_parser = clap::value_parser!(u32).range(16..))]
    connections: Option<u32>,
    /// The maximum number of event streams that clients can keep open at the same time.
    #[arg(long, env = "TAILWATER_STREAMS", default_value_t = 4096)]
    streams: u32,
    /// The maximum number of event streams that one user can keep open at the same time, with all sessions and tokens;
    /// the admin token counts as one user.
    #[arg(long, env = "TAILWATER_STREAMS_PER_USER", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    streams_per_user: u32,
    /// The maximum number of queued jobs.
    #[arg(long, env = "TAILWATER_JOBS_QUEUED", default_value_t = 100_000)]
    jobs_queued: u32,
    /// How long a job is reserved for the worker that last ran a job with the same affinity key, in seconds; 0 turns
    /// this off.
    #[arg(long, env = "TAILWATER_AFFINITY_WAIT_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=3_600))]
    affinity_wait_seconds: u32,
    /// The number of days for which the output and the artifacts of a job are kept after it has finished; 0 is no
    /// limit.
    #[arg(long, env = "TAILWATER_KEEP_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=36_500))]
    keep_days: u32,
    /// The number of days for which a job itself is kept after it has finished; 0 is no limit.
    #[arg(long, env = "TAILWATER_KEEP_JOBS_DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(..=36_500))]
    keep_jobs_days: u32,
    /// The maximum size of all outputs and artifacts on disk, in bytes; beyond it, those of the jobs that finished
    /// first are removed [default: no limit].
    #[arg(long, env = "TAILWATER_KEEP_BYTES", value_name = "BYTES")]
    keep_bytes: Option<u64>,
    #[command(flatten)]
    jobs: JobSettings,
    /// The format of the server's own log.
    #[arg(long, env = "TAILWATER_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

impl Serve {
    pub(super) fn run(self, embedded: Embedded, file: Option<&SettingsFile>) -> ExitCode {
        logging::start(self.log_format);
        if let Some(path) = file.and_then(|file| file.path_if_it_sets("admin_token")) {
            warn_if_exposed(path, "the admin token");
        }
        if let Some(path) = file.and_then(|file| file.path_if_it_sets("secrets_key")) {
            warn_if_exposed(path, "the key that encrypts secrets");
        }
        if let Some(path) = file.and_then(|file| file.path_if_it_sets("oidc_client_secret")) {
            warn_if_exposed(path, "the secret of the OpenID Connect client");
        }
        if let Some(path) = &self.oidc_client_secret_file {
            warn_if_exposed(path, "the secret of the OpenID Connect client");
        }
        if let Some(path) = self.jobs.redact_values_file() {
            warn_if_exposed(path, "values to mask");
        }
        if let Some(path) = &self.tls_key {
            warn_if_exposed(path, "the private key for TLS");
        }
        let supervision = job_host::prepare(embedded.supervisor.as_deref());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let served = runtime
            .map_err(StartError::System)
            .and_then(|runtime| runtime.block_on(self.serve(embedded.site, supervision)));
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    async fn serve(self, embedded_site: Option<EmbeddedSite>, supervision: Supervision) -> Result<(), StartError> {
        // Signal handlers are installed first, so that a signal during the start is not lost.
        let shutdown = on_signal()?;
        let bound = TcpListener::bind(&self.listen).await;
        let listener = bound.map_err(|source| StartError::Listen { address: self.listen.clone(), source })?;
        let server = Server::start(self.config(embedded_site, supervision), listener).await?;
        announce(&server);
        server.run(shutdown).await;
        Ok(())
    }

    fn config(self, embedded_site: Option<EmbeddedSite>, supervision: Supervision) -> Config {
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        Config {
            data_dir: self.data_dir,
            site_root: self.site_root,
            embedded_site,
            admin_token: self.admin_token,
            secrets_key: self.secrets_key,
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            allowed_hosts: self.allowed_hosts,
            trusted_proxies: self.trusted_proxies,
            proxy_user_header: self.proxy_user_header.filter(|name| !name.is_empty()),
            proxy_groups_header: self.proxy_groups_header.filter(|name| !name.is_empty()),
            group_roles: self.group_roles.into_iter().filter(|entry| !entry.is_empty()).collect(),
            default_role: self.default_role.as_deref().and_then(Role::from_word),
            sso_session: Duration::from_hours(self.sso_session_hours.into()),
            oidc_issuer: self.oidc_issuer.filter(|issuer| !issuer.is_empty()),
            oidc_client_id: self.oidc_client_id.filter(|id| !id.is_empty()),
            oidc_client_secret: self.oidc_client_secret.filter(|secret| !secret.is_empty()),
            oidc_client_secret_file: self.oidc_client_secret_file.filter(|path| !path.as_os_str().is_empty()),
            oidc_scopes: self.oidc_scopes.into_iter().filter(|scope| !scope.is_empty()).collect(),
            oidc_user_claim: self.oidc_user_claim,
            oidc_groups_claim: self.oidc_groups_claim,
            oidc_name: self.oidc_name,
            jobs: self.jobs.config(supervision, LEASE),
            head: HeadLimits {
                url_bytes: size(self.url_bytes),
                headers: size(self.header_count),
                header_bytes: size(self.header_bytes),
            },
            body_bytes: size(self.body_bytes),
            json_depth: JsonDepth::new(self.json_depth),
            failed_logins: FailedLoginLimits {
                per_origin: self.failed_logins,
                per_address: self.failed_logins_per_address,
                per_account: self.failed_logins_per_account,
            },
            connections: self.connections.map(size),
            streams: size(self.streams),
            streams_per_user: size(self.streams_per_user),
            jobs_queued: self.jobs_queued.into(),
            affinity_wait: Duration::from_secs(self.affinity_wait_seconds.into()),
            keep_days: self.keep_days,
            keep_jobs_days: self.keep_jobs_days,
            keep_bytes: self.keep_bytes,
            limits: Limits::default(),
        }
    }
}

/// Prints the server's address and the login link to standard output. They are not written to the log, because other
/// people may be able to read the log.
fn announce(server: &Server) {
    let text = format!("Listening on {}\nLog in with this one-time link: {}\n", server.url(), server.login_link());
    let mut out = std::io::stdout().lock();
    // The output is flushed, because another program may be waiting for the first line.
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "the address could not be printed");
    }
}

/// Returns a token that is cancelled by the first SIGTERM or SIGINT.
fn on_signal() -> std::io::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping");
        token.cancel();
    });
    Ok(shutdown)
}
