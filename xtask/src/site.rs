//! The site, which is everything the server sends to browsers as files, and the order in which it is built.
//!
//! It is built in `target/xtask/<profile>` and copied to `target/site` at the end, so that a running server never sends
//! a partial build, and switching between the two profiles rebuilds nothing. In a release the files also get hashed
//! names, which browsers may cache, and compressed copies.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{compress, fonts, fresh::unless_fresh, mirror, names, script, settings::Settings, style, wasm};

/// Files that are sent without being built.
pub const PUBLIC: &str = "public";

/// How much to optimise the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Builds quickly, but the result is large.
    Dev,
    /// The result is small, but building takes a while.
    Release,
}

impl Profile {
    /// Returns cargo's profile for the browser's half.
    pub const fn cargo(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm-release",
        }
    }

    /// Returns the folder in which this profile's steps keep their results.
    pub fn work(self) -> PathBuf {
        Path::new("target/xtask").join(self.cargo())
    }
}

/// Builds the site, and skips every step whose inputs have not changed.
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
