//! Compiles `src/` to the browser's WASM module with cargo.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{command, settings::Settings, site::Profile};

/// The compilation target for browsers.
const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles the module and returns its path.
///
/// The crate type is specified here because `Cargo.toml` also lists `rlib`, and cargo silently disables link-time
/// optimisation if any of the crate types does not support it.
pub fn compile(settings: &Settings, profile: Profile) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--no-default-features", "--features", "hydrate"]);
    cargo.args(["--target", TARGET, "--profile", profile.cargo()]);
    if !has_std()? {
        // Some Linux distributions ship this target's standard library only as source code. In this case, cargo builds
        // the library. `-Z` flags require a nightly compiler or the variable `RUSTC_BOOTSTRAP`.
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
    }
    // [`crate::modules`] needs the relocations to move functions and data into other files.
    cargo.args(["--", "-Clink-args=--emit-relocs"]);
    command::run(&mut cargo)?;
    Ok(Path::new("target").join(TARGET).join(profile.cargo()).join(&settings.output_name).with_extension("wasm"))
}

/// Returns whether the compiler includes a compiled standard library for the browser.
fn has_std() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    let output =
        rustc.args(["--print", "target-libdir", "--target", TARGET]).output().context("failed to start rustc")?;
    let folder = String::from_utf8(output.stdout)?;
    Ok(Path::new(folder.trim()).is_dir())
}
