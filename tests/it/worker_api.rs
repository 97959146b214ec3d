//! Tests of the protocol for workers on other machines. They cover the statuses, codes and bodies of each route, and
//! the life of a job that such a worker runs.

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
