//! Tests against a real server over real HTTP, in one binary. Each module is one promise of the product.

mod access;
mod artifacts;
mod bad_input;
mod cli;
mod crash;
mod dependencies;
mod disk;
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
mod supervision;
mod workspaces;
