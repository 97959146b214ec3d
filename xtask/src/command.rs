//! Running other programs, with an error that says which one failed.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs a program to its end; a failing one is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("failed to start {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// The cargo that runs this program, so that both halves come from one toolchain.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A program that `npm ci` put into place.
pub fn npm(name: &str) -> Command {
    Command::new(format!("node_modules/.bin/{name}"))
}
