//! The `tailwater-supervisor` program, which supervises a step of a job ([`supervise`]). A release of `tailwater`
//! contains it and runs it from memory, so it is not installed.

use std::process::ExitCode;

fn main() -> ExitCode {
    supervise::run_if_asked().unwrap_or(ExitCode::FAILURE)
}
