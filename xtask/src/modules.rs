//! Splits cargo's WASM module, so that a page loads only the code that it needs.
//!
//! The attribute `wasm_split` in `src/pages/modules.rs` names the module of each page. [`transform`] finds the
//! functions that the main module does not need, and groups them by the set of modules that use them. Each group is
//! moved into a file of its own. Everything else remains in the main module, which wasm-bindgen then processes.
//!
//! The modules call each other only through a shared table of functions, so all of them must come from the same build.
//! A module from another build is refused when it is loaded.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use wasm_split_cli_support::{Options, transform};

/// The script that loads the modules. The main module imports it by this name.
pub const LOADER: &str = "__wasm_split.js";

/// The result of splitting a module.
pub struct SplitModules {
    /// The main module.
    pub main: PathBuf,
    /// The script that loads the other modules. It has to be bundled with the script that wasm-bindgen generates.
    pub loader: PathBuf,
    /// The other modules.
    pub others: Vec<PathBuf>,
    /// The names of the files that each module of `src/pages/modules.rs` requires in addition to the main module.
    pub files: BTreeMap<String, Vec<String>>,
}

/// Splits `module` into files, which replace the contents of the directory `folder`. `script` is the name of the script
/// that wasm-bindgen will generate.
pub fn split(module: &Path, script: &str, folder: &Path) -> Result<SplitModules> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let bytes = fs::read(module).with_context(|| format!("failed to read {}", module.display()))?;
    let (main, link, script) = (folder.join("main.wasm"), format!("./{LOADER}"), format!("./{script}"));
    let mut options = Options::new(&bytes);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = &script;
    let result = transform(options).map_err(|error| anyhow!("{error:#}"))?;
    let files = result.prefetch_map.into_iter().map(|(page, stems)| {
        let names = stems.into_iter().map(|stem| format!("{stem}.wasm")).collect();
        (page, names)
    });
    Ok(SplitModules {
        files: files.collect(),
        loader: folder.join(LOADER),
        others: result.split_modules.into_iter().filter(|path| path.exists()).collect(),
        main,
    })
}
