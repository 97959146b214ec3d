//! The browser's half: from `src/` to a WASM module, by cargo.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{command, settings::Settings, site::Profile};

/// What the browser runs.
const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles the module and returns its path.
///
/// The crate type is given here because `Cargo.toml` names `rlib` too, and cargo silently leaves out link-time optimisation
/// where one of the types cannot have it.
pub fn compile(settings: &Settings, profile: Profile) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--no-default-features", "--features", "hydrate"]);
    cargo.args(["--target", TARGET, "--profile", profile.cargo()]);
    if !has_std()? {
        // A distribution's compiler comes with std as source only. `-Z` is for nightly compilers, and for those who say this.
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
    }
    command::run(&mut cargo)?;
    Ok(Path::new("target").join(TARGET).join(profile.cargo()).join(&settings.output_name).with_extension("wasm"))
}

/// Whether the compiler comes with a compiled std for the browser.
fn has_std() -> Result<bool> {
    let mut rustc = Command::new("rustc");
    let output =
        rustc.args(["--print", "target-libdir", "--target", TARGET]).output().context("failed to start rustc")?;
    let folder = String::from_utf8(output.stdout)?;
    Ok(Path::new(folder.trim()).is_dir())
}
