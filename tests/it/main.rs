//! Tests against a real server over real HTTP, in one binary. Each module is one promise of the product.

mod access;
mod bad_input;
mod cli;
mod crash;
mod dependencies;
mod harness;
mod life;
mod output;
mod paging;
mod processes;
mod streaming;
