//! Workers on other machines: each route of their protocol, with its statuses, codes and bodies, and the life of a job
//! that they run.

mod claims;
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
