//! Tests against a real server over real HTTP, in one binary. Each module is one promise of the product.

mod access;
mod artifacts;
mod bad_input;
mod crash;
mod dependencies;
mod gaps;
mod harness;
mod life;
mod output;
mod paging;
mod processes;
mod stages;
mod streaming;
