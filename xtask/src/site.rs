//! The site: everything the server sends to browsers as files, and the order in which it is made.
//!
//! It grows in `target/xtask/<profile>` and is copied to `target/site` at the end, so that a running server never sends half of a
//! build, and switching between the two profiles builds nothing twice. In a release the files get names that browsers may keep,
//! and compressed twins.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{compress, fonts, fresh::unless_fresh, mirror, names, script, settings::Settings, style, wasm};

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

    let module = wasm::compile(settings, profile).context("failed to compile the module for the browser")?;
    script::link(settings, profile, &module, &pkg).context("failed to link the module and its script")?;
    style::compile(settings, profile, &pkg).context("failed to compile the style sheet")?;

    let plain = profile.work().join("plain");
    mirror::add(Path::new(PUBLIC), &plain)?;
    fonts::copy(&plain).context("failed to copy the fonts")?;
    mirror::replace(&pkg, &plain.join(&settings.pkg_dir))?;
    match profile {
        Profile::Dev => mirror::replace(&plain, &settings.site_root),
        Profile::Release => {
            let named = profile.work().join("site");
            unless_fresh(&profile.work().join("site.stamp"), &[&plain], || {
                names::give(&plain, &named)?;
                compress::precompress(&named).context("failed to compress the site")
            })?;
            mirror::replace(&named, &settings.site_root)
        }
    }
}
