//! Converts cargo's WASM module into the files that browsers load: the modules, and the script that starts them.
//!
//! The script and the main module are named `NAME.js` and `NAME_bg.wasm`, as the component `Hydration` (`src/app.rs`)
//! expects.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{command, fresh, fresh::unless_fresh, modules, settings::Settings, site::Profile};

/// The list of the files that each module of the pages requires. A page's document tells the browser to load them at
/// once (`src/server/site.rs`).
pub const MODULES: &str = "modules.toml";

/// The WASM features that the module may use: those that Rust enables for wasm32 by default. `bulk-memory-opt` is a
/// part of `bulk-memory` that `wasm-opt` treats as a separate feature.
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

/// Writes the modules and the script into `pkg`, and the list of modules into the profile's directory.
pub fn link(settings: &Settings, profile: Profile, module: &Path, pkg: &Path) -> Result<()> {
    let name = settings.output_name.as_str();
    let script = format!("{name}.js");
    let (split, raw) = (profile.work().join("split"), profile.work().join("bindgen"));

    unless_fresh(&profile.work().join("script.stamp"), &[module, Path::new("package-lock.json")], || {
        let parts = modules::split(module, &script, &split)?;
        bind(name, &parts.main, &raw)?;
        fs::copy(&parts.loader, raw.join(modules::LOADER))?;
        remove_modules(pkg)?;
        for from in parts.others.into_iter().chain([raw.join(format!("{name}_bg.wasm"))]) {
            let to = pkg.join(from.file_name().context("failed to find a module's name")?);
            match profile {
                Profile::Dev => fs::copy(&from, &to).map(drop)?,
                Profile::Release => shrink(&from, &to)?,
            }
        }
        fs::write(profile.work().join(MODULES), toml::to_string(&in_site(settings, parts.files))?)?;
        bundle(profile, &raw.join(&script), &pkg.join(&script))
    })
}

/// Removes the modules of the previous build, which may have been split differently.
fn remove_modules(pkg: &Path) -> Result<()> {
    let is_module = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "wasm");
    fresh::sorted(pkg)?.iter().filter(|path| is_module(path)).try_for_each(|path| Ok(fs::remove_file(path)?))
}

/// Prefixes the names of the files with their directory in the site.
fn in_site(settings: &Settings, files: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let in_pkg = |name: String| format!("{}/{name}", settings.pkg_dir);
    files.into_iter().map(|(module, names)| (module, names.into_iter().map(in_pkg).collect())).collect()
}

/// Runs wasm-bindgen, which generates the script and adapts the main module to it. The linker's exports are kept,
/// because the other modules use them.
fn bind(name: &str, module: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).typescript(false).keep_lld_exports(true).remove_producers_section(true);
    bindgen.web(true)?.generate(folder)
}

/// Optimises the module for size.
fn shrink(from: &Path, to: &Path) -> Result<()> {
    let mut wasm_opt = command::npm("wasm-opt");
    wasm_opt.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    wasm_opt.args(["-Oz", "--strip-debug", "--strip-producers", "-o"]).arg(to).arg(from);
    // `wasm-opt` warns about debug names of a kind that it does not support, even though it finally removes all names.
    // Its messages are therefore shown only if it fails.
    command::run_quietly(&mut wasm_opt)
}

/// Bundles the script and its imports into one file.
fn bundle(profile: Profile, from: &Path, to: &Path) -> Result<()> {
    let mut esbuild = command::npm("esbuild");
    esbuild.arg(from).args(["--bundle", "--format=esm", "--log-level=warning", "--allow-overwrite"]);
    // wasm-bindgen imports the loader once for each module under the same name, about which esbuild would otherwise
    // warn.
    esbuild.arg("--log-override:duplicate-object-key=silent");
    esbuild.arg(format!("--outfile={}", to.display()));
    if profile == Profile::Release {
        esbuild.arg("--minify");
    }
    command::run(&mut esbuild)
}
