//! The site: everything the server sends to browsers as files, and the order in which it is made.
//!
//! What is built grows in `target/xtask/<profile>/pkg` and is copied to `target/site/pkg` at the end, so that a running server
//! never sends half of a build, and switching between the two profiles builds nothing twice.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{compress, fonts, mirror, script, settings::Settings, style, wasm};

/// Files that are sent as they are.
pub const PUBLIC: &str = "public";

/// How much work to put into the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Soon there, large.
    Dev,
    /// Small, and a while in the making.
    Release,
}

impl Profile {
    /// Cargo's name for the profile of the browser's half.
    pub const fn cargo(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm-release",
        }
    }

    /// The folder in which the steps of this profile keep what they made.
    pub fn work(self) -> PathBuf {
        Path::new("target/xtask").join(self.cargo())
    }
}

/// Makes the site, leaving out every step whose inputs are as they were.
pub fn build(settings: &Settings, profile: Profile) -> Result<()> {
    let pkg = profile.work().join("pkg");
    fs::create_dir_all(&pkg)?;

    let module = wasm::compile(settings, profile)?;
    script::link(settings, profile, &module, &pkg)?;
    style::compile(settings, profile, &pkg)?;
    if profile == Profile::Release {
        compress::precompress(profile, &pkg)?;
    }

    mirror::add(Path::new(PUBLIC), &settings.site_root)?;
    fonts::copy(&settings.site_root)?;
    mirror::replace(&pkg, &settings.site_root.join(&settings.pkg_dir))
}
