//! Adds a content hash to file names, so that browsers can cache the files indefinitely without ever using an outdated
//! file.
//!
//! The server finds the names in a list beside the files (`src/server/site.rs`). Files that are requested by a fixed
//! name, such as the site's icon, are not renamed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::fresh::sorted;

/// The file that lists the hashed names.
const LIST: &str = "names.toml";

/// Files that are not renamed, although their extensions are in [`KINDS`].
const KEPT: [&str; 5] =
    ["favicon.svg", "favicon-running.svg", "favicon-succeeded.svg", "favicon-failed.svg", "favicon-cancelled.svg"];

/// The extensions of the files that are renamed, in the order of renaming. Scripts contain the hashed names of the
/// modules that they load, and style sheets contain those of the fonts, so modules and fonts are renamed first.
const KINDS: [&str; 5] = ["svg", "wasm", "woff2", "js", "css"];

/// The number of bytes of the hash in a name. Eight bytes make accidental collisions practically impossible.
const HASH: usize = 8;

/// Copies the site in `plain` to `to` with hashed names, and writes the list of names.
pub fn give(plain: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let mut names = BTreeMap::new();
    for name in in_order(plain)? {
        let mut bytes = fs::read(plain.join(&name))?;
        match kind(&name) {
            Some("css") => bytes = renamed(&String::from_utf8(bytes)?, &names).into_bytes(),
            Some("js") => bytes = relinked(&name, &String::from_utf8(bytes)?, &names).into_bytes(),
            _ => {}
        }
        let target = if is_named(&name) { hashed(&name, &bytes) } else { name.clone() };
        let path = to.join(&target);
        fs::create_dir_all(path.parent().context("failed to find a file's directory")?)?;
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
        if target != name {
            names.insert(name, target);
        }
    }
    fs::write(to.join(LIST), toml::to_string(&names)?)?;
    Ok(())
}

/// Returns the relative path of every file below `folder`.
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

/// Returns the site's files, ordered such that each file comes after all files that it refers to.
fn in_order(plain: &Path) -> Result<Vec<String>> {
    let mut names = below(plain)?;
    names.sort_by_key(|name| KINDS.iter().position(|of| kind(name) == Some(of)));
    Ok(names)
}

fn kind(name: &str) -> Option<&str> {
    Path::new(name).extension()?.to_str()
}

fn is_named(name: &str) -> bool {
    !KEPT.contains(&name) && kind(name).is_some_and(|kind| KINDS.contains(&kind))
}

/// Inserts the hash before the extension of a file name.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash = hex::encode(&Sha256::digest(bytes)[..HASH]);
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{stem}.{hash}.{ending}")
}

/// Replaces the names in a style sheet with the hashed names.
fn renamed(css: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(css.to_owned(), |css, (name, hashed)| css.replace(&format!("/{name}"), &format!("/{hashed}")))
}

/// Replaces the names of files in the code `js` of the script `script` with their hashed names. Only files in the
/// script's directory are considered.
fn relinked(script: &str, js: &str, names: &BTreeMap<String, String>) -> String {
    let folder = &script[..script.rfind('/').map_or(0, |slash| slash + 1)];
    let beside =
        names.iter().filter_map(|(name, hashed)| Some((name.strip_prefix(folder)?, hashed.strip_prefix(folder)?)));
    beside.fold(js.to_owned(), |js, (name, hashed)| js.replace(&format!("\"./{name}\""), &format!("\"./{hashed}\"")))
}

/// Returns the files below `folder` that are worth compressing. Fonts are already compressed.
pub fn compressible(folder: &Path) -> Result<Vec<PathBuf>> {
    let smaller = |name: &String| matches!(kind(name), Some("css" | "js" | "svg" | "wasm"));
    Ok(below(folder)?.into_iter().filter(smaller).map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hashed_name_depends_on_the_contents_and_keeps_its_extension() {
        let (one, other) = (hashed("pkg/a_bg.wasm", b"1"), hashed("pkg/a_bg.wasm", b"2"));
        assert_ne!(one, other);
        let hash = one.strip_prefix("pkg/a_bg.").and_then(|rest| rest.strip_suffix(".wasm"));
        assert_eq!(hash.map(str::len), Some(2 * HASH), "{one}");
    }

    #[test]
    fn a_style_sheet_refers_to_its_fonts_by_their_hashed_names() {
        let names = BTreeMap::from([("fonts/a.woff2".to_owned(), "fonts/a.12.woff2".to_owned())]);
        let css = renamed("src: url(\"/fonts/a.woff2\") format(\"woff2\")", &names);
        assert_eq!(css, "src: url(\"/fonts/a.12.woff2\") format(\"woff2\")");
    }

    #[test]
    fn a_script_refers_to_the_modules_beside_it_by_their_hashed_names() {
        let names =
            ["pkg/chunk_1.wasm", "pkg/chunk_11.wasm", "other.wasm"].map(|name| (name.to_owned(), hashed(name, b"")));
        let hash = names[2].1.strip_prefix("other.").expect("it begins with the name");
        let js = relinked(
            "pkg/a.js",
            r#"new URL("./chunk_11.wasm",import.meta.url),"./other.wasm""#,
            &BTreeMap::from(names.clone()),
        );
        assert_eq!(js, format!(r#"new URL("./chunk_11.{hash}",import.meta.url),"./other.wasm""#));
    }

    #[test]
    fn the_sites_icon_and_the_licences_keep_their_names() {
        assert!(!is_named("favicon.svg") && !is_named("fonts/inter-LICENSE.txt"));
        assert!(is_named("icons.svg") && is_named("fonts/inter-latin.woff2") && is_named("pkg/tailwater.css"));
    }
}
