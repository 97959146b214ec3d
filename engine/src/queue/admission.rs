//! Decides which jobs a worker's claim may receive. The decision depends on the limits of the worker's API token, on
//! pauses, and on whether the worker is drained.
//!
//! The decision is made in the transaction of the claim. A claim that was waiting while a token was revoked or while
//! the queue was paused therefore receives no job.

use std::time::Duration;

use model::{PauseTarget, Timestamp, WorkerId, WorkerStatus};

use super::leases::ClaimRequest;
use super::payload::{InvalidPayload, check_capabilities, invalid};
use super::submission::check_key;
use super::{pauses, workers};
use crate::db::{Connection, DbResult};

/// The maximum number of types, and of repositories, that a token's limits can list.
const MAX_LISTED: usize = 100;

/// The limits of a worker's API token. An empty list sets no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerLimits {
    /// The types of jobs that the worker may receive.
    pub kinds: Vec<String>,
    /// The repositories whose jobs the worker may receive. The repository of a job is the member `repository` of its
    /// payload.
    pub repositories: Vec<String>,
    /// The capabilities that the worker may have. The worker receives no jobs that require other capabilities.
    pub capabilities: Vec<String>,
}

impl WorkerLimits {
    /// Checks the limits of a new token.
    pub fn check(self) -> Result<Self, InvalidPayload> {
        let Self { kinds, repositories, capabilities } = self;
        for (field, names) in [("allowedJobTypes", &kinds), ("allowedRepositories", &repositories)] {
            if names.len() > MAX_LISTED {
                return Err(invalid(field, format!("must have at most {MAX_LISTED} entries, not {}", names.len())));
            }
            names.iter().try_for_each(|name| check_key(field, name))?;
        }
        let capabilities = check_capabilities("capabilities", &capabilities)?;
        Ok(Self { kinds, repositories, capabilities })
    }
}

/// The conditions that a job must meet to be claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClaimScope {
    /// The permitted types. If empty, all types except those in `paused_kinds` are permitted.
    pub(super) kinds: Vec<String>,
    /// The types that are paused.
    pub(super) paused_kinds: Vec<String>,
    /// The capabilities that the job may require.
    pub(super) capabilities: Vec<String>,
    /// The permitted repositories, or `None` if a job may have any repository or none.
    pub(super) repositories: Option<Vec<String>>,
    /// The worker, or `None` if it is not in the list of workers.
    pub(super) worker: Option<WorkerId>,
    /// The time for which a job is reserved for the worker that last ran a job with the same affinity key.
    pub(super) affinity_wait: Duration,
}

/// The decision on a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The worker receives the next job that meets these conditions.
    Admitted(ClaimScope),
    /// The worker receives no job, because the worker is drained, or because the worker, the queue or all of the
    /// worker's types are paused.
    Held(WorkerStatus),
    /// The token is no longer valid, or permits none of the types that the worker runs.
    Refused,
}

/// Decides which jobs a claim may receive, and records that the worker was seen.
pub(super) async fn admit(connection: &mut Connection, request: &ClaimRequest, now: Timestamp) -> DbResult<Admission> {
    let limits = match request.token {
        None => WorkerLimits::default(),
        Some(token) => match workers::store::limits_of(connection, token, now).await? {
            Some(limits) => limits,
            None => return Ok(Admission::Refused),
        },
    };
    let worker = workers::noted(connection, request, now).await?;
    if worker.as_ref().is_some_and(|worker| worker.drained_at.is_some()) {
        return Ok(Admission::Held(WorkerStatus::Draining));
    }
    let targets = pauses::store::targets(connection).await?;
    let is_paused = |target: &PauseTarget| match target {
        PauseTarget::Queue => true,
        PauseTarget::Worker(id) => worker.as_ref().is_some_and(|worker| worker.id == *id),
        PauseTarget::Type(_) => false,
    };
    if targets.iter().any(is_paused) {
        return Ok(Admission::Held(WorkerStatus::Paused));
    }
    let paused_kind = |target| match target {
        PauseTarget::Type(kind) => Some(kind),
        PauseTarget::Queue | PauseTarget::Worker(_) => None,
    };
    let paused_kinds = targets.into_iter().filter_map(paused_kind).collect();
    Ok(match decide(request, limits, paused_kinds) {
        Admission::Admitted(scope) => {
            Admission::Admitted(ClaimScope { worker: worker.map(|worker| worker.id), ..scope })
        }
        refused => refused,
    })
}

