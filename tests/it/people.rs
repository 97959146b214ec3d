//! Users, sessions, API tokens, and their revocation.

mod command_line;
mod oidc;
mod pages;
mod proxied;
mod revocation;
mod sessions;
mod tokens;
mod users;
