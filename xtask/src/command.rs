//! Runs other programs. Errors state which program failed.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs a program until it exits. A non-zero exit status is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("failed to start {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// Runs a program until it exits, and shows its messages only if it fails.
pub fn run_quietly(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("failed to start {name}"))?;
    if !output.status.success() {
        bail!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

/// Returns a command for the cargo that runs this program, so that the server and the pages are built by the same
/// toolchain.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns a command for a program installed by `npm ci`.
pub fn npm(name: &str) -> Command {
    Command::new(format!("node_modules/.bin/{name}"))
}
