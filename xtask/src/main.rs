//! Build steps of Tailwater that cargo alone cannot do.
//!
//! `cargo run -p xtask -- site --release` makes `target/site`: what the server sends to browsers as files. `-- dev`
//! makes it again at every change and restarts the server. In reading order: [`site`] names the steps, each step is a file, and
//! [`fresh`] is why a step with nothing new to do takes no time.
//!
//! Nothing here chooses or installs a tool: cargo, node and the packages of `package-lock.json` are in place already (see
//! `setup.sh`).

mod site;

mod compress;
mod fonts;
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

/// What is printed when the arguments make no sense.
const USAGE: &str = "usage: cargo run -p xtask -- site [--dev|--release]
       cargo run -p xtask -- dev [arguments of `tailwater serve`]";

/// Prints an error as one line: the failed step, then its cause. The tool that failed has printed its own error before.
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
    // Every path below is relative to the repository.
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
