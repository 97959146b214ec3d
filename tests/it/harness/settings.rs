//! The settings of test servers.

use std::path::Path;
use std::time::Duration;

use engine::cage::{CageSettings, JobData, StepLimits};
use engine::json::JsonDepth;
use engine::worker::{JobHome, Supervision};
use tailwater::auth::FailedLoginLimits;
use tailwater::jobs_config::JobsConfig;
use tailwater::limits::Limits;
use tailwater::server::{Config, HeadLimits};

use super::{TOKEN, process};

/// Returns the default settings of a test server with the given data directory.
pub fn config(data_dir: &Path) -> Config {
    Config {
        data_dir: data_dir.to_owned(),
        site_root: None,
        embedded_site: None,
        admin_token: Some(TOKEN.into()),
        secrets_key: None,
        tls_cert: None,
        tls_key: None,
        allowed_hosts: Vec::new(),
        trusted_proxies: Vec::new(),
        proxy_user_header: None,
        proxy_groups_header: None,
        group_roles: Vec::new(),
        default_role: None,
        sso_session: Duration::from_hours(12),
        oidc_issuer: None,
        oidc_client_id: None,
        oidc_client_secret: None,
        oidc_client_secret_file: None,
        oidc_scopes: Vec::new(),
        oidc_user_claim: "preferred_username".into(),
        oidc_groups_claim: "groups".into(),
        oidc_name: "SSO".into(),
        jobs: JobsConfig {
            concurrency: 2,
            supervision: Supervision { program: process::supervisor(), file_limit: None, user_namespaces: false },
            live_log_events: true,
            live_flush: Duration::from_millis(100),
            live_events_per_second: 50,
            live_event_bytes: 16 << 10,
            live_job_bytes: 1 << 30,
            // This time is long, so that no gap appears only because the machine is slow.
            live_lag: Duration::from_hours(1),
            live_tail_bytes: 16 << 20,
            cancel_grace: Duration::from_secs(1),
            shutdown_grace: Duration::from_secs(1),
            output_limit: None,
            min_free_bytes: 0,
            artifact_file_bytes: 1 << 20,
            artifact_job_bytes: 4 << 20,
            input_bytes: 4 << 20,
            redact_values_file: None,
            redact_rules_file: None,
            mask_commands: true,
            job_home: JobHome::User,
            job_env: Vec::new(),
            cage: CageSettings {
                user: None,
                umask: "077".into(),
                no_new_privileges: true,
                landlock: true,
                data: JobData::Auto,
                limits: StepLimits::default(),
            },
            working_roots: Vec::new(),
            lease: Duration::from_mins(2),
        },
        head: HeadLimits::default(),
        body_bytes: 1 << 20,
        json_depth: JsonDepth::new(64),
        failed_logins: FailedLoginLimits::default(),
        connections: None,
        streams: 4096,
        streams_per_user: 2048,
        jobs_queued: 100_000,
        affinity_wait: Duration::from_secs(5),
        keep_days: 0,
        keep_jobs_days: 0,
        keep_bytes: None,
        limits: Limits::default(),
    }
}
