//! Creates compressed copies (`.br`, `.gz`) of the built files and prints their sizes. The server sends these copies
//! unchanged.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{command, names};

/// Compresses the files below `site` and prints their sizes.
pub fn precompress(site: &Path) -> Result<()> {
    // Node.js is used because it includes brotli. The brotli crate would take longer to build than the rest of xtask.
    command::run(Command::new("node").arg("xtask/compress.mjs").args(names::compressible(site)?))
}
