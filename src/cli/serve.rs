//! `tailwater serve`: the server with its embedded worker.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use engine::cage::{CageSettings, JobData, StepLimits};
use engine::json::JsonDepth;
use engine::worker::{DEFAULT_JOB_ENV, JobHome, Supervision, adopt};
use model::Role;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exposed::warn_if_exposed;
use super::settings::SettingsFile;
use crate::auth::FailedLoginLimits;
use crate::limits::Limits;
use crate::logging::{self, LogFormat};
use crate::server::site::EmbeddedSite;
use crate::server::{Config, HeadLimits, Server, StartError};

/// The path of this program's executable. The path remains valid even if the file is replaced or removed.
const PROGRAM: &str = "/proc/self/exe";

/// The number of bytes at the end of each step's output that are always sent live. It is large enough to include the
/// final error messages.
const LIVE_TAIL_BYTES: u64 = 16 << 20;

/// The definition of all settings. Each is a flag, an environment variable and a key of the settings file
/// ([`super::settings`]).
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
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
    /// The admin token, 32 or more printable characters [default: generated on first start and stored in the data
    /// directory].
    #[arg(long, env = "TAILWATER_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    admin_token: Option<String>,
    /// The key that encrypts secrets in the database, 64 hexadecimal digits [default: generated on first start and
    /// stored in the data directory].
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
    /// The IP address or network of a reverse proxy whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; may
    /// be repeated.
    #[arg(long, env = "TAILWATER_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESS")]
    trusted_proxies: Vec<String>,
    /// The header in which a trusted proxy sends the name of the person whom it has authenticated [default: none is
    /// believed].
    #[arg(long, env = "TAILWATER_PROXY_USER_HEADER", value_name = "HEADER")]
    proxy_user_header: Option<String>,
    /// The header in which a trusted proxy sends the person's groups, separated by commas [default: none is believed].
    #[arg(long, env = "TAILWATER_PROXY_GROUPS_HEADER", value_name = "HEADER")]
    proxy_groups_header: Option<String>,
    /// A group and the role that it gives to people whom a proxy or a provider authenticates, such as `ops=admin`; may
    /// be repeated.
    #[arg(long = "group-role", env = "TAILWATER_GROUP_ROLES", value_delimiter = ',', value_name = "GROUP=ROLE")]
    group_roles: Vec<String>,
    /// The role of people without such a group: viewer, operator or admin [default: none, they are refused].
    #[arg(
        long,
        env = "TAILWATER_DEFAULT_ROLE",
        value_parser = PossibleValuesParser::new(Role::OF_PEOPLE.map(Role::as_str)),
        hide_possible_values = true,
        value_name = "ROLE"
    )]
    default_role: Option<String>,
    /// The address of an OpenID Connect provider with which people can log in [default: none].
    #[arg(long, env = "TAILWATER_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<String>,
    /// The id of this server at the provider.
    #[arg(long, env = "TAILWATER_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The secret of this id, which is refused as a flag: use the variable, the settings file, or
    /// `--oidc-client-secret-file` [default: none, for a public client].
    #[arg(long, env = "TAILWATER_OIDC_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    oidc_client_secret: Option<String>,
    /// A file that contains the secret.
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
    /// The maximum number of jobs that run at the same time.
    #[arg(long, env = "TAILWATER_CONCURRENCY", default_value_t = cores(), value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Whether output is written to the event log while it is printed; the complete log is always stored.
    #[arg(long, env = "TAILWATER_LIVE_LOG_EVENTS", default_value_t = true, action = ArgAction::Set)]
    live_log_events: bool,
    /// The longest time that output waits before it is sent, in milliseconds.
    #[arg(long, env = "TAILWATER_LIVE_FLUSH_MS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    live_flush_ms: u32,
    /// The maximum number of log events per second for each job.
    #[arg(long, env = "TAILWATER_LIVE_EVENTS_PER_SECOND", default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    live_events_per_second: u32,
    /// The target size of a log event's text, in bytes; events may be larger under load.
    #[arg(long, env = "TAILWATER_LIVE_EVENT_BYTES", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    live_event_bytes: u32,
    /// The maximum total size of the text in a job's log events, in bytes; beyond it, only the end of each step's
    /// output is sent live.
    #[arg(long, env = "TAILWATER_LIVE_JOB_BYTES", default_value_t = 1 << 30)]
    live_job_bytes: u64,
    /// How long output may still be sent live after its step has ended, in seconds; after that, only the last part of
    /// the step's output is sent.
    #[arg(long, env = "TAILWATER_LIVE_LAG_SECONDS", default_value_t = 30)]
    live_lag_seconds: u32,
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
    // Responses contain a payload two levels deeper than its submission, and many clients refuse more than 127 levels.
    /// The maximum number of arrays and objects that are nested in each other in a request's JSON.
    #[arg(long, env = "TAILWATER_JSON_DEPTH", default_value_t = 64, value_parser = clap::value_parser!(u8).range(8..=120))]
    json_depth: u8,
    /// The maximum number of failed logins per minute from one address to one account.
    #[arg(long, env = "TAILWATER_FAILED_LOGINS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    failed_logins: u32,
    /// The maximum number of failed logins per minute from one address to all accounts.
    #[arg(long, env = "TAILWATER_FAILED_LOGINS_PER_ADDRESS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    failed_logins_per_address: u32,
    /// The maximum number of failed logins per minute from all addresses to one account.
    #[arg(long, env = "TAILWATER_FAILED_LOGINS_PER_ACCOUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    failed_logins_per_account: u32,
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
    /// Seconds between SIGTERM and SIGKILL when a job is cancelled or times out.
    #[arg(long, env = "TAILWATER_CANCEL_GRACE_SECONDS", default_value_t = 10)]
    cancel_grace_seconds: u32,
    /// Seconds between SIGTERM and SIGKILL when the server stops.
    #[arg(long, env = "TAILWATER_SHUTDOWN_GRACE_SECONDS", default_value_t = 10)]
    shutdown_grace_seconds: u32,
    /// The maximum output of an attempt, in bytes; an attempt that prints more is killed [default: no limit].
    #[arg(long, env = "TAILWATER_OUTPUT_LIMIT", value_name = "BYTES")]
    output_limit: Option<u64>,
    /// The free space on the data directory's disk, in bytes, below which no new jobs are started; running jobs
    /// continue.
    #[arg(long, env = "TAILWATER_MIN_FREE_BYTES", default_value_t = 512 << 20)]
    min_free_bytes: u64,
    /// The number of days for which the output and the artifacts of a job are kept after it has finished; 0 is no limit.
    #[arg(long, env = "TAILWATER_KEEP_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=36_500))]
    keep_days: u32,
    /// The number of days for which a job itself is kept after it has finished; 0 is no limit.
    #[arg(long, env = "TAILWATER_KEEP_JOBS_DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(..=36_500))]
    keep_jobs_days: u32,
    /// The maximum size of all outputs and artifacts on disk, in bytes; beyond it, those of the jobs that finished first
    /// are removed [default: no limit].
    #[arg(long, env = "TAILWATER_KEEP_BYTES", value_name = "BYTES")]
    keep_bytes: Option<u64>,
    /// The maximum size of an artifact, in bytes.
    #[arg(long, env = "TAILWATER_ARTIFACT_FILE_BYTES", default_value_t = 1 << 30)]
    artifact_file_bytes: u64,
    /// The maximum size of all artifacts of an attempt, in bytes.
    #[arg(long, env = "TAILWATER_ARTIFACT_JOB_BYTES", default_value_t = 4 << 30)]
    artifact_job_bytes: u64,
    /// The maximum size of the files sent with a job, in bytes; it applies to the archive and to the unpacked files.
    #[arg(long, env = "TAILWATER_INPUT_BYTES", default_value_t = 1 << 30)]
    input_bytes: u64,
    /// A file of values to mask in all output, one per line.
    #[arg(long, env = "TAILWATER_REDACT_VALUES_FILE", value_name = "FILE")]
    redact_values_file: Option<PathBuf>,
    /// A TOML file with additional rules that recognise secrets by their format.
    #[arg(long, env = "TAILWATER_REDACT_RULES_FILE", value_name = "FILE")]
    redact_rules_file: Option<PathBuf>,
    /// Whether a job can add a value to mask by printing `::add-mask::VALUE` or `##vso[task.setsecret]VALUE`.
    #[arg(long, env = "TAILWATER_MASK_COMMANDS", default_value_t = true, action = ArgAction::Set)]
    mask_commands: bool,
    /// HOME for jobs: the server user's home directory, or the job's workspace.
    #[arg(
        long,
        env = "TAILWATER_JOB_HOME",
        value_parser = PossibleValuesParser::new(JobHome::NAMES).try_map(|name| name.parse::<JobHome>()),
        default_value_t,
        hide_possible_values = true,
        value_name = "user|workspace"
    )]
    job_home: JobHome,
    /// An environment variable to pass to jobs, such as `SSH_AUTH_SOCK`; may be repeated; replaces the default list.
    #[arg(long, env = "TAILWATER_JOB_ENV", value_delimiter = ',', value_name = "NAME", default_values = DEFAULT_JOB_ENV)]
    job_env: Vec<String>,
    /// The user that jobs run as; requires a server that runs as root [default: the server's user].
    #[arg(long, env = "TAILWATER_JOB_USER", value_name = "NAME")]
    job_user: Option<String>,
    /// The umask of jobs, in octal digits; with 077, the files that jobs create can be accessed only by their user.
    #[arg(long, env = "TAILWATER_JOB_UMASK", default_value = "077", value_name = "UMASK")]
    job_umask: String,
    /// Whether jobs are prevented from gaining privileges, for example with `sudo`.
    #[arg(long, env = "TAILWATER_JOB_NO_NEW_PRIVILEGES", default_value_t = true, action = ArgAction::Set)]
    job_no_new_privileges: bool,
    /// Whether jobs are restricted with Landlock: they cannot inspect processes of others, or mount file systems.
    #[arg(long, env = "TAILWATER_JOB_LANDLOCK", default_value_t = true, action = ArgAction::Set)]
    job_landlock: bool,
    /// Whether jobs cannot read the data directory; `auto` hides it if that restricts no ordinary commands.
    #[arg(
        long,
        env = "TAILWATER_JOB_DATA",
        value_parser = PossibleValuesParser::new(JobData::NAMES).try_map(|name| name.parse::<JobData>()),
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|hidden|visible"
    )]
    job_data: JobData,
    /// The maximum number of processes and threads of the user that jobs run as [default: the server's limit].
    #[arg(long, env = "TAILWATER_JOB_PROCESSES", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    job_processes: Option<u64>,
    /// The maximum number of files that each process of a job can have open [default: the server's limit].
    #[arg(long, env = "TAILWATER_JOB_OPEN_FILES", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(16..))]
    job_open_files: Option<u64>,
    /// The maximum size of each file that a job writes, in bytes [default: the server's limit].
    #[arg(long, env = "TAILWATER_JOB_FILE_BYTES", value_name = "BYTES")]
    job_file_bytes: Option<u64>,
    /// The maximum size of the core dump of a job's process that crashes, in bytes.
    #[arg(long, env = "TAILWATER_JOB_CORE_BYTES", default_value_t = 0, value_name = "BYTES")]
    job_core_bytes: u64,
    /// A directory in which absolute working directories are allowed; may be repeated [default: no restriction].
    #[arg(long = "working-root", env = "TAILWATER_WORKING_ROOTS", value_delimiter = ',', value_name = "DIR")]
    working_roots: Vec<PathBuf>,
    /// The format of the server's own log.
    #[arg(long, env = "TAILWATER_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
}

