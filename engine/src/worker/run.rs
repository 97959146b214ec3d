//! Runs one attempt, from its claim to its end.
//!
//! The steps run in a thread of their own ([`super::steps`]). At the same time, the shipper sends their output, and the
//! lease is renewed. The lease does not end before the shipper has reached the end of the spool.

use std::any::Any;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::FailureReason;
use model::backoff::Backoff;
use redact::{Redacted, Redactor};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::WorkerConfig;
use super::capture::{Capture, MaskFile};
use super::collect::Collector;
use super::control::{Control, Stop};
use super::folders::Folders;
use super::link::{Link, LinkError};
use super::remove::remove_tree;
use super::secrets::AttemptSecrets;
use super::ship::{LifecycleEvents, Progress, Shipper};
use super::slots::JobSlot;
use super::steps::{self, Outcome, Steps, Tools};
use crate::cage::JobUser;
use crate::event_log::{AttemptTotals, Lease, NewEvent, RedactionCounts, StepNames};
use crate::fail_point::FailPoint;
use crate::files::private_folder;
use crate::queue::{Claimed, Command, Ending, Finish, Heartbeat, NewArtifact, weak};
use crate::spool::SpoolWriter;
use crate::task::task_error;

/// The interval at which a lease is renewed, unless the lease is very short.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The time before the first renewal. It is short, because a cancellation may have been requested before this worker
/// started to listen for cancellations.
const FIRST_HEARTBEAT: Duration = Duration::from_millis(250);

/// The name of the workspace in the directory of an attempt.
const WORKSPACE: &str = "workspace";

/// The delays between retries of reporting an attempt's result.
const WAITS: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// Runs one attempt of a claimed job, whose commands occupy `slot`.
pub(super) async fn attempt<L: Link>(
    link: L,
    config: &WorkerConfig,
    (claimed, mut slot): (Claimed, JobSlot),
    shutdown: CancellationToken,
) {
    let (lease, worker) = (claimed.lease, claimed.worker.clone());
    let progress = Progress { earlier: claimed.sent_before, ..Progress::default() };
    FailPoint::Claimed.reached();
    let prepared = prepare(&link, config, &claimed).inspect_err(|_| remove_workspace(&attempt_folder(config, lease)));
    let (ending, totals, artifacts) = match prepared {
        Ok(prepared) => match conduct(&link, config, (lease, progress), prepared, (&mut slot, &shutdown)).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::warn!(job = %lease.job, %error, "an attempt was abandoned");
                if matches!(error, AttemptError::Link(LinkError::Fenced(_))) {
                    link.forget(lease);
                }
                return;
            }
        },
        Err(message) => {
            let ending = Ending::Failed { reason: FailureReason::Spawn, message };
            (ending, nothing_printed(), Vec::new())
        }
    };
    finish(&link, Finish { lease, worker, ending, totals, artifacts }).await;
}

/// The state that is set up before an attempt's first step.
struct Prepared {
    steps: Steps,
    names: Vec<StepNames>,
    capture: Capture,
    collector: Option<Collector>,
    control: Control,
    /// The warning about secrets that are masked only as whole words, or `None` if there are no such secrets.
    weak_secrets: Option<Redacted>,
}

/// The error for an attempt that was abandoned without reporting its result.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    /// The lease has ended, or the server refused a batch permanently.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The attempt's thread could not be started, or panicked.
    #[error("the attempt's thread failed: {0}")]
    Thread(#[from] std::io::Error),
}

type Ended = (Ending, AttemptTotals, Vec<NewArtifact>);

