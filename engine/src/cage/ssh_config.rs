//! Finds the files that `ssh` reads besides its system-wide configuration.
//!
//! `ssh` accepts a file that is included by its configuration only if it belongs to root or to the user. In a user
//! namespace, files of root appear to belong to nobody, and `ssh` would end with "Bad owner or permissions". The
//! supervisor therefore replaces these files by copies that belong to the user.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The system-wide configuration. `ssh` does not check its owner.
const MAIN: &str = "/etc/ssh/ssh_config";

/// The depth to which files include others. `ssh` has the same limit.
const MAX_DEPTH: usize = 16;

/// The maximum number of files, so that their copies fit in the file system of the cover.
const MAX_FILES: usize = 32;

/// Returns the files that the system-wide configuration includes and that `ssh` accepts from root.
pub(super) fn included_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    add_included(Path::new(MAIN), MAX_DEPTH, &mut found);
    found.retain(|path| belongs_to_root(path));
    found
}

fn add_included(file: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(text) = fs::read_to_string(file) else { return };
    for path in text.lines().flat_map(arguments_of_include).flat_map(matches) {
        let Ok(path) = path.canonicalize() else { continue };
        if depth > 0 && found.len() < MAX_FILES && path.is_file() && !found.contains(&path) {
            found.push(path.clone());
            add_included(&path, depth - 1, found);
        }
    }
}

/// Returns the paths and patterns of an `Include` line, and nothing for any other line.
fn arguments_of_include(line: &str) -> Vec<PathBuf> {
    let separator = |c: char| c.is_ascii_whitespace() || c == '=';
    let mut words = line.split(separator).filter(|word| !word.is_empty());
    if !words.next().is_some_and(|keyword| keyword.eq_ignore_ascii_case("include")) {
        return Vec::new();
    }
    let folder = Path::new(MAIN).parent().unwrap_or(Path::new("/"));
    words.map(|word| folder.join(word.trim_matches('"'))).collect()
}

/// Returns the files that a path with wildcards in its last component may stand for. These are all entries of its
/// directory, because a copy of a file that is not included does no harm.
fn matches(pattern: PathBuf) -> Vec<PathBuf> {
    let has_wildcards = pattern.file_name().is_some_and(|name| name.to_string_lossy().contains(['*', '?', '[']));
    match pattern.parent() {
        Some(folder) if has_wildcards => {
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        }
        _ => vec![pattern],
    }
}

/// Returns whether a file belongs to root, and only root can change it. `ssh` refuses other files of root too.
fn belongs_to_root(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.uid() == 0 && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_line_names_files_relative_to_the_system_wide_configuration() {
        for (line, expected) in [
            ("Include /etc/a/*.conf", &["/etc/a/*.conf"][..]),
            ("  include=b \"/c\"", &["/etc/ssh/b", "/c"]),
            ("# Include /etc/a", &[]),
            ("IncludeX /etc/a", &[]),
            ("Host *", &[]),
            ("", &[]),
        ] {
            assert_eq!(arguments_of_include(line), expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn included_files_are_followed_and_found_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("it exists");
        let write = |name: &str, text: String| fs::write(root.join(name), text).expect("the folder can be written");
        fs::create_dir(root.join("d")).expect("the folder can be written");
        write("main", format!("Include {0}/d/*.conf\nInclude {0}/missing {0}/d", root.display()));
        write("d/a.conf", format!("Host x\n  Include {}/shared", root.display()));
        write("d/b.conf", format!("Include {}/d/a.conf", root.display()));
        write("shared", format!("Include {}/main", root.display()));
        let mut found = Vec::new();
        add_included(&root.join("main"), MAX_DEPTH, &mut found);
        found.sort();
        assert_eq!(found, ["d/a.conf", "d/b.conf", "main", "shared"].map(|name| root.join(name)));
    }
}
