//! Glob patterns that select the files to be stored as artifacts.
//!
//! `*` and `?` match within a directory, `**` matches any number of directories, and `[ab]` and `{a,b}` match
//! alternatives. A pattern that matches a directory includes everything in it. Patterns are relative to the job's
//! working directory and cannot match anything outside it. Patterns match characters, not bytes. A backslash makes the
//! next character literal (`app/\[id\]/page.js`). It is rarely needed: if a pattern, taken literally, is the path of an
//! existing file or directory, the pattern matches only that file or directory.

use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;
use regex::{RegexSet, RegexSetBuilder};

/// The maximum number of patterns of a job. Each file is matched against all patterns, so the number of patterns
/// determines the work per file.
const MAX_PATTERNS: usize = 100;
/// The maximum length of a pattern, in bytes.
const MAX_PATTERN: usize = 500;
/// The characters that have a special meaning in a pattern.
const SPECIAL: [char; 5] = ['*', '?', '[', '{', '\\'];

/// The validated patterns of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// The pattern as it appears in the job's payload.
    given: String,
    /// The normalised pattern, without redundant components such as `./` or a second `/`.
    plain: String,
    /// The equivalent regular expression. It matches characters rather than bytes.
    regex: String,
}

/// The error returned when a pattern is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidPattern {
    /// The index of the invalid pattern, or `None` if the list as a whole is invalid.
    pub index: Option<usize>,
    /// The error message.
    pub problem: String,
}

impl Patterns {
    /// Parses and validates patterns.
    pub fn parse(patterns: &[String]) -> Result<Self, InvalidPattern> {
        if patterns.len() > MAX_PATTERNS {
            let problem = format!("must have at most {MAX_PATTERNS} patterns, not {}", patterns.len());
            return Err(InvalidPattern { index: None, problem });
        }
        let parse = |(index, pattern): (usize, &String)| {
            Pattern::parse(pattern).map_err(|problem| InvalidPattern { index: Some(index), problem })
        };
        let patterns = patterns.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        let too_much = |error: regex::Error| InvalidPattern { index: None, problem: error.to_string() };
        set_of(&patterns).map_err(too_much)?;
        Ok(Self(patterns))
    }

    /// Returns whether there are no patterns.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the matcher for these patterns.
    #[must_use]
    pub fn matcher(&self) -> Matcher {
        let globs = set_of(&self.0).expect("it was built when they were checked");
        let wanted = self.0.iter().map(ArtifactPattern::of).collect();
        Matcher { globs, wanted }
    }
}

fn set_of(patterns: &[Pattern]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns.iter().map(|pattern| &pattern.regex)).build()
}

impl Pattern {
    fn parse(given: &str) -> Result<Self, String> {
        if given.is_empty() || given.len() > MAX_PATTERN || given.contains(char::is_control) {
            return Err(format!("must be a pattern of 1 to {MAX_PATTERN} bytes without control characters"));
        }
        if given.starts_with('!') {
            return Err("must not start with '!', because patterns cannot exclude files".to_owned());
        }
        if given.starts_with('/') || Path::new(given).components().any(|part| part == Component::ParentDir) {
            return Err("must be a path inside the workspace, without '..'".to_owned());
        }
        let parts: Vec<&str> = given.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let plain = if parts.is_empty() { "**".to_owned() } else { parts.join("/") };
        let glob = GlobBuilder::new(&plain).literal_separator(true).build().map_err(|error| {
            format!(
                "is not a valid glob: {}; put a backslash before a special character to match it literally",
                error.kind()
            )
        })?;
        let regex = by_characters(glob.regex());
        Ok(Self { given: given.to_owned(), plain, regex })
    }
}

