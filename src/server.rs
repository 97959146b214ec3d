//! The server, with its configuration, the state shared by all requests, the routes, and the connections.
//!
//! [`Server::run`] serves one listener until a cancellation token is cancelled. The caller creates the listener and the
//! token.

mod accept;
mod access;
mod arrival;
mod audit;
mod client;
pub mod config;
mod connection;
mod gate;
mod head;
mod http;
mod observe;
mod open_streams;
mod pace;
pub mod pages;
mod proxy_user;
pub mod site;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use engine::artifacts::ArtifactStore;
use engine::cage::{Cage, CageError};
use engine::clock;
use engine::db::{Db, DbError, OpenError};
use engine::event_log::EventLog;
use engine::inputs;
use engine::output::Outputs;
use engine::queue::{EmbeddedWorker, Maskers, Queue, SecretsError, WorkingRoots};
use engine::spool::Spools;
use engine::worker::disk::DiskGuard;
use engine::worker::link::InProcess;
use engine::worker::{Host, Worker};
use leptos::config::LeptosOptions;
use model::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::AuditLog;
use crate::auth::{self, Auth};
use crate::jobs_config::JobsConfigError;
use crate::machine;
use crate::oidc::{Oidc, OidcError};

pub use client::TrustedProxies;
pub use config::Config;
use config::SiteOptions;
pub use head::HeadLimits;
pub use http::{Route, all_routes};
pub use open_streams::{OpenStreams, STREAM_ROUTES, StreamCondition, StreamRoute};
use proxy_user::ProxyHeaders;
pub use site::Site;
pub use tls::{Tls, TlsError, TlsFiles};

