//! The phase of a job, derived from the status and the timestamps of a [`Job`].

use super::{Job, JobStatus, Timestamp};

/// The phase of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobPhase {
    /// The job is waiting for its first or next attempt.
    Waiting,
    /// An attempt is running.
    Running {
        /// The time at which the attempt began.
        since: Timestamp,
    },
    /// The job has finished.
    Ended {
        /// The duration of the job's last attempt in milliseconds, or `None` if no attempt began.
        took: Option<i64>,
    },
}

impl JobPhase {
    /// Returns a duration in milliseconds: how long the running attempt has been running at the time `now`, or how long
    /// the last attempt of a finished job took. Returns `None` if the job is waiting, or if it finished without an
    /// attempt.
    #[must_use]
    pub fn millis(self, now: impl FnOnce() -> Timestamp) -> Option<i64> {
        match self {
            Self::Waiting => None,
            Self::Running { since } => Some(now().millis_since(since)),
            Self::Ended { took } => took,
        }
    }
}

impl Job {
    /// Returns the job's current phase.
    #[must_use]
    pub fn phase(&self) -> JobPhase {
        match (self.status, self.started_at) {
            (JobStatus::Running, Some(since)) => JobPhase::Running { since },
            (status, started) if status.is_terminal() => {
                JobPhase::Ended { took: self.finished_at.zip(started).map(|(end, start)| end.millis_since(start)) }
            }
            _ => JobPhase::Waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        serde_json::from_value(serde_json::json!({
            "id": "01890000-0000-7000-8000-000000000000", "type": "command", "status": "queued", "priority": 0,
            "title": "a", "attempt": 0, "maxAttempts": 2, "leaseEpoch": 0, "lastSeq": 0,
            "createdAt": "2026-01-31T12:00:00.000000Z", "updatedAt": "2026-01-31T12:00:00.000000Z",
        }))
        .expect("it is a job")
    }

    #[test]
    fn a_job_between_two_attempts_is_waiting() {
        let (start, end) = (Some(Timestamp(1_000_000)), Some(Timestamp(3_500_000)));
        let table = [
            ((JobStatus::Queued, None, None), JobPhase::Waiting),
            ((JobStatus::Queued, start, None), JobPhase::Waiting),
            ((JobStatus::Running, start, None), JobPhase::Running { since: Timestamp(1_000_000) }),
            ((JobStatus::Failed, start, end), JobPhase::Ended { took: Some(2_500) }),
            ((JobStatus::Cancelled, None, end), JobPhase::Ended { took: None }),
        ];
        for ((status, started_at, finished_at), phase) in table {
            assert_eq!(Job { status, started_at, finished_at, ..job() }.phase(), phase, "{status:?}");
        }
        assert_eq!(JobPhase::Running { since: Timestamp(1_000_000) }.millis(|| Timestamp(2_000_000)), Some(1_000));
    }
}
