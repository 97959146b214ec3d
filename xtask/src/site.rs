//! Builds the site, which consists of all files that the server sends to browsers.
//!
//! The site is built in `target/xtask/<profile>` and then copied to `target/site`. A running server therefore never
//! sends a partial build, and switching between the two profiles does not rebuild anything. In a release, the files
//! have hashed names, so that browsers can cache them, and there are compressed copies of the files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{compress, fonts, fresh::unless_fresh, mirror, names, script, settings::Settings, style, wasm};

/// The directory of files that are sent unchanged.
pub const PUBLIC: &str = "public";

/// The build profile, which selects the level of optimisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Builds quickly; the result is large.
    Dev,
    /// Builds slowly; the result is small.
    Release,
}

impl Profile {
    /// Returns cargo's profile for the browser's code.
    pub const fn cargo(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm-release",
        }
    }

    /// Returns the directory for the results of this profile's steps.
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
            mirror::file(&profile.work().join(script::MODULES), &plain.join(script::MODULES))?;
            let named = profile.work().join("site");
            unless_fresh(&profile.work().join("site.stamp"), &[&plain], || {
                names::give(&plain, &named)?;
                compress::precompress(&named).context("failed to compress the site")
            })?;
            mirror::replace(&named, &settings.site_root)
        }
    }
}
