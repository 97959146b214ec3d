//! Counts the files that are not stored as artifacts, by reason.

use std::collections::BTreeMap;

use redact::Redacted;

use super::{ArtifactLimits, MAX_NAME, walk};

/// The reason why a file that matches a pattern was omitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SkipReason {
    /// The entry is not a regular file but, for example, a link, a pipe, a socket or a device.
    NoFile,
    /// The file could not be read.
    Unreadable,
    /// The file's path is too long, is not UTF-8, or contains control characters.
    Name,
    /// The file's redacted name is the same as another file's.
    SameName,
    /// The file's name is reserved for the complete log.
    Reserved,
    /// The file exceeds the size limit for a single file.
    TooLarge,
    /// The total size of the artifacts would exceed its limit.
    TooLargeTogether,
    /// The number of artifacts would exceed its limit.
    TooMany,
    /// A directory is nested too deeply, or too many entries have been examined.
    TooFar,
    /// The file could not be written to the artifact store.
    NotStored,
}

/// The number of omitted files for each reason, with the name of the first such file.
#[derive(Debug, Default)]
pub(super) struct SkippedFiles(BTreeMap<SkipReason, (i64, Redacted)>);

impl SkippedFiles {
    pub(super) fn add(&mut self, why: SkipReason, name: Redacted) {
        self.0.entry(why).or_insert((0, name)).0 += 1;
    }

    /// Returns the text of a warning, or `None` if no file was omitted.
    pub(super) fn into_text(self, limits: ArtifactLimits) -> Option<Redacted> {
        let mut text = Redacted::literal("Some files were not stored as artifacts: ");
        let mut first = true;
        for (why, (count, name)) in &self.0 {
            if !std::mem::take(&mut first) {
                text.append(&Redacted::literal("; "));
            }
            text.append(&Redacted::number(*count));
            text.append(&Redacted::literal(" "));
            text.append(&why.text(limits, *count == 1));
            text.append(&Redacted::literal(" ("));
            text.append(name);
            text.append(&Redacted::literal(if *count > 1 { ", ...)" } else { ")" }));
        }
        (!first).then_some(text)
    }
}

impl SkipReason {
    /// Returns the text that follows the number of files in the warning. The verb is singular if `is_one` is `true`.
    fn text(self, limits: ArtifactLimits, is_one: bool) -> Redacted {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let with = |before: &'static str, count: i64, after: &'static str| {
            let mut text = Redacted::literal(before);
            text.append(&Redacted::number(count));
            text.append(&Redacted::literal(after));
            text
        };
        let by_count = |one: &'static str, several: &'static str| if is_one { one } else { several };
        match self {
            Self::NoFile => Redacted::literal(by_count("is not a regular file", "are not regular files")),
            Self::Unreadable => Redacted::literal("could not be read"),
            Self::Name => {
                let before = by_count("has a path that is longer than ", "have a path that is longer than ");
                with(before, number(MAX_NAME as u64), " bytes, is not UTF-8 or contains control characters")
            }
            Self::SameName => Redacted::literal(by_count(
                "has the same name as another file after masking",
                "have the same name as another file after masking",
            )),
            Self::Reserved => Redacted::literal(by_count(
                "has the name that is reserved for the complete log",
                "have the name that is reserved for the complete log",
            )),
            Self::TooLarge => {
                with(by_count("is larger than ", "are larger than "), number(limits.file_bytes), " bytes")
            }
            Self::TooLargeTogether => with("would exceed the total limit of ", number(limits.job_bytes), " bytes"),
            Self::TooMany => with("would exceed the limit of ", number(limits.files as u64), " files"),
            Self::TooFar => {
                let before = by_count(
                    "was not searched completely, because it is nested too deeply or contains more than ",
                    "were not searched completely, because they are nested too deeply or contain more than ",
                );
                with(before, number(walk::MAX_ENTRIES as u64), " entries")
            }
            Self::NotStored => Redacted::literal("could not be stored"),
        }
    }
}
