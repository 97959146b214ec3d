//! Recognises progress lines, which tools print to standard error even though these lines report no problem.

use super::rules::first_word;
use crate::Level;

/// The first words of the progress lines of cargo and related tools.
const CARGO: &[&str] = &[
    "Compiling",
    "Checking",
    "Finished",
    "Running",
    "Downloading",
    "Downloaded",
    "Updating",
    "Fresh",
    "Blocking",
    "Doc-tests",
    "Documenting",
    "Generated",
    "Installing",
    "Installed",
    "Replacing",
    "Replaced",
    "Locking",
    "Adding",
    "Removing",
    "Removed",
    "Upgrading",
    "Downgrading",
    "Building",
    "Packaging",
    "Packaged",
    "Verifying",
    "Uploading",
    "Uploaded",
    "Executable",
    "Scraping",
    "Fetching",
    "Created",
    "Creating",
    "Vendoring",
    "Summary",
    "Starting",
    "Nextest",
    "PASS",
    "Fixed",
    "Migrating",
    "Published",
];

/// The prefixes of progress lines of rustup, npm, pip, git, curl, wget and apt.
const OPENINGS: &[&str] = &[
    "info:",
    "npm notice",
    "npm info",
    "npm http",
    "npm verb",
    "added ",
    "up to date",
    "Collecting ",
    "Downloading ",
    "Using cached ",
    "Requirement already satisfied",
    "Installing collected packages",
    "Successfully ",
    "Building wheel",
    "Created wheel",
    "Preparing metadata",
    "[notice]",
    "Cloning into",
    "remote:",
    "Receiving objects:",
    "Resolving deltas:",
    "Unpacking objects:",
    "Counting objects:",
    "Compressing objects:",
    "Enumerating objects:",
    "Writing objects:",
    "Updating files:",
    "Filtering content:",
    "From ",
    "To ",
    "HEAD is now at",
    "Switched to",
    "Already on",
    "Already up to date",
    "Note: switching to",
    "branch '",
    "Branch '",
    "* [new ",
    "- [deleted]",
    "Submodule ",
    "% Total",
    "Dload ",
    "* Connected",
    "* Trying",
    "* Host ",
    "* TLS",
    "* SSL",
    "* ALPN",
    "< HTTP/",
    "> GET ",
    "> POST ",
    "Saving to:",
    "Resolving ",
    "Connecting to ",
    "HTTP request sent",
    "Length:",
    "--20",
    "test result: ok",
    "go: downloading",
    "Get:",
    "Hit:",
    "Ign:",
    "Reading package lists",
];

/// Recognises progress lines of cargo, rustup, npm, pip, git, curl, wget, apt, docker and `set -x`, and lines that only
/// separate sections.
pub(super) fn progress(line: &str) -> Option<Level> {
    let verb = first_word(line);
    let info = is_divider(line)
        || CARGO.contains(&verb)
        || OPENINGS
            .iter()
            .any(|opening| line.as_bytes().first() == opening.as_bytes().first() && line.starts_with(opening))
        || is_trace(line)
        || is_buildkit(line)
        || is_transfer(line)
        || is_branch_move(line);
    info.then_some(Level::Info)
}

/// Returns whether the line contains neither letters nor digits, like a line that separates sections.
fn is_divider(line: &str) -> bool {
    !line.chars().any(char::is_alphanumeric)
}

/// Returns whether the line is like `+ make test`, which a shell prints before each command under `set -x`.
fn is_trace(line: &str) -> bool {
    let rest = line.trim_start_matches('+');
    rest.len() < line.len() && rest.starts_with(' ')
}

/// Returns whether the line is like `#12 [3/5] RUN make`, which docker's builder prints.
fn is_buildkit(line: &str) -> bool {
    line.strip_prefix('#')
        .is_some_and(|rest| first_word(rest).bytes().all(|byte| byte.is_ascii_digit()) && rest.contains(' '))
}

/// Returns whether the line is a row of curl's progress meter, which consists of at least eight numbers, sizes and
/// times.
fn is_transfer(line: &str) -> bool {
    let mut words = 0;
    for word in line.split_ascii_whitespace() {
        if !word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b'-' | b'k' | b'M' | b'G' | b'%'))
        {
            return false;
        }
        words += 1;
    }
    words >= 8
}

/// Returns whether the line is like `   1a2b3c4..5d6e7f8  main -> origin/main`, which git prints after a fetch.
fn is_branch_move(line: &str) -> bool {
    line.contains(" -> ") && first_word(line).contains("..")
}