fn prepare<L: Link>(link: &L, config: &WorkerConfig, claimed: &Claimed) -> Result<Prepared, Redacted> {
    let redactor = claimed.redactor.clone();
    let failed = |what: &str, error: &dyn std::fmt::Display| redactor.redact(format!("{what}: {error}").as_bytes());
    let command = claimed.payload.command().map_err(|error| failed("the payload is not valid", &error))?;
    let lease = claimed.lease;
    let spool = config
        .spools
        .create(lease.job, lease.attempt)
        .map_err(|error| failed("failed to create the output file", &error))?;
    let workspace = attempt_folder(config, lease).join(WORKSPACE);
    private_folder(&workspace).map_err(|error| failed("failed to create the workspace", &error))?;
    let secrets = AttemptSecrets::prepare(&command, claimed.secrets.clone(), &workspace)
        .map_err(|error| failed("failed to provide the job's secrets", &error))?;
    let control = Control::new().map_err(|error| failed("failed to set up process control for the attempt", &error))?;
    let names = names(&command, lease.attempt, &redactor);
    let weak_secrets = weak_secrets(claimed, &config.own_secrets);
    let mask_file = MaskFile::create(beside(&workspace, ".mask"))
        .map_err(|error| failed("failed to create the file for values to mask", &error))?;
    let mask_path = mask_file.path().to_owned();
    if let Some(user) = config.cage.user() {
        hand_over(&attempt_folder(config, lease), user)
            .map_err(|error| failed("failed to give the workspace to the user of jobs", &error))?;
    }
    let capture = Capture::new(spool, redactor, config.flush)
        .with_shared_values(claimed.shared_values.clone())
        .with_added_values(mask_file, config.mask_commands);
    let user = config.cage.user().cloned();
    let folders = Folders::new(workspace, &command.working_directory, config.roots.clone(), user);
    let collector = (!command.artifacts.is_empty()).then(|| {
        let matcher = command.artifacts.matcher();
        Collector::new(link.files(lease), lease, config.artifact_limits, folders.clone(), matcher)
    });
    let steps = Steps::new(command, claimed, (folders, secrets, mask_path), config, link.files(lease));
    FailPoint::Prepared.reached();
    Ok(Prepared { steps, names, capture, collector, control, weak_secrets })
}

/// Returns the redacted ids, names and commands of the steps, in execution order.
pub(super) fn names(command: &Command, attempt: i32, redactor: &Redactor) -> Vec<StepNames> {
    steps::names(command, attempt, redactor)
}

/// Runs the steps, ships their output and renews the lease. Returns when all output has been shipped.
async fn conduct<L: Link>(
    link: &L,
    config: &WorkerConfig,
    (lease, progress): (Lease, Progress),
    prepared: Prepared,
    (slot, shutdown): (&mut JobSlot, &CancellationToken),
) -> Result<Ended, AttemptError> {
    let Prepared { steps, names, mut capture, mut collector, control, weak_secrets } = prepared;
    let lifecycle_events = LifecycleEvents::new();
    let reader = capture.spool().reader()?;
    let ends = capture.spool().subscribe();
    let origins = names.iter().map(|name| name.origin.clone()).collect();
    let shipper = Shipper::new((link.clone(), lease), reader, origins, config.live, lifecycle_events.clone(), progress);
    let (ended, mut over) = oneshot::channel();
    if let Some(warning) = weak_secrets {
        lifecycle_events.push(0, NewEvent::warning(lease.attempt, warning));
    }
    let steps_control = control.clone();
    // The steps run in a thread of their own, because each step blocks its thread until it has finished.
    let span = tracing::Span::current();
    let thread = std::thread::Builder::new().name("attempt".into()).spawn(move || {
        let _entered = span.entered();
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let (capture, collector) = (&mut capture, collector.as_mut());
            steps
                .run(&names, Tools { capture, collector, control: &steps_control, lifecycle_events: &lifecycle_events })
        }));
        lifecycle_events.close();
        match ran {
            // If the receiver has been dropped, the result is not needed.
            Ok(outcome) => drop(ended.send((outcome, capture, collector))),
            Err(panic) => {
                let text = capture.redactor().redact(panic_text(&*panic).as_bytes());
                tracing::error!(%text, "the attempt's thread panicked");
            }
        }
    });
    thread?;
    let keep = keep_lease(link, lease, config, &control, shutdown);
    tokio::pin!(keep);
    let ship = shipper.run(ends);
    tokio::pin!(ship);
    let (mut ended, mut ended_shipping) = (None, None);
    // Wait until both shipping and the steps have ended. If shipping ends with an error, for example because the lease
    // is lost, the running step is stopped.
    while ended.is_none() || ended_shipping.is_none() {
        tokio::select! {
            () = &mut keep => unreachable!("a lease is kept until this future is dropped"),
            result = &mut ship, if ended_shipping.is_none() => {
                if result.is_err() {
                    control.stop(Stop::LeaseLost);
                }
                ended_shipping = Some(result);
            }
            result = &mut over, if ended.is_none() => {
                slot.commands_have_ended();
                ended = Some(result);
            }
        }
    }
    let progress = ended_shipping.transpose()?.unwrap_or_default();
    let ended = ended.and_then(Result::ok).ok_or_else(|| std::io::Error::other("it panicked"))?;
    let (outcome, capture, collector) = ended;
    if let Some(collector) = collector {
        tokio::task::spawn_blocking(move || collector.remove_replaced()).await.map_err(task_error)?;
    }
    Ok(end(outcome, &capture, progress))
}

