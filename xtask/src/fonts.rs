//! Copies the two typefaces from their npm packages.

use std::path::Path;

use anyhow::Result;

use crate::mirror;

/// The directory of the site in which the style sheet and the pages expect the fonts.
const FOLDER: &str = "fonts";

/// The source of each file and its name in the site. Each file contains the Latin letters in all weights. Other letters
/// are displayed in a font of the reader's system.
const FILES: [(&str, &str); 2] = [
    ("node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2", "inter-latin.woff2"),
    (
        "node_modules/@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
        "jetbrains-mono-latin.woff2",
    ),
];

/// Copies the fonts into the site.
pub fn copy(site: &Path) -> Result<()> {
    let folder = site.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    FILES.iter().try_for_each(|(package, name)| mirror::file(Path::new(package), &folder.join(name)))
}
