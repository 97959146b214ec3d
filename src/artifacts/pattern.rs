//! Which files of a workspace a job wants kept: its globs.
//!
//! `*` and `?` stay within a folder, `**` goes through any number of them, `[ab]` and `{a,b}` choose. A pattern that names a
//! folder means everything in it. Patterns are relative to the workspace and never lead out of it.

use std::path::{Component, Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns of a job at the most: each file is matched with all of them.
const MAX_PATTERNS: usize = 100;
/// Bytes of a pattern at the most.
const MAX_PATTERN: usize = 500;
/// What makes a part of a pattern more than a name.
const SPECIAL: [char; 5] = ['*', '?', '[', '{', '\\'];

/// A job's patterns, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Vec<Glob>);

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidPattern {
    /// Its place in the list; none if it is the list itself.
    pub index: Option<usize>,
    /// What is wrong with it.
    pub problem: String,
}

impl Patterns {
    /// Checks patterns.
    pub fn parse(patterns: &[String]) -> Result<Self, InvalidPattern> {
        if patterns.len() > MAX_PATTERNS {
            let problem = format!("takes at most {MAX_PATTERNS} patterns, not {}", patterns.len());
            return Err(InvalidPattern { index: None, problem });
        }
        let parse = |(index, pattern): (usize, &String)| {
            parse_one(pattern).map_err(|problem| InvalidPattern { index: Some(index), problem })
        };
        let globs = patterns.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        let too_much = |error: globset::Error| InvalidPattern { index: None, problem: error.kind().to_string() };
        set_of(&globs).map_err(too_much)?;
        Ok(Self(globs))
    }

    /// Returns whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what finds the files.
    #[must_use]
    pub fn matcher(&self) -> Matcher {
        let globs = set_of(&self.0).expect("it was built when they were checked");
        let reaches = self.0.iter().map(|glob| Reach::of(glob.glob())).collect();
        Matcher { globs, reaches }
    }
}

fn set_of(globs: &[Glob]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob.clone());
    }
    set.build()
}

fn parse_one(pattern: &str) -> Result<Glob, String> {
    if pattern.is_empty() || pattern.len() > MAX_PATTERN || pattern.contains(char::is_control) {
        return Err(format!("takes a pattern of 1 to {MAX_PATTERN} bytes without control characters"));
    }
    if pattern.starts_with('!') {
        return Err("takes patterns of what is kept; none that begins with '!' and leaves something out".to_owned());
    }
    if pattern.starts_with('/') || Path::new(pattern).components().any(|part| part == Component::ParentDir) {
        return Err("takes a path below the workspace, without '..'".to_owned());
    }
    let plain = pattern.trim_start_matches("./").trim_end_matches('/');
    let plain = if matches!(plain, "" | ".") { "**" } else { plain };
    GlobBuilder::new(plain).literal_separator(true).build().map_err(|error| format!("is no glob: {}", error.kind()))
}

/// Where a pattern's matches can lie.
#[derive(Clone, Debug)]
struct Reach {
    /// The folders with which every match begins.
    root: PathBuf,
    /// Of how many parts a match's path has at the most.
    parts: usize,
}

impl Reach {
    fn of(pattern: &str) -> Self {
        let root = pattern.split('/').take_while(|part| !part.contains(SPECIAL)).collect();
        let parts = if pattern.contains("**") { usize::MAX } else { pattern.split('/').count() };
        Self { root, parts }
    }

    fn includes(&self, folder: &Path) -> bool {
        let on_the_way = self.root.starts_with(folder) || folder.starts_with(&self.root);
        on_the_way && folder.components().count() < self.parts
    }
}

/// Finds the files that patterns mean.
#[derive(Clone, Debug)]
pub struct Matcher {
    globs: GlobSet,
    reaches: Vec<Reach>,
}

impl Matcher {
    /// Returns whether a path below the workspace is meant; a folder that is, with everything in it.
    #[must_use]
    pub fn means(&self, path: &Path) -> bool {
        self.globs.is_match(path)
    }

    /// Returns whether something that is meant may lie in a folder that is not, so that it is looked through.
    #[must_use]
    pub fn may_be_in(&self, folder: &Path) -> bool {
        self.reaches.iter().any(|reach| reach.includes(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(patterns: &[&str]) -> Result<Patterns, InvalidPattern> {
        Patterns::parse(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(pattern: &str, means: &[&str], not: &[&str]) {
        let matcher = patterns(&[pattern]).expect("it is a pattern").matcher();
        for path in means {
            assert!(matcher.means(Path::new(path)), "{pattern} means {path}");
        }
        for path in not {
            assert!(!matcher.means(Path::new(path)), "{pattern} does not mean {path}");
        }
    }

    #[test]
    fn patterns_mean_what_shells_and_ci_systems_mean_by_them() {
        check("report.xml", &["report.xml"], &["a/report.xml", "report_xml"]);
        check("*.xml", &["a.xml", ".xml"], &["a/b.xml", "a.xmlx"]);
        check("**/*.xml", &["a.xml", "a/b/c.xml"], &["a.txt"]);
        check("target/report/**", &["target/report/a", "target/report/a/b"], &["target/x", "target/reports/a"]);
        check("./out/", &["out"], &["out2"]);
        check(".", &["a", "a/b"], &[]);
        check("a?/[bc].{log,txt}", &["a1/b.log", "ax/c.txt"], &["a/b.log", "a1/d.log", "a//b.log"]);
    }

    #[test]
    fn a_pattern_that_leads_out_or_is_broken_is_refused_by_its_place() {
        for pattern in ["", "/etc/passwd", "../x", "a/../../x", "a\nb", "a\0", "!x", "[", "{a", &"x".repeat(501)] {
            let refused = patterns(&["ok", pattern]).expect_err(pattern);
            assert_eq!(refused.index, Some(1), "{pattern:?}");
        }
        assert_eq!(patterns(&["a"; 101]).expect_err("they are too many").index, None);
    }

    #[test]
    fn only_folders_that_may_hold_something_are_looked_through() {
        let matcher = patterns(&["target/report/**", "logs/*/x.log"]).expect("they are patterns").matcher();
        for folder in ["target", "target/report", "target/report/deep", "logs", "logs/any"] {
            assert!(matcher.may_be_in(Path::new(folder)), "{folder}");
        }
        for folder in ["node_modules", "target/debug", "log", "logs/any/deep"] {
            assert!(!matcher.may_be_in(Path::new(folder)), "{folder}");
        }
    }
}
