//! The program: parses the command line and does what it asks for.

use std::process::ExitCode;

fn main() -> ExitCode {
    tailwater::cli::run()
}
