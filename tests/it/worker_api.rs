//! Tests of the protocol for workers on other machines: each route with its statuses, codes and bodies, and the life of
//! a job that such a worker runs.

mod affinity;
mod claims;
mod concurrency;
mod contract;
mod copies;
mod credentials;
mod endings;
mod events;
mod expiry;
mod listed;
mod output;
mod ownership;
mod pauses;
mod removal;
mod tokens;
mod uploads;
