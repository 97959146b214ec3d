//! Checks that the paths in an archive do not lead outside the directory into which the archive is unpacked.

use std::path::{Component, Path, PathBuf};

/// Returns an entry's path without `.` components, or `None` if the path is absolute or contains `..`.
pub(super) fn below(path: &Path) -> Option<PathBuf> {
    let mut below = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => below.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(below)
}

/// Returns whether the target of a symbolic link is inside a directory, judging only by the text of the target. `link`
/// is the path of the link, relative to that directory. Other links in the target's path are not resolved.
#[must_use]
pub fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_folder_are_rejected() {
        for (path, expected) in [
            ("a/b", Some("a/b")),
            ("./a/./b/", Some("a/b")),
            ("./", Some("")),
            ("/a", None),
            ("..", None),
            ("a/../b", None),
            ("a/..", None),
        ] {
            assert_eq!(below(Path::new(path)).as_deref(), expected.map(Path::new), "{path}");
        }
    }

    #[test]
    fn a_link_is_inside_if_no_component_of_its_target_leaves_the_folder() {
        for (link, target, expected) in [
            ("a", "b", true),
            ("a/b", "../c", true),
            ("a/b", "../../c", false),
            ("a", "..", false),
            ("a", "b/../../a", false),
            ("a", "/etc", false),
            ("a/b/c", "../../x/..", true),
        ] {
            assert_eq!(stays_inside(Path::new(link), Path::new(target)), expected, "{link} -> {target}");
        }
    }
}