/// Returns the warning that some secrets of the job are masked only as whole words, or `None` if there are no such
/// secrets. The warning names these secrets. `own` are secrets of this program that every job can print.
fn weak_secrets(claimed: &Claimed, own: &[(String, String)]) -> Option<Redacted> {
    let of_job = claimed.payload.secret_variables().into_iter().chain(claimed.secrets.clone());
    weak::warning(of_job.chain(own.iter().cloned()), &claimed.redactor)
}

fn end(outcome: Outcome, capture: &Capture, progress: Progress) -> Ended {
    let totals = totals(capture.spool(), progress, capture.redactions().clone());
    let totals = AttemptTotals { exit_code: outcome.exit_code, ..totals };
    let artifact = NewArtifact::log(&totals);
    (outcome.ending, totals, vec![artifact])
}

/// Returns the totals of an attempt's output.
pub(super) fn totals(spool: &SpoolWriter, progress: Progress, redactions: RedactionCounts) -> AttemptTotals {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    AttemptTotals {
        exit_code: None,
        lines: number(spool.end().lines),
        bytes: number(spool.end().bytes),
        suppressed_bytes: number(progress.suppressed),
        redactions,
        log_sha256: spool.sha256(),
    }
}

/// Returns the totals of an attempt that printed nothing.
pub(super) fn nothing_printed() -> AttemptTotals {
    use sha2::{Digest, Sha256};
    let log_sha256 = hex::encode(Sha256::digest([]));
    AttemptTotals {
        exit_code: None,
        lines: 0,
        bytes: 0,
        suppressed_bytes: 0,
        redactions: RedactionCounts::default(),
        log_sha256,
    }
}

/// Renews the lease regularly. If the job is cancelled, the lease is lost, or the program shuts down, requests that the
/// attempt stop. Never returns.
async fn keep_lease<L: Link>(
    link: &L,
    lease: Lease,
    config: &WorkerConfig,
    control: &Control,
    shutdown: &CancellationToken,
) {
    let heartbeat = HEARTBEAT.min(config.lease / 4);
    // If the lease cannot be renewed for this long, the attempt's processes are killed, because the server may soon
    // assign the job to another worker.
    let give_up = config.lease * 2 / 3;
    let mut renewed = Instant::now();
    let mut wait = FIRST_HEARTBEAT;
    loop {
        // Register for notifications before sending the request, so that no notification is missed in between.
        let notified = link.early_heartbeat();
        tokio::pin!(notified);
        let early = futures_util::poll!(&mut notified).is_ready();
        // Do not renew the lease in the first round: the lease is new, and a job that finishes quickly needs no
        // renewal.
        if wait == heartbeat || early {
            // A request that hangs must not delay the time at which the worker gives up.
            let left = give_up.saturating_sub(renewed.elapsed());
            let answered = tokio::time::timeout(left, link.heartbeat(lease)).await;
            match answered.unwrap_or_else(|_| Err(LinkError::Retry("the server does not answer".to_owned()))) {
                Ok(Heartbeat::Renewed) => renewed = Instant::now(),
                Ok(Heartbeat::CancelRequested) => control.stop(Stop::Cancelled),
                Err(LinkError::Retry(error)) => {
                    tracing::warn!(job = %lease.job, %error, "a lease could not be renewed");
                }
                Err(_) => control.stop(Stop::LeaseLost),
            }
        }
        if renewed.elapsed() > give_up {
            control.stop(Stop::LeaseLost);
        }
        tokio::select! {
            () = notified, if !early => {}
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled(), if control.stopped().is_none() => control.stop(Stop::Shutdown(config.host)),
        }
        wait = heartbeat;
    }
}

