//! Tests against a real server over real HTTP, in one binary. Each module is one promise of the product.

mod dependencies;
mod harness;
mod crash;
mod output;
mod processes;
