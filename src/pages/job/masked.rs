//! Describes what was masked in a job's output, so that users notice if a rule masks too much.

use std::collections::BTreeMap;

use model::{Event, Payload};

use crate::words;

/// Returns how often known secret values were masked, and how often each rule recognised another secret, beginning with
/// the most frequent rule. Example: `3 secret values; 2 found by rule (github-token 2)`. Returns `None` if nothing was
/// masked.
pub fn masked(lifecycle_events: &[Event]) -> Option<String> {
    let (mut known, mut by_rule) = (0, BTreeMap::<&str, i64>::new());
    for event in lifecycle_events {
        let Payload::Attempt(attempt) = &event.payload else { continue };
        known += attempt.redactions.unwrap_or(0);
        for (rule, count) in attempt.redactions_by_rule.iter().flatten() {
            known -= count;
            *by_rule.entry(rule).or_default() += count;
        }
    }
    let found = by_rule.values().sum::<i64>();
    let mut rules: Vec<_> = by_rule.into_iter().collect();
    rules.sort_by_key(|(_, count)| -count);
    let rules: Vec<_> = rules.into_iter().map(|(rule, count)| format!("{rule} {}", words::count(count))).collect();
    let known = (known > 0).then(|| words::plural(known, "secret value"));
    let by_rule = (found > 0).then(|| format!("{} found by rule ({})", words::count(found), rules.join(", ")));
    let parts: Vec<_> = known.into_iter().chain(by_rule).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use model::{AttemptPayload, AttemptStatus, Level, Seq};

    use super::*;
    use crate::live_output::simulated::event;

    fn attempt(redactions: Option<i64>, by_rule: &[(&str, i64)]) -> Event {
        let by_rule = by_rule.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect();
        let payload = AttemptPayload {
            attempt: 1,
            worker_id: "w".into(),
            status: AttemptStatus::Succeeded,
            exit_code: None,
            lines: None,
            bytes: None,
            suppressed_bytes: None,
            redactions,
            redactions_by_rule: redactions.map(|_| by_rule),
            log_sha256: None,
        };
        event(Seq(1), Level::Info, "", Payload::Attempt(payload))
    }

    #[test]
    fn masks_are_counted_by_rule_over_all_attempts() {
        assert_eq!(masked(&[attempt(None, &[]), attempt(Some(0), &[])]), None);
        let events = [attempt(Some(5), &[("jwt", 1), ("npm-token", 2)]), attempt(Some(2), &[("jwt", 2)])];
        assert_eq!(masked(&events).as_deref(), Some("2 secret values; 5 found by rule (jwt 3, npm-token 2)"));
        assert_eq!(masked(&[attempt(Some(1), &[("jwt", 1)])]).as_deref(), Some("1 found by rule (jwt 1)"));
    }
}