/// Reports an attempt's result, which ends the lease. Retries until the server has stored or rejected the result.
pub(super) async fn finish<L: Link>(link: &L, finish: Finish) {
    let mut waits = WAITS;
    FailPoint::Finish.reached();
    loop {
        match link.finish(finish.clone()).await {
            Ok(()) => return,
            Err(LinkError::Retry(error)) => {
                tracing::warn!(job = %finish.lease.job, %error, "the result of an attempt could not be stored; retrying");
                tokio::time::sleep(waits.next_wait()).await;
            }
            Err(error) => {
                tracing::warn!(job = %finish.lease.job, %error, "the result of an attempt was rejected");
                if matches!(error, LinkError::Fenced(_)) {
                    link.forget(finish.lease);
                }
                return;
            }
        }
    }
}

/// Gives the workspace, the files beside it, and the files in the directories beside it to the user that the job runs
/// as. The user can enter these directories but cannot replace their entries, so the server can open the files by their
/// paths.
fn hand_over(attempt: &Path, user: &JobUser) -> std::io::Result<()> {
    let traversable = Permissions::from_mode(0o711);
    for entry in fs::read_dir(attempt)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != WORKSPACE {
            for file in fs::read_dir(entry.path())? {
                user.own(&file?.path())?;
            }
            fs::set_permissions(entry.path(), traversable.clone())?;
        } else {
            user.own(&entry.path())?;
        }
    }
    fs::set_permissions(attempt, traversable)
}

/// Returns the directory that contains the directories of all attempts.
pub(super) fn attempt_folders(config: &WorkerConfig) -> PathBuf {
    config.data_dir.join("work")
}

/// Returns the directory of an attempt, which contains the workspace and the files beside it. If the data directory is
/// hidden from steps, this directory is the only part of it that the attempt's steps can see.
pub(super) fn attempt_folder(config: &WorkerConfig, lease: Lease) -> PathBuf {
    attempt_folders(config).join(format!("{}-{}", lease.job, lease.attempt))
}

/// Returns the path of the workspace with `suffix` appended: a file or directory beside the workspace.
pub(super) fn beside(workspace: &Path, suffix: &str) -> PathBuf {
    let mut path = workspace.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Removes the directory of an attempt, or a part of it. Entries that cannot be removed are logged, and removal is
/// retried on the next start of the program.
pub(super) fn remove_workspace(workspace: &Path) {
    if let Err(remaining) = remove_tree(workspace) {
        tracing::warn!(workspace = %workspace.display(), %remaining, "a workspace could not be removed entirely");
    }
}

/// Returns the message of a caught panic. The caller must redact it.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_caught_panic_can_be_redacted() {
        let check = |line: &str| assert!(line.is_empty(), "no such line: {line}");
        let made = std::panic::catch_unwind(|| check("secret-0123456789")).expect_err("it panics");
        let redacted = redact::Redactor::new(["secret-0123456789"]).redact(panic_text(&*made).as_bytes());
        assert_eq!(redacted.to_text(), "no such line: [REDACTED]");
    }
}
