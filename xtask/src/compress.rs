//! Compressed twins (`.br`, `.gz`) of what was built, for a server that sends files as they are; and how large the page became.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{command, names};

/// Compresses the files below `site` and prints their sizes.
pub fn precompress(site: &Path) -> Result<()> {
    // Node brings brotli along; the crate would be the longest part of building xtask.
    command::run(Command::new("node").arg("xtask/compress.mjs").args(names::compressible(site)?))
}
