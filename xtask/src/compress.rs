//! Compressed twins (`.br`, `.gz`) of what was built, for a server that sends files as they are; and how large the page became.

use std::path::Path;

use anyhow::Result;

use crate::{command, fresh, site::Profile};

/// The kinds of file that become smaller; fonts are compressed already.
const KINDS: [&str; 3] = ["css", "js", "wasm"];

/// Compresses the files in `pkg` and prints their sizes.
pub fn precompress(profile: Profile, pkg: &Path) -> Result<()> {
    let mut files = fresh::sorted(pkg)?;
    files.retain(|file| file.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known)));
    let inputs: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    fresh::unless_fresh(&profile.work().join("compress.stamp"), &inputs, || {
        // Node brings brotli along; the crate would be the longest part of building xtask.
        command::run(std::process::Command::new("node").arg("xtask/compress.mjs").args(&inputs))
    })
}
