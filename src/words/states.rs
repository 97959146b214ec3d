//! Labels of statuses, and sentences about the state of jobs, workers and secrets.

use model::{ConcurrencyWait, JobStatus, Pause, PauseTarget, StepStatus, Timestamp, WorkerStatus};

use super::{date_time, plural, visible};

/// Returns the label of a job status.
#[must_use]
pub const fn status(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "Queued",
        JobStatus::Running => "Running",
        JobStatus::Succeeded => "Succeeded",
        JobStatus::Failed => "Failed",
        JobStatus::Cancelled => "Cancelled",
        JobStatus::DeadLetter => "Dead letter",
    }
}

/// Returns a symbol for a job status, for use where icons are not possible, such as in a window's title.
#[must_use]
pub const fn status_sign(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Queued => "\u{25cb}",
        JobStatus::Running => "\u{25b6}",
        JobStatus::Succeeded => "\u{2713}",
        JobStatus::Failed => "\u{2717}",
        JobStatus::Cancelled => "\u{2298}",
        JobStatus::DeadLetter => "\u{2620}",
    }
}

/// Returns the label of a step status, for use at the end of a sentence.
#[must_use]
pub const fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Started => "running",
        StepStatus::Succeeded => "succeeded",
        StepStatus::Failed => "failed",
        StepStatus::Cancelled => "cancelled",
        StepStatus::TimedOut => "timed out",
        StepStatus::Skipped => "skipped",
    }
}

/// Returns the label of a worker's status.
#[must_use]
pub const fn worker_status(status: WorkerStatus) -> &'static str {
    match status {
        WorkerStatus::Active => "Active",
        WorkerStatus::Draining => "Draining",
        WorkerStatus::Paused => "Paused",
        WorkerStatus::Offline => "Offline",
    }
}

/// Returns a sentence that describes a pause: its target, its beginning in UTC, the user and the reason.
#[must_use]
pub fn paused(pause: &Pause) -> String {
    let what = match &pause.target {
        PauseTarget::Queue => "The queue has".to_owned(),
        PauseTarget::Type(kind) => format!("Jobs of the type {} have", visible(kind)),
        PauseTarget::Worker(id) => {
            format!("The worker {} has", pause.worker_name.as_deref().map_or_else(|| id.to_string(), visible))
        }
    };
    let (since, by) = (date_time(pause.paused_at, 0), visible(&pause.paused_by_user_id));
    let reason = pause.reason.as_deref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
    format!("{what} been paused since {since} UTC by {by}{reason}")
}

/// Returns a short sentence about the pause that keeps a job waiting: its target and the reason.
#[must_use]
pub fn paused_briefly(pause: &Pause) -> String {
    let what = match &pause.target {
        PauseTarget::Queue => "The queue is paused".to_owned(),
        PauseTarget::Type(kind) => format!("Jobs of the type {} are paused", visible(kind)),
        PauseTarget::Worker(_) => "The worker is paused".to_owned(),
    };
    let reason = pause.reason.as_deref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
    format!("{what}{reason}")
}

/// Describes which jobs a job waits for because of its concurrency key.
#[must_use]
pub fn waits_for_key(wait: &ConcurrencyWait) -> String {
    let which = if wait.running == 1 {
        "another job".to_owned()
    } else {
        format!("one of {}", plural(wait.running, "running job"))
    };
    format!("Waiting for {which} with the concurrency key {}", visible(&wait.key))
}

/// Returns sentences that state when the output of a job was removed, in UTC.
#[must_use]
pub fn output_removed(at: Timestamp) -> String {
    format!(
        "The output and the artifacts were removed on {} UTC, because the server keeps them for a limited time.",
        date_time(at, 0)
    )
}

/// The note for a secret whose stored value cannot be decrypted.
pub const UNREADABLE_SECRET: &str = "The stored value cannot be decrypted, so jobs that request the secret fail, and the value is not masked. Replace or remove the secret.";

/// The note for a secret whose value is masked only as a whole word.
pub const NOT_MASKED_EVERYWHERE: &str =
    "The value is so short or so common that it is masked only where it is a whole word. Use a longer value.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_says_what_is_paused_by_whom_and_why() {
        let pause = Pause {
            target: PauseTarget::Queue,
            worker_name: None,
            reason: Some("new disk".to_owned()),
            paused_at: "2026-01-31T14:02:11Z".parse().expect("a time"),
            paused_by_user_id: "ada".to_owned(),
        };
        assert_eq!(paused(&pause), "The queue has been paused since 2026-01-31 14:02:11 UTC by ada: new disk");
        assert_eq!(paused_briefly(&pause), "The queue is paused: new disk");
        let kind = Pause { target: PauseTarget::Type("build".to_owned()), reason: None, ..pause };
        assert_eq!(paused(&kind), "Jobs of the type build have been paused since 2026-01-31 14:02:11 UTC by ada");
        assert_eq!(paused_briefly(&kind), "Jobs of the type build are paused");
    }

    #[test]
    fn a_job_says_for_which_jobs_it_waits() {
        let wait = |running| ConcurrencyWait { key: "deploy".to_owned(), limit: 1, running };
        assert_eq!(waits_for_key(&wait(1)), "Waiting for another job with the concurrency key deploy");
        assert_eq!(waits_for_key(&wait(3)), "Waiting for one of 3 running jobs with the concurrency key deploy");
    }
}
