//! Compiles the style sheet.

use std::path::Path;

use anyhow::Result;

use crate::{command, fresh::unless_fresh, settings::Settings, site::Profile};

/// The main file of the style sheet.
pub const SOURCE: &str = "style/main.scss";

/// Compiles the style sheet into `pkg`.
pub fn compile(settings: &Settings, profile: Profile, pkg: &Path) -> Result<()> {
    let css = pkg.join(&settings.output_name).with_extension("css");
    let inputs = [Path::new("style"), Path::new("package-lock.json")];
    unless_fresh(&profile.work().join("style.stamp"), &inputs, || {
        let mut sass = command::npm("sass");
        sass.args(match profile {
            Profile::Dev => ["--embed-source-map", "--style=expanded"],
            Profile::Release => ["--no-source-map", "--style=compressed"],
        });
        command::run(sass.arg(SOURCE).arg(css))
    })
}
