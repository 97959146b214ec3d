//! The contract of the API with its clients. Each route responds with the documented status and with exactly the
//! documented members, including those that are null. Each error has its documented status and code.
//!
//! [`rows`] has a case for each route, and [`errors`] for each code. If an area of the tests already checks a route or
//! a code thoroughly, the test there is named instead. Tests compare both lists with the tables of `docs/api.md`, so
//! that no row can be without a case. The members are written out here and not taken from the types of the server, so
//! that a renamed member is noticed. [`parameters`], [`bounds`] and [`nulls`] compare the served description with what
//! the routes accept, and [`numbers`] sends numbers that no worker should send.

mod bodies;
mod bounds;
mod errors;
mod nulls;
mod numbers;
mod parameters;
mod rows;

use std::fs;

use serde_json::Value;

/// The members of a job in every response.
pub const JOB: &str = "affinityKey artifactsPath attempt cancelReason cancelRequestedAt cancelRequestedByUserId \
    claimedBy concurrencyWait createdAt createdByUserId errorMessage exitCode failureReason finishedAt id input lastSeq \
    leaseEpoch leaseExpiresAt logBytes logLines logSha256 maxAttempts nextAttemptAt outputRemovedAt pause payload \
    priority queuePosition requestedByUserId resubmittedFrom resultSummary startedAt status title type updatedAt";

/// The additional members of a job in the response to a claim.
pub const CLAIMED: &str = "progress secrets";

/// Returns how the members of an object differ from the given list, or `None` if they are the same.
pub fn difference(object: &Value, members: &str) -> Option<String> {
    let Some(object) = object.as_object() else { return Some(format!("{object} is not an object")) };
    let expected: Vec<&str> = members.split_whitespace().collect();
    let missing: Vec<&&str> = expected.iter().filter(|name| !object.contains_key(**name)).collect();
    let unknown: Vec<&String> = object.keys().filter(|name| !expected.contains(&name.as_str())).collect();
    (!missing.is_empty() || !unknown.is_empty())
        .then(|| format!("the members {missing:?} are missing, {unknown:?} are not documented"))
}

/// A test in another module that checks a route or a code.
struct Elsewhere {
    /// The route or the code.
    what: &'static str,
    file: &'static str,
    test: &'static str,
    /// Text that the source of the test must contain.
    mentions: &'static str,
}

impl Elsewhere {
    /// Checks that the test exists and that its source contains the text `mentions`.
    fn check(&self) {
        let Self { what, file, test, mentions } = self;
        let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{what}: {file}: {error}"));
        let start = source.find(&format!("async fn {test}(")).unwrap_or_else(|| panic!("{what}: {file} has no {test}"));
        let body = source[start..].split("\n}\n").next().unwrap_or_default();
        assert!(body.contains(mentions), "{what}: {test} does not mention {mentions}");
    }
}

/// Returns the documentation of the API.
fn documentation() -> String {
    fs::read_to_string("docs/api.md").expect("tests run in the package's folder")
}
