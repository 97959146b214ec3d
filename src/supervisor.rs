//! The `tailwater-supervisor` program, which supervises a step of a job ([`supervise`]). A release of `tailwater`
//! contains this program and runs it from memory, so the program is not installed separately.

use std::process::ExitCode;

fn main() -> ExitCode {
    supervise::run_if_asked().unwrap_or(ExitCode::FAILURE)
}