impl Serve {
    pub(super) fn run(self, embedded_site: Option<EmbeddedSite>, file: Option<&SettingsFile>) -> ExitCode {
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
        if let Some(path) = &self.redact_values_file {
            warn_if_exposed(path, "values to mask");
        }
        if let Some(path) = &self.tls_key {
            warn_if_exposed(path, "the private key for TLS");
        }
        // Jobs must not inherit file descriptors that were open when this process was started. Files that the process
        // opens itself are never inherited.
        close_fds::set_fds_cloexec(3, &[]);
        // Jobs of the same user, and other programs of this user, must not read the server's memory, its environment
        // or its descriptors.
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "the server's memory could not be protected from other processes of its user");
        }
        // If a step kills its supervisor, its processes become children of this process, which kills them.
        if let Err(error) = adopt() {
            tracing::warn!(%error, "processes that hide from the server could survive their job");
        }
        let supervision = Supervision { program: PROGRAM.into(), file_limit: raise_file_limit() };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let served = runtime
            .map_err(StartError::System)
            .and_then(|runtime| runtime.block_on(self.serve(embedded_site, supervision)));
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
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
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
            oidc_issuer: self.oidc_issuer.filter(|issuer| !issuer.is_empty()),
            oidc_client_id: self.oidc_client_id.filter(|id| !id.is_empty()),
            oidc_client_secret: self.oidc_client_secret.filter(|secret| !secret.is_empty()),
            oidc_client_secret_file: self.oidc_client_secret_file.filter(|path| !path.as_os_str().is_empty()),
            oidc_scopes: self.oidc_scopes.into_iter().filter(|scope| !scope.is_empty()).collect(),
            oidc_user_claim: self.oidc_user_claim,
            oidc_groups_claim: self.oidc_groups_claim,
            oidc_name: self.oidc_name,
            concurrency: self.concurrency.into(),
            supervision,
            live_log_events: self.live_log_events,
            live_flush: Duration::from_millis(self.live_flush_ms.into()),
            live_events_per_second: self.live_events_per_second,
            live_event_bytes: size(self.live_event_bytes),
            live_job_bytes: self.live_job_bytes,
            live_lag: seconds(self.live_lag_seconds),
            live_tail_bytes: LIVE_TAIL_BYTES,
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
            streams: size(self.streams),
            streams_per_user: size(self.streams_per_user),
            jobs_queued: self.jobs_queued.into(),
            cancel_grace: seconds(self.cancel_grace_seconds),
            shutdown_grace: seconds(self.shutdown_grace_seconds),
            output_limit: self.output_limit,
            min_free_bytes: self.min_free_bytes,
            keep_days: self.keep_days,
            keep_jobs_days: self.keep_jobs_days,
            keep_bytes: self.keep_bytes,
            artifact_file_bytes: self.artifact_file_bytes,
            artifact_job_bytes: self.artifact_job_bytes,
            input_bytes: self.input_bytes,
            redact_values_file: self.redact_values_file,
            redact_rules_file: self.redact_rules_file,
            mask_commands: self.mask_commands,
            job_home: self.job_home,
            job_env: self.job_env,
            cage: CageSettings {
                user: self.job_user.filter(|user| !user.is_empty()),
                umask: self.job_umask,
                no_new_privileges: self.job_no_new_privileges,
                landlock: self.job_landlock,
                data: self.job_data,
                limits: StepLimits {
                    processes: self.job_processes,
                    open_files: self.job_open_files,
                    file_bytes: self.job_file_bytes,
                    core_bytes: self.job_core_bytes,
                },
            },
            working_roots: self.working_roots.into_iter().filter(|root| !root.as_os_str().is_empty()).collect(),
            limits: Limits::default(),
        }
    }
}

fn cores() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(cores).unwrap_or(u16::MAX)
}

/// Prints the server's address and the login link to standard output. The log is not used, because others may be able
/// to read it.
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

/// Raises the limit on open files to the maximum that the system allows, because every event stream needs a file
/// descriptor. Returns the previous limit, or `None` if there was none. The previous limit is restored for jobs,
/// because some programs iterate over all possible file descriptors.
fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
    limit.current
}
