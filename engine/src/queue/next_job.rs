//! Chooses the job that a claim receives: by priority, and then by age, among the jobs that the worker may run now.
//!
//! A job may run if its next attempt is due, if the worker has the capabilities that it requires, and if the limit of
//! its concurrency key has not been reached. Jobs that have to wait keep their order, and later jobs may overtake them.
//!
//! A job with an affinity key prefers the worker that last ran a job with the same key, because that worker may still
//! have caches for it. The job is reserved for this worker for a short time, unless the worker is offline, drained or
//! paused, does not run jobs of this type, or has a token that does not permit the job. Reservations do not change the
//! order in which the preferred worker receives jobs, so an affinity key delays no other job.
//!
//! The duration of a claim must not depend on the number of waiting jobs. Jobs of types that the worker may not run are
//! not read at all. Jobs with the same keys, type and requirements differ only in their order, so only the first of
//! them is read (`jobs.is_behind`, maintained by triggers). If 100,000 jobs wait for a busy key, they are therefore
//! skipped as fast as a single job.

pub(super) mod store;

#[cfg(test)]
mod tests;
