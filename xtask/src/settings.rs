//! Reads `Leptos.toml`, which contains the names and directories shared by the build and the server.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use toml::Table;

/// The settings file, relative to the root of the repository.
const FILE: &str = "Leptos.toml";

/// The settings that the build requires. The server reads the same file (`src/server/config.rs`).
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    /// The common prefix of the names of all generated files.
    pub output_name: String,
    /// The directory with the files that the server sends.
    pub site_root: PathBuf,
    /// The subdirectory of `site_root` for generated files, as opposed to copied ones.
    pub pkg_dir: String,
}

impl Settings {
    /// Reads `Leptos.toml`.
    pub fn load() -> Result<Self> {
        let file: Table = fs::read_to_string(FILE).context(FILE)?.parse()?;
        let table = table(&file, &["leptos"])?;
        let text = |key: &str| {
            let value = table.get(key).and_then(toml::Value::as_str);
            value.map(str::to_owned).with_context(|| format!("failed to find {key} in {FILE}"))
        };
        Ok(Self {
            output_name: text("output-name")?,
            site_root: text("site-root")?.into(),
            pkg_dir: text("site-pkg-dir")?,
        })
    }
}

/// Finds a nested table.
fn table<'file>(file: &'file Table, path: &[&str]) -> Result<&'file Table> {
    let found = path.iter().try_fold(file, |table, name| table.get(*name)?.as_table());
    found.with_context(|| format!("failed to find [{}]", path.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the table at `path` in the TOML file `text`. The tests embed the files at compile time, so they do not
    /// depend on the working directory.
    fn parse(text: &str, path: &[&str]) -> Table {
        let file = text.parse().expect("the file is TOML");
        table(&file, path).expect("the file has the table").clone()
    }

    /// Returns the configuration of cargo-leptos in `Cargo.toml`.
    fn cargo() -> Table {
        parse(include_str!("../../Cargo.toml"), &["package", "metadata", "leptos"])
    }

    #[test]
    fn cargo_leptos_and_the_server_use_the_same_settings() {
        let leptos = parse(include_str!("../../Leptos.toml"), &["leptos"]);
        for (key, value) in &leptos {
            assert_eq!(cargo().get(key), Some(value), "`{key}` differs between Cargo.toml and Leptos.toml");
        }
    }

    #[test]
    fn xtask_and_cargo_leptos_use_the_same_folders() {
        let cargo = cargo();
        let text = |key: &str| cargo.get(key).and_then(toml::Value::as_str);
        assert_eq!(text("style-file"), Some(crate::style::SOURCE));
        assert_eq!(text("assets-dir"), Some(crate::site::PUBLIC));
        assert_eq!(text("lib-profile-release"), Some(crate::site::Profile::Release.cargo()));
    }
}