/// The error returned when the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A database query failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The admin token could not be read or created.
    #[error(transparent)]
    Token(#[from] auth::TokenError),
    /// The artifact store could not be opened.
    #[error("failed to open the artifact store: {0}")]
    Artifacts(#[from] object_store::Error),
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The settings for running jobs are not valid.
    #[error(transparent)]
    Jobs(#[from] JobsConfigError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server could not listen on its address.
    #[error("failed to listen on {address}: {source}; use another address with --listen")]
    Listen {
        /// The address that the server tried to listen on.
        address: String,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The settings of the OpenID Connect provider cannot be used.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The restrictions on jobs cannot be applied.
    #[error(transparent)]
    Cage(#[from] CageError),
    /// The named secrets cannot be used.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// Another I/O operation failed.
    #[error("failed to start: {0}")]
    System(#[from] std::io::Error),
}

/// A reference to the state that all requests share. Clones refer to the same state.
#[derive(Clone)]
pub struct AppState(Arc<SharedState>);

impl Deref for AppState {
    type Target = SharedState;

    fn deref(&self) -> &SharedState {
        &self.0
    }
}

/// The state that all requests share. Requests access it through [`AppState`].
pub struct SharedState {
    /// The database, with its metrics.
    pub db: Db,
    /// The job queue.
    pub queue: Queue,
    /// The event logs of the jobs.
    pub events: EventLog,
    /// The output of the jobs.
    pub outputs: Outputs,
    /// Authenticates users.
    pub auth: Auth,
    /// The audit log.
    pub audit: AuditLog,
    /// Limits the number of audit log entries about senders who are not logged in.
    unknown_senders: audit::UnknownSenders,
    /// The settings.
    pub config: Arc<Config>,
    /// The files of the jobs' artifacts.
    pub artifacts: ArtifactStore,
    /// Checks whether there is enough free disk space for new jobs.
    pub disk: DiskGuard,
    /// Limits the number of open streams. Each open stream has one permit.
    pub streams: OpenStreams,
    /// A token that is cancelled when all streams must be closed.
    pub shutdown: CancellationToken,
    /// The running requests that may change something. They are completed even if the client disconnects.
    pub changes: TaskTracker,
    /// The static files of the pages.
    pub site: Site,
    /// The reverse proxies whose headers are trusted.
    pub proxies: TrustedProxies,
    /// The headers in which a trusted proxy names an authenticated person, or `None` if such headers are ignored.
    proxy_headers: Option<ProxyHeaders>,
    /// Accepts connections with TLS, or `None` if the server does not use TLS.
    pub tls: Option<Tls>,
    /// The provider with which people can log in, or `None` if there is none.
    pub oidc: Option<Oidc>,
    /// The time at which the server started.
    pub started_at: Timestamp,
    /// The options of Leptos.
    pub leptos: LeptosOptions,
}

impl axum::extract::FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// A server that has been started and can accept connections.
pub struct Server {
    state: AppState,
    worker: Worker<InProcess>,
    db: Db,
    address: SocketAddr,
    listener: TcpListener,
}

impl Server {
    /// Opens the data directory, and prepares the state that requests share.
    pub async fn start(mut config: Config, listener: TcpListener) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        // The path must be absolute: jobs receive paths in this directory, and may have another working directory.
        config.data_dir = std::path::absolute(&config.data_dir)?;
        let proxies = config.trusted_proxies()?;
        let (proxy_headers, group_roles) = (config.proxy_headers()?, config.group_roles()?);
        if proxy_headers.is_some() && proxies.include_this_machine() {
            tracing::warn!(
                "processes of this machine, including jobs, can claim to be any user of the proxy, because \
                 trusted_proxies contains a loopback address; docs/people.md describes how to prevent it"
            );
        }
        let tls = config.tls_files()?.map(Tls::open).transpose()?;
        let provider = config.oidc()?;
        let provider_secret = provider.as_ref().and_then(|provider| provider.client_secret.clone());
        let oidc = provider.map(Oidc::new).transpose()?;
        let db = Db::open(&config.data_dir).await?;
        // A server that other machines can reach starts only if a login is configured or an administrator has a
        // password. Otherwise, only somebody who can read the data directory or the printed link could log in.
        if !address.ip().is_loopback() && !config.chooses_a_login() && !auth::has_administrator(&db).await? {
            return Err(config::ConfigError::OpenWithoutToken(address).into());
        }
        let token = auth::admin_token(config.admin_token.clone(), &config.data_dir)?;
        let own_secrets = config.jobs.secrets()?;
        own_secrets.warn_about_weak_values();
        let mut secrets = own_secrets.values();
        secrets.push(token.clone());
        secrets.extend(provider_secret);
        let roots = WorkingRoots::new(&config.jobs.working_roots)?;
        let events = EventLog::new(db.clone());
        let (key, key_text) = auth::secrets_key(config.secrets_key.as_deref(), &config.data_dir)?;
        secrets.push(key_text);
        let queue = Queue::new(
            db.clone(),
            events.clone(),
            Maskers::new(secrets, config.jobs.rules()?, key),
            config.jobs_queued,
            Spools::new(&config.data_dir),
        )
        .with_working_roots(roots.clone())
        .with_affinity_wait(config.affinity_wait)
        .with_capabilities(machine::capability().into_iter().collect());
        queue.load_secrets().await?;
        inputs::sweep(&config.data_dir, &queue.inputs().await.map_err(io::Error::other)?)?;
        let instance = auth::instance_id(&config.data_dir)?;
        let artifacts = ArtifactStore::open(&config.data_dir)?;
        let link = InProcess::new(&instance, queue.clone(), events.clone(), artifacts.clone(), config.data_dir.clone());
        queue.describe_embedded(embedded_worker(&config)).await.map_err(io::Error::other)?;
        let disk = DiskGuard::new(config.data_dir.clone(), config.jobs.min_free_bytes);
        let cage = Cage::prepare(&config.jobs.cage, &config.data_dir, &config.jobs.supervision)?;
        let worker = config.jobs.worker(Host::Server, &config.data_dir, (cage, roots), own_secrets.printable);
        let worker = Worker::new(link, worker, disk.clone());
        let auth = Auth::new(db.clone(), &token, &instance, queue.maskers().clone())
            .with_group_roles(group_roles)
            .with_external_sessions(config.sso_session)
            .with_failed_login_limits(config.failed_logins);
        auth.end_those_of_former_admin_token().await.map_err(io::Error::other)?;
        auth.shorten_external_sessions().await.map_err(io::Error::other)?;
        let state = AppState(Arc::new(SharedState {
            db: db.clone(),
            outputs: Outputs::new(Spools::new(&config.data_dir), queue.clone(), events.clone()),
            queue,
            events,
            auth,
            artifacts,
            audit: AuditLog::new(db.clone()),
            unknown_senders: audit::UnknownSenders::default(),
            disk,
            streams: OpenStreams::new(config.stream_limits()),
            shutdown: CancellationToken::new(),
            changes: TaskTracker::new(),
            site: Site::open(
                config.site_root.as_deref(),
                config.embedded_site,
                Path::new(&SiteOptions::built_in().site_root),
            ),
            started_at: clock::now(),
            leptos: config::leptos(address),
            proxies,
            proxy_headers,
            tls,
            oidc,
            config: Arc::new(config),
        }));
        Ok(Self { state, worker, db, address, listener })
    }

    /// Returns the address on which the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address for browsers, such as `http://127.0.0.1:3000`.
    ///
    /// With TLS, it contains the first of the allowed host names, because certificates rarely contain an IP address.
    #[must_use]
    pub fn url(&self) -> String {
        let name = self.state.config.allowed_hosts.first().filter(|_| self.state.tls.is_some());
        match (&self.state.tls, name) {
            (None, _) => format!("http://{}", self.address),
            (Some(_), None) => format!("https://{}", self.address),
            (Some(_), Some(name)) => format!("https://{name}:{}", self.address.port()),
        }
    }

    /// Returns a one-time link that logs a browser in.
    #[must_use]
    pub fn login_link(&self) -> String {
        format!("{}/login?ticket={}", self.url(), self.state.auth.new_ticket().expose())
    }

    /// Serves requests until `shutdown` is cancelled. Then gives running jobs a grace period in which to finish, closes
    /// the streams, and waits until all pending writes are committed.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { state, worker, db, listener, .. } = self;
        let worker = tokio::spawn(worker.run(shutdown.clone(), shutdown.clone()));
        let outputs = state.outputs.clone();
        let compressing = outputs.compress(shutdown.clone());
        let queue = state.queue.clone();
        let watching_leases = queue.watch_leases(&shutdown);
        let (artifacts, spools) = (state.artifacts.clone(), Spools::new(&state.config.data_dir));
        let retaining = queue.keep_within(state.config.retention(), &artifacts, &spools, &shutdown);
        // Requests are still answered while jobs are being stopped, so that the last lines of the jobs can be read.
        // Streams are closed last.
        let streams_end = state.shutdown.clone();
        let ending = async {
            shutdown.cancelled().await;
            // The error is not logged, because it contains the panic message, which may contain secrets.
            if worker.await.is_err() {
                tracing::error!("the worker panicked");
            }
            streams_end.cancel();
        };
        let changes = state.changes.clone();
        let tls = state.tls.clone();
        let renewing = async {
            if let Some(tls) = tls {
                tls.keep_current(&shutdown).await;
            }
        };
        let serving = connection::serve(listener, http::router(state.clone()), state);
        tokio::join!(ending, serving, compressing, watching_leases, retaining, renewing);
        // Requests that may change something are completed, even if their connections had to be closed. Requests whose
        // bodies have not arrived completely have failed already.
        changes.close();
        changes.wait().await;
        db.close().await;
    }
}

/// Describes the embedded worker for the list of workers.
fn embedded_worker(config: &Config) -> EmbeddedWorker {
    EmbeddedWorker {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostname: machine::name(),
        concurrency: config.jobs.concurrency,
    }
}