/// Makes the decision from the limits of the token and the paused types.
fn decide(request: &ClaimRequest, limits: WorkerLimits, paused_kinds: Vec<String>) -> Admission {
    let Some(mut kinds) = common(&request.kinds, &limits.kinds) else { return Admission::Refused };
    if !kinds.is_empty() {
        kinds.retain(|kind| !paused_kinds.contains(kind));
        if kinds.is_empty() {
            return Admission::Held(WorkerStatus::Paused);
        }
    }
    let mut capabilities = request.capabilities.clone();
    if !limits.capabilities.is_empty() {
        capabilities.retain(|capability| limits.capabilities.contains(capability));
    }
    let repositories = (!limits.repositories.is_empty()).then_some(limits.repositories);
    let affinity_wait = request.affinity_wait;
    Admission::Admitted(ClaimScope { kinds, paused_kinds, capabilities, repositories, worker: None, affinity_wait })
}

/// Returns the names that are in both lists. An empty list stands for all names. Returns `None` if the lists have no
/// name in common.
fn common(one: &[String], other: &[String]) -> Option<Vec<String>> {
    match (one, other) {
        (names, []) | ([], names) => Some(names.to_vec()),
        (names, others) => {
            let names: Vec<String> = names.iter().filter(|name| others.contains(name)).cloned().collect();
            (!names.is_empty()).then_some(names)
        }
    }
}

#[cfg(test)]
mod tests {
    use redact::Redacted;

    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn decision(kinds: &[&str], limits: WorkerLimits, paused: &[&str]) -> Admission {
        let request = ClaimRequest {
            kinds: list(kinds),
            capabilities: list(&["docker", "git"]),
            ..ClaimRequest::embedded(Redacted::literal("worker"))
        };
        decide(&request, limits, list(paused))
    }

    fn kinds(admission: Admission) -> Option<Vec<String>> {
        match admission {
            Admission::Admitted(scope) => Some(scope.kinds),
            Admission::Held(_) | Admission::Refused => None,
        }
    }

    #[test]
    fn a_claim_receives_only_types_that_the_worker_and_its_token_permit() {
        let limited = |names: &[&str]| WorkerLimits { kinds: list(names), ..WorkerLimits::default() };
        assert_eq!(kinds(decision(&[], limited(&[]), &[])), Some(list(&[])));
        assert_eq!(kinds(decision(&[], limited(&["a"]), &[])), Some(list(&["a"])));
        assert_eq!(kinds(decision(&["a", "b"], limited(&[]), &[])), Some(list(&["a", "b"])));
        assert_eq!(kinds(decision(&["a", "b"], limited(&["b", "c"]), &[])), Some(list(&["b"])));
        assert_eq!(decision(&["a"], limited(&["c"]), &[]), Admission::Refused, "no limit would be the wrong result");
    }

    #[test]
    fn paused_types_are_not_received() {
        assert_eq!(kinds(decision(&["a", "b"], WorkerLimits::default(), &["a"])), Some(list(&["b"])));
        assert_eq!(decision(&["a"], WorkerLimits::default(), &["a"]), Admission::Held(WorkerStatus::Paused));
        let Admission::Admitted(any) = decision(&[], WorkerLimits::default(), &["a"]) else { panic!("others remain") };
        assert_eq!((any.kinds, any.paused_kinds), (list(&[]), list(&["a"])));
    }

    #[test]
    fn a_token_limits_the_capabilities_that_a_worker_can_claim_to_have() {
        let limits = WorkerLimits { capabilities: list(&["git", "gpu"]), ..WorkerLimits::default() };
        let Admission::Admitted(scope) = decision(&[], limits, &[]) else { panic!("it is admitted") };
        assert_eq!(scope.capabilities, list(&["git"]));
        assert_eq!(scope.repositories, None);
    }
}
