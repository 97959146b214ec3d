//! Prevents a claim of a worker on another machine from receiving a job after the worker has given up on the claim.
//!
//! A worker that has been restarted sends a request with `resume` for each of its earlier claims, to ask for the job of
//! that claim. The claim itself may still be open, for example because a proxy has not noticed that the connection is
//! gone. If the claim then received a job, no worker would know about it. When a worker resumes, all of its open claims
//! are therefore closed. If the server has answered that there is no job for an identifier, that identifier never
//! receives a job later.
//!
//! Claims are tracked only in memory, because no claim stays open when the server stops.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::TokenId;

use crate::queue::leases::ClaimRequest;

/// The maximum number of identifiers that are remembered. An identifier is needed only while a delayed request may
/// arrive.
const MAX_CLOSED: usize = 10_000;

/// A worker: its API token and its name.
type WorkerKey = (TokenId, Vec<u8>);

/// The open claims of all workers, and the identifiers of claims that are closed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::queue) struct OpenClaims(Arc<Mutex<Claims>>);

#[derive(Debug, Default)]
struct Claims {
    workers: HashMap<WorkerKey, WorkerClaims>,
    closed: ClosedIds,
}

/// The open claims of a worker.
#[derive(Clone, Copy, Debug, Default)]
struct WorkerClaims {
    open: usize,
    /// The number of times that the worker has resumed since the first of these claims began.
    resumes: u64,
}

/// The identifiers of closed claims, oldest first.
#[derive(Debug, Default)]
struct ClosedIds {
    order: VecDeque<(TokenId, String)>,
    ids: HashSet<(TokenId, String)>,
}

/// A claim that waits for a job. Dropping this removes the claim from the open claims.
#[derive(Debug)]
pub(super) struct OpenClaim {
    claims: OpenClaims,
    worker: WorkerKey,
    /// The identifier, if the worker has chosen one.
    id: Option<(TokenId, String)>,
    resumes: u64,
}

impl OpenClaims {
    /// Adds a claim to the open claims. Returns `None` for the embedded worker, whose claims are never resumed.
    pub(super) fn begin(&self, request: &ClaimRequest) -> Option<OpenClaim> {
        let worker = worker_of(request)?;
        let mut claims = self.claims();
        let of_worker = claims.workers.entry(worker.clone()).or_default();
        of_worker.open += 1;
        let resumes = of_worker.resumes;
        drop(claims);
        Some(OpenClaim { claims: self.clone(), worker, id: id_of(request), resumes })
    }

    /// Closes all open claims of the worker that resumes. Call this in the transaction that looks for the worker's job.
    pub(super) fn resume(&self, request: &ClaimRequest) {
        let mut claims = self.claims();
        if let Some(of_worker) = worker_of(request).and_then(|worker| claims.workers.get_mut(&worker)) {
            of_worker.resumes += 1;
        }
    }

    /// Closes the identifier of a request for which there is no job. The identifier then never receives a job.
    pub(super) fn close(&self, request: &ClaimRequest) {
        if let Some(id) = id_of(request) {
            self.claims().closed.add(id);
        }
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenClaim {
    /// Returns whether the claim must no longer receive a job.
    pub(super) fn is_closed(&self) -> bool {
        let claims = self.claims.claims();
        let has_resumed = claims.workers.get(&self.worker).is_some_and(|worker| worker.resumes != self.resumes);
        has_resumed || self.id.as_ref().is_some_and(|id| claims.closed.ids.contains(id))
    }
}

impl Drop for OpenClaim {
    fn drop(&mut self) {
        let mut claims = self.claims.claims();
        if let Some(of_worker) = claims.workers.get_mut(&self.worker) {
            of_worker.open -= 1;
            if of_worker.open == 0 {
                claims.workers.remove(&self.worker);
            }
        }
    }
}

impl ClosedIds {
    fn add(&mut self, id: (TokenId, String)) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_CLOSED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

fn worker_of(request: &ClaimRequest) -> Option<WorkerKey> {
    request.token.map(|token| (token, request.worker.as_bytes().to_vec()))
}

fn id_of(request: &ClaimRequest) -> Option<(TokenId, String)> {
    Some((request.token?, request.claim_id.clone()?))
}

#[cfg(test)]
mod tests {
    use redact::Redacted;

    use super::*;

    fn request(token: u128, name: &'static str, id: Option<&str>) -> ClaimRequest {
        ClaimRequest {
            token: Some(TokenId(uuid::Uuid::from_u128(token))),
            claim_id: id.map(str::to_owned),
            ..ClaimRequest::embedded(Redacted::literal(name))
        }
    }

    #[test]
    fn a_resume_closes_the_open_claims_of_the_same_worker_only() {
        let claims = OpenClaims::default();
        let begin = |token, name| claims.begin(&request(token, name, None)).expect("it has a token");
        let [before, other_name, other_token] =
            [(1, "one"), (1, "two"), (2, "one")].map(|(token, name)| begin(token, name));
        claims.resume(&request(1, "one", Some("a")));
        let after = begin(1, "one");
        assert!(before.is_closed());
        assert_eq!([&other_name, &other_token, &after].map(OpenClaim::is_closed), [false; 3]);
        drop((before, other_name, other_token, after));
        assert!(claims.claims().workers.is_empty(), "nothing is stored for workers without open claims");
    }

    #[test]
    fn a_closed_identifier_stays_closed_for_its_token_and_their_number_is_limited() {
        let claims = OpenClaims::default();
        let is_closed = |token, id| claims.begin(&request(token, "one", Some(id))).expect("it has a token").is_closed();
        claims.close(&request(1, "one", Some("a")));
        claims.close(&request(1, "one", Some("a")));
        assert_eq!([is_closed(1, "a"), is_closed(1, "b"), is_closed(2, "a")], [true, false, false]);
        for number in 0..MAX_CLOSED {
            claims.close(&request(1, "one", Some(&format!("n{number}"))));
        }
        assert_eq!([is_closed(1, "a"), is_closed(1, "n0")], [false, true]);
        let state = claims.claims();
        assert_eq!((state.closed.order.len(), state.closed.ids.len()), (MAX_CLOSED, MAX_CLOSED));
    }
}