/// Converts a regular expression of `globset` to one that matches characters. `globset` creates expressions that match
/// bytes, in which each byte of a non-ASCII character is written as `\xHH`.
fn by_characters(regex: &str) -> String {
    let regex = regex.strip_prefix("(?-u)").unwrap_or(regex);
    let mut bytes = b"(?s)".to_vec();
    let mut rest = regex.as_bytes();
    loop {
        rest = match rest {
            [b'\\', b'x', high, low, after @ ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.extend(digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                bytes.extend([b'\\', *escaped]);
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
            [] => return String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}

/// A pattern, with what is needed to decide which directories to search.
#[derive(Clone, Debug)]
struct ArtifactPattern {
    given: String,
    /// The pattern as a literal path.
    name: PathBuf,
    /// Whether the pattern matches only the entry at `name`. This is the case if the pattern contains special
    /// characters, but an entry at that literal path exists.
    exact: bool,
    /// The components before the first one that contains a special character. The path of every match starts with them.
    root: PathBuf,
    /// The maximum number of components in the path of a match, or `usize::MAX` if the pattern contains `**`.
    parts: usize,
}

impl ArtifactPattern {
    fn of(pattern: &Pattern) -> Self {
        let parts = || pattern.plain.split('/');
        Self {
            given: pattern.given.clone(),
            name: PathBuf::from(&pattern.plain),
            exact: false,
            root: parts().take_while(|part| !part.contains(SPECIAL)).collect(),
            parts: if pattern.plain.contains("**") { usize::MAX } else { parts().count() },
        }
    }

    fn may_be_in(&self, folder: &Path) -> bool {
        if self.exact {
            return self.name.starts_with(folder);
        }
        let on_the_way = self.root.starts_with(folder) || folder.starts_with(&self.root);
        on_the_way && folder.components().count() < self.parts
    }
}

/// Matches files against all patterns.
#[derive(Clone, Debug)]
pub struct Matcher {
    globs: RegexSet,
    wanted: Vec<ArtifactPattern>,
}

impl Matcher {
    /// For each pattern that contains special characters, calls `exists` with the pattern as a literal path. If
    /// `exists` returns `true`, the pattern matches only that path from then on.
    pub fn prefer_exact_names(&mut self, exists: impl Fn(&Path) -> bool) {
        for wanted in &mut self.wanted {
            wanted.exact = wanted.root != wanted.name && exists(&wanted.name);
        }
    }

    /// Returns the indexes of the patterns that match `path` itself. Patterns that match only a parent directory of
    /// `path` are not included.
    pub fn meanings(&self, path: &Path) -> impl Iterator<Item = usize> {
        let globs = self.globs.matches(&path.to_string_lossy());
        let means = move |(index, wanted): (usize, &ArtifactPattern)| {
            (if wanted.exact { wanted.name == path } else { globs.matched(index) }).then_some(index)
        };
        self.wanted.iter().enumerate().filter_map(means)
    }

    /// Returns whether any pattern matches `path` itself.
    #[must_use]
    pub fn means(&self, path: &Path) -> bool {
        self.meanings(path).next().is_some()
    }

    /// Returns whether `folder` has to be searched because it may contain matches. Call this only if no pattern matches
    /// `folder` itself.
    #[must_use]
    pub fn may_be_in(&self, folder: &Path) -> bool {
        self.wanted.iter().any(|wanted| wanted.may_be_in(folder))
    }

    /// Returns the patterns as they appear in the job's payload.
    pub fn patterns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.wanted.iter().map(|wanted| wanted.given.as_str())
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
    fn patterns_match_as_in_shells_and_ci_systems() {
        check("report.xml", &["report.xml"], &["a/report.xml", "report_xml"]);
        check("*.xml", &["a.xml", ".xml"], &["a/b.xml", "a.xmlx"]);
        check("**/*.xml", &["a.xml", "a/b/c.xml"], &["a.txt"]);
        check("target/report/**", &["target/report/a", "target/report/a/b"], &["target/x", "target/reports/a"]);
        check("./out/", &["out"], &["out2"]);
        check(".", &["a", "a/b"], &[]);
        check("a?/[bc].{log,txt}", &["a1/b.log", "ax/c.txt"], &["a/b.log", "a1/d.log", "a//b.log"]);
    }

    #[test]
    fn patterns_match_characters_and_not_bytes() {
        check("?.txt", &["a.txt", "é.txt", "日.txt", "\u{1f600}.txt"], &["éé.txt", ".txt"]);
        check("[éö].txt", &["é.txt", "ö.txt"], &["ü.txt", "\u{c3}.txt"]);
        check("[!é]", &["e", "日"], &["é"]);
        check("[à-ü]", &["é"], &["e"]);
        check("{é,日}*", &["é", "日本"], &["本"]);
        check("caf?/**", &["café/x"], &["caffè/x"]);
        check("\\\\xc3", &["\\xc3"], &["\u{c3}"]);
    }

    #[test]
    fn repeated_slashes_and_dot_components_are_ignored() {
        check("d//f", &["d/f"], &["d", "f"]);
        check(".//d/./f///", &["d/f"], &["d"]);
        check("a//**//b", &["a/b", "a/x/y/b"], &["b"]);
    }

    #[test]
    fn exact_names_take_precedence_over_globs_and_backslashes_escape() {
        let mut matcher = patterns(&["app/[id]/page.js"]).expect("it is a pattern").matcher();
        let (name, other) = (Path::new("app/[id]/page.js"), Path::new("app/i/page.js"));
        assert!(matcher.means(other) && !matcher.means(name), "nothing has that name");
        matcher.prefer_exact_names(|path| path == name);
        assert!(matcher.means(name) && !matcher.means(other));
        assert!(matcher.may_be_in(Path::new("app/[id]")) && !matcher.may_be_in(Path::new("app/i")));
        check("app/\\[id\\]/*", &["app/[id]/page.js"], &["app/i/page.js"]);
        check("app/[[]id]/*", &["app/[id]/page.js"], &["app/i/page.js"]);
    }

    #[test]
    fn invalid_patterns_are_refused_with_their_index() {
        for pattern in ["", "/etc/passwd", "../x", "a/../../x", "a\nb", "a\0", "!x", "[", "{a", &"x".repeat(501)] {
            let refused = patterns(&["ok", pattern]).expect_err(pattern);
            assert_eq!(refused.index, Some(1), "{pattern:?}");
        }
        assert_eq!(patterns(&["a"; 101]).expect_err("they are too many").index, None);
    }

    #[test]
    fn only_folders_that_may_contain_matches_are_searched() {
        let matcher = patterns(&["target/report/**", "logs/*/x.log"]).expect("they are patterns").matcher();
        for folder in ["target", "target/report", "target/report/deep", "logs", "logs/any"] {
            assert!(matcher.may_be_in(Path::new(folder)), "{folder}");
        }
        for folder in ["node_modules", "target/debug", "log", "logs/any/deep"] {
            assert!(!matcher.may_be_in(Path::new(folder)), "{folder}");
        }
    }
}
