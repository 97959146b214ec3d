//! Checks the table as a whole. The tests of `rules` check each rule's format and examples.

use std::collections::HashSet;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::{TableRule, table_rules};
use crate::{Redactor, Rules};

/// Returns a redactor with all built-in rules and no values.
fn redactor() -> Redactor {
    Redactor::with_rules::<_, &[u8]>([], &Rules::built_in())
}

/// Checks that no rule of the table masks anything in a line.
#[track_caller]
fn check_unmasked(redactor: &Redactor, text: &str) {
    let mut found = redactor.explain(format!("{text}\n").as_bytes());
    found.retain(|found| table_rules().any(|rule| found.rule.as_deref() == Some(rule.id)));
    assert_eq!(found, [], "{text}");
}

#[test]
fn ids_begin_with_the_service() {
    for TableRule { id, .. } in table_rules() {
        assert!(id.contains('-'), "{id}");
    }
}

#[test]
fn the_table_covers_at_least_150_services() {
    let services = table_rules().filter_map(|rule| rule.id.split('-').next()).collect::<HashSet<_>>();
    assert!(services.len() >= 150, "{} services", services.len());
}

#[test]
fn every_reason_is_one_sentence() {
    for TableRule { id, reason, .. } in table_rules() {
        assert!(reason.ends_with('.') && !reason.contains(". ") && !reason.contains('\n'), "{id}: {reason}");
        assert!(reason.starts_with(|char: char| char.is_ascii_uppercase()), "{id}: {reason}");
    }
}

#[test]
fn no_rule_masks_a_counterexample_of_another_rule() {
    let redactor = redactor();
    for rule in table_rules() {
        for text in rule.unmasked {
            check_unmasked(&redactor, text);
        }
    }
}

#[test]
fn no_rule_masks_a_token_within_a_longer_word() {
    let redactor = redactor();
    for rule in table_rules() {
        for text in rule.masked {
            // If the secret follows a name or a URL, the text before that name or URL may be part of a longer word.
            let found = redactor.explain(text.as_bytes());
            if found.first().is_some_and(|found| found.range.len() == text.len()) {
                check_unmasked(&redactor, &format!("x{text}"));
                check_unmasked(&redactor, &format!("_{text}"));
            }
        }
    }
}

#[test]
fn no_rule_masks_an_ordinary_text() {
    let redactor = redactor();
    for text in ORDINARY {
        check_unmasked(&redactor, text);
    }
}

#[test]
fn no_rule_masks_random_bytes_in_a_common_encoding() {
    let redactor = redactor();
    let mut random = fastrand::Rng::with_seed(0x7a11);
    for length in (1..200).chain([1 << 10, 1 << 14]) {
        let bytes = std::iter::repeat_with(|| random.u8(..)).take(length).collect::<Vec<_>>();
        check_unmasked(&redactor, &hex::encode(&bytes));
        check_unmasked(&redactor, &hex::encode_upper(&bytes));
        check_unmasked(&redactor, &BASE64_STANDARD.encode(&bytes));
        check_unmasked(&redactor, &BASE64_URL_SAFE_NO_PAD.encode(&bytes));
    }
}

/// Texts that jobs print and that contain long words, but no secret.
const ORDINARY: &[&str] = &[
    "commit 2f7d0c1e9b5a4863d7f2e1a0c9b8d7e6f5a4b3c2\nAuthor: Example <mail@example.com>",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty.txt",
    "Digest: sha256:9b2a1f0e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c8b7a6f5e4d3c2b1a",
    "integrity sha512-Q2xpZW50IGxpYnJhcnkgZm9yIHRoZSBzZXJ2aWNlcyBvZiB0aGUgY2xvdWQgYW5kIG9mIHRoZSBlZGdlLA==",
    "request 0b51fd5a-6d5c-4f1c-9df5-3d5a2f4f4c11 took 12 ms",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    "sk-learn is not installed; try scikit-learn==1.5.2",
    "npm_config_cache=/home/build/.npm npm_lifecycle_event=postinstall npm_package_name=example",
    "hf_hub_download_timeout_seconds_xxx hf_transfer HF_HUB_ENABLE_HF_TRANSFER=1",
    "   Compiling core_foundation_sys_with_a_long_name v0.8.7 (/home/build/.cargo/src/index-1949cf8c6b5b557f)",
    "_ZN4core3ptr85drop_in_place$LT$std..rt..lang_start$LT$$LP$$RP$$GT$..$u7b$closure$u7d$$GT$17h5f3c2a1b0d9e8f7aE",
    "_RNvXs_NtCs4fqI2P2rA04_5alloc6stringNtB4_6StringNtNtCs1234567890a_4core3fmt5Debug3fmt",
    "target/debug/deps/tailwater-3f2a1b0c9d8e7f6a.long_type-17288129312931293123.txt",
    "/nix/store/1m6vvbvkzv2hyvhgkzxzr1d9rvvq2s5a-glibc-2.40-36/lib/libc.so.6",
    "added @babel/plugin-proposal-unicode-property-regex@7.18.6, eslint-plugin-react-hooks@5.1.0-rc-fb9a90fa48",
    "!function(e,t){var n=Object.getOwnPropertyDescriptor;t.aEaaAAzhUnminifiedIdentifierOfTheBundler=n}(this,window);",
    "main.b1f2c3d4e5f60718293a.js 1.2 MB, vendors~main~runtime~admin.5f4dcc3b5aa765d61d83.chunk.js 340 kB",
    "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7vK3Q2l1c5o1e3b0p1Qd4Wm3bTzQkq1xQ7b6m5kQyUeH0c9k1n3v2c4x5z6 build@example",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
    "EAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "arn:aws:iam::123456789012:role/service-role/AWSGlueServiceRole-ExampleForTheNightlyBuild",
    "projects/example-123456/locations/europe-west3/keyRings/build/cryptoKeys/signing/cryptoKeyVersions/1",
    "https://example.com/assets/3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c?v=20261127&utm_source=newsletter",
    "live_reload_connected test_every_rule_masks_its_examples_once_and_only_once api_version_1_2_3",
    "key-value-store-of-the-example-service token-refresh-interval-of-the-client secret-rotation-policy",
    "pk_columns_of_the_table re_export_of_the_module_and_its_members tk_window_of_the_application_in_the_foreground",
    "ghp_ and github_pat_ are the prefixes of GitHub's tokens; npm's is npm_, and OpenAI's is sk-proj-.",
    "Z0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7 iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4",
    "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTESMBAGA1UEChMJQmFsdGltb3JlMRMwEQYDVQQL",
    "Downloaded 01HZX3J9M8Q4R7T2V5W6Y1A0BC (ULID) and 2aJmZQ8xY4nP7sT1vB6cD9eF3gH (KSUID) from the queue",
];
