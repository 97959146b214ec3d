//! Names that hold a hash of what is in the file, so that browsers keep it for ever and never an old one.
//!
//! The server finds the names in a list beside the files (`src/server/site.rs`). What people and browsers look for by its
//! name, such as the icon of the site, keeps it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::fresh::sorted;

/// The list of names.
const LIST: &str = "names.toml";

/// Files that keep their names, beside all that are no kind of these.
const KEPT: [&str; 1] = ["favicon.svg"];

/// The kinds of file that get a name. Style sheets come last, because they name others.
const KINDS: [&str; 5] = ["js", "svg", "wasm", "woff2", "css"];

/// Bytes of the hash that stand in a name: two contents never meet by chance in as many.
const HASH: usize = 8;

/// Writes the site in `plain` into `to` under such names, with their list.
pub fn give(plain: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let mut names = BTreeMap::new();
    for name in in_order(plain)? {
        let mut bytes = fs::read(plain.join(&name))?;
        if kind(&name) == Some("css") {
            bytes = renamed(&String::from_utf8(bytes)?, &names).into_bytes();
        }
        let target = if is_named(&name) { hashed(&name, &bytes) } else { name.clone() };
        let path = to.join(&target);
        fs::create_dir_all(path.parent().context("failed to find a file's folder")?)?;
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
        if target != name {
            names.insert(name, target);
        }
    }
    fs::write(to.join(LIST), toml::to_string(&names)?)?;
    Ok(())
}

/// Returns every file below `folder` by its name there.
pub fn below(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in sorted(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).context("failed to read a file's name")?;
        if path.is_dir() {
            names.extend(below(&path)?.into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Returns the files of the site, those that name others behind those that they name.
fn in_order(plain: &Path) -> Result<Vec<String>> {
    let mut names = below(plain)?;
    names.sort_by_key(|name| kind(name) == Some("css"));
    Ok(names)
}

fn kind(name: &str) -> Option<&str> {
    Path::new(name).extension()?.to_str()
}

fn is_named(name: &str) -> bool {
    !KEPT.contains(&name) && kind(name).is_some_and(|kind| KINDS.contains(&kind))
}

/// Puts the hash before the name's ending.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash = hex::encode(&Sha256::digest(bytes)[..HASH]);
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{stem}.{hash}.{ending}")
}

/// Puts the new names into a style sheet.
fn renamed(css: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(css.to_owned(), |css, (name, hashed)| css.replace(&format!("/{name}"), &format!("/{hashed}")))
}

/// Returns the files below `folder` that become smaller when they are compressed; fonts are compressed already.
pub fn compressible(folder: &Path) -> Result<Vec<PathBuf>> {
    let smaller = |name: &String| matches!(kind(name), Some("css" | "js" | "svg" | "wasm"));
    Ok(below(folder)?.into_iter().filter(smaller).map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_with_the_contents_and_stays_of_its_kind() {
        let (one, other) = (hashed("pkg/a_bg.wasm", b"1"), hashed("pkg/a_bg.wasm", b"2"));
        assert_ne!(one, other);
        let hash = one.strip_prefix("pkg/a_bg.").and_then(|rest| rest.strip_suffix(".wasm"));
        assert_eq!(hash.map(str::len), Some(2 * HASH), "{one}");
    }

    #[test]
    fn a_style_sheet_names_its_fonts_as_they_are_called_now() {
        let names = BTreeMap::from([("fonts/a.woff2".to_owned(), "fonts/a.12.woff2".to_owned())]);
        let css = renamed("src: url(\"/fonts/a.woff2\") format(\"woff2\")", &names);
        assert_eq!(css, "src: url(\"/fonts/a.12.woff2\") format(\"woff2\")");
    }

    #[test]
    fn the_sites_icon_and_the_licences_keep_their_names() {
        assert!(!is_named("favicon.svg") && !is_named("fonts/inter-LICENSE.txt"));
        assert!(is_named("icons.svg") && is_named("fonts/inter-latin.woff2") && is_named("pkg/tailwater.css"));
    }
}
