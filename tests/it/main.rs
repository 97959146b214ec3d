//! Tests against a real server over real HTTP, in one binary. Each module covers one area of what the product
//! guarantees.

mod access;
mod artifacts;
mod bad_input;
mod cli;
mod crash;
mod dependencies;
mod docs;
mod gaps;
mod harness;
mod health;
mod life;
mod log;
mod no_scripts;
mod output;
mod paging;
mod processes;
mod proxy;
mod server_log;
mod site;
mod stages;
mod streaming;
