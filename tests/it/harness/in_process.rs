//! Runs a worker in the process of the test, without an HTTP server.

use std::path::Path;
use std::time::Duration;

use engine::artifacts::ArtifactStore;
use engine::cage::Cage;
use engine::db::Db;
use engine::event_log::EventLog;
use engine::queue::{Maskers, Queue, WorkingRoots};
use engine::seal::SealKey;
use engine::spool::Spools;
use engine::worker::link::InProcess;
use engine::worker::ship::LiveLog;
use engine::worker::{ArtifactLimits, Host, JobEnvironment, JobHome, MaskCommandsSetting, Supervision, WorkerConfig};
use model::{JobId, JobStatus, NewJob};
use redact::Rules;
use serde_json::json;

use super::process::supervisor;

/// Returns the settings of a worker that runs two jobs at the same time.
pub fn worker_config(data: &Path) -> WorkerConfig {
    let second = Duration::from_secs(1);
    WorkerConfig {
        host: Host::Server,
        lease: Duration::from_mins(2),
        data_dir: data.to_owned(),
        spools: Spools::new(data),
        concurrency: 2,
        supervision: Supervision { program: supervisor(), file_limit: None, user_namespaces: false },
        cage: Cage::unrestricted(),
        live: LiveLog::Off,
        flush: second,
        output_limit: None,
        cancel_grace: second,
        shutdown_grace: second,
        artifact_limits: ArtifactLimits { files: 0, file_bytes: 0, job_bytes: 0 },
        environment: JobEnvironment { home: JobHome::User, names: Vec::new() },
        roots: WorkingRoots::default(),
        input_bytes: 0,
        mask_commands: MaskCommandsSetting::On,
        own_secrets: Vec::new(),
        recovery_tries: 0,
    }
}

/// Creates a database, and opens its queue and event log.
pub async fn open(data: &Path) -> (Queue, EventLog) {
    let db = Db::open(data).await.expect("a new database opens");
    let events = EventLog::new(db.clone());
    (
        Queue::new(
            db,
            events.clone(),
            Maskers::new(Vec::new(), Rules::none(), SealKey::random().0),
            100,
            Spools::new(data),
        ),
        events,
    )
}

/// Returns the link that connects an embedded worker to its server, as if the server had just started. `instance` is
/// the id of the data directory.
pub fn link(instance: &str, data: &Path, queue: &Queue, events: &EventLog) -> InProcess {
    let artifacts = ArtifactStore::open(data).expect("the folder exists");
    InProcess::new(instance, queue.clone(), events.clone(), artifacts, data.to_owned())
}

/// Submits a job that runs a shell command.
pub async fn submit(queue: &Queue, command: String) -> JobId {
    let payload = json!({"run": command}).into();
    let new = NewJob { kind: "command".into(), priority: 0, payload, affinity_key: None, max_attempts: 1 };
    queue.submit(new, "tester", None).await.expect("it is valid").id
}

/// Waits until a job has a status.
pub async fn status_is(queue: &Queue, job: JobId, status: JobStatus) {
    while queue.job(job).await.expect("the job exists").status != status {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
