//! Converts cargo's WASM module into the two files that browsers load: the module, and the script that starts it.
//!
//! The files are named `NAME.js` and `NAME_bg.wasm`, as `HydrationScripts` of Leptos expects.

use std::{fs, path::Path};

use anyhow::Result;
use wasm_bindgen_cli_support::Bindgen;

use crate::{command, fresh::unless_fresh, settings::Settings, site::Profile};

/// The WASM features that the module may use: those that Rust enables for wasm32 by default. `bulk-memory-opt` is a
/// part of `bulk-memory` that `wasm-opt` treats as a feature of its own.
///
/// They are listed individually, because `--all-features` would allow `wasm-opt` to use features that browsers do not
/// support yet.
const FEATURES: [&str; 7] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Writes the module and the script into `pkg`.
pub fn link(settings: &Settings, profile: Profile, module: &Path, pkg: &Path) -> Result<()> {
    let name = settings.output_name.as_str();
    let raw = profile.work().join("bindgen");
    let (raw_wasm, wasm) = (raw.join(format!("{name}_bg.wasm")), pkg.join(format!("{name}_bg.wasm")));
    let (raw_js, js) = (raw.join(format!("{name}.js")), pkg.join(format!("{name}.js")));

    unless_fresh(&profile.work().join("script.stamp"), &[module, Path::new("package-lock.json")], || {
        bind(name, module, &raw)?;
        match profile {
            Profile::Dev => fs::copy(&raw_wasm, &wasm).map(drop)?,
            Profile::Release => shrink(&raw_wasm, &wasm)?,
        }
        bundle(profile, &raw_js, &js)
    })
}

/// Runs wasm-bindgen, which generates the script and adapts the module to it.
fn bind(name: &str, module: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).typescript(false).remove_producers_section(true);
    bindgen.web(true)?.generate(folder)
}

/// Optimises the module for size.
fn shrink(from: &Path, to: &Path) -> Result<()> {
    let mut wasm_opt = command::npm("wasm-opt");
    wasm_opt.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    wasm_opt.args(["-Oz", "--strip-debug", "--strip-producers", "-o"]).arg(to).arg(from);
    command::run(&mut wasm_opt)
}

/// Bundles the script and its imports into one file.
fn bundle(profile: Profile, from: &Path, to: &Path) -> Result<()> {
    let mut esbuild = command::npm("esbuild");
    esbuild.arg(from).args(["--bundle", "--format=esm", "--log-level=warning", "--allow-overwrite"]);
    esbuild.arg(format!("--outfile={}", to.display()));
    if profile == Profile::Release {
        esbuild.arg("--minify");
    }
    command::run(&mut esbuild)
}
