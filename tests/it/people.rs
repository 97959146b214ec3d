//! Tests of users, sessions and API tokens, and of their revocation.

mod command_line;
mod login_links;
mod oidc;
mod pages;
mod proxied;
mod revocation;
mod sessions;
mod tokens;
mod users;
