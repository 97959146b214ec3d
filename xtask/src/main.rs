//! Build steps of Tailwater that cargo cannot perform.
//!
//! `cargo run -p xtask -- site --release` builds `target/site`, the files that the server sends to browsers. `cargo run
//! -p xtask -- dev` rebuilds these files and the server after every change, and restarts the server. [`site`] lists the
//! steps, each step has its own module, and [`fresh`] skips steps whose inputs have not changed.
//!
//! xtask neither selects nor installs tools. `setup.sh` and `npm ci` must have installed cargo, Node.js and the
//! packages of `package-lock.json`.

mod site;

mod compress;
mod fonts;
mod modules;
mod names;
mod script;
mod style;
mod wasm;

mod command;
mod fresh;
mod mirror;
mod settings;

mod dev;

use std::{env, ffi::OsString, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};

use crate::{settings::Settings, site::Profile};

/// The message for invalid arguments.
const USAGE: &str = "usage: cargo run -p xtask -- site [--dev|--release]
       cargo run -p xtask -- dev [arguments of `tailwater serve`]";

/// Prints an error as one line with the failed step and the cause. A failed tool has already printed its own error.
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // All paths below are relative to the root of the repository.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("failed to find the repository")?;
    env::set_current_dir(root).context("failed to enter the repository")?;
    let settings = Settings::load()?;

    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match words.as_slice() {
        ["site"] | ["site", "--dev"] => site::build(&settings, Profile::Dev),
        ["site", "--release"] => site::build(&settings, Profile::Release),
        ["dev", ..] => dev::run(&settings, &arguments[1..]),
        _ => bail!(USAGE),
    }
}
