//! Puts the site into the server's program, so that a copy of that one file is all there is to install.
//!
//! It is the release's last step and takes as long as copying the program. The server is built without the site and the site
//! without the server; neither makes the other compile again.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{names, settings::Settings};

/// The release, as cargo builds it.
const SERVER: &str = "target/release/tailwater";

/// Puts all files of the site into the release.
pub fn embed(settings: &Settings) -> Result<()> {
    let names = names::below(&settings.site_root).context("failed to read the site; build it first")?;
    let files = names.into_iter().map(|name| (name.clone(), settings.site_root.join(name))).collect();
    bundle::write(Path::new(SERVER), &files, Path::new(SERVER)).with_context(|| format!("failed to write {SERVER}"))
}
