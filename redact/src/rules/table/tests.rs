//! Checks the format of every rule of the table, and its examples against all rules.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{TableRule, table_rules};

/// The largest bound of a repetition. A longer secret is written as two repetitions.
const MAX_REPETITION: u32 = 1024;

/// The length of the shortest match. Anything shorter occurs in ordinary text.
const MIN_MATCH: usize = 16;

/// The length of the shortest literal that an expression may begin with. The search looks for these literals first.
const MIN_LITERAL: usize = 3;

/// A rule, ready to be searched for as the search of this crate does.
struct CompiledRule {
    rule: &'static TableRule,
    regex: Regex,
    /// The bytes that can be the last of a match. None of them may follow a match.
    last: HashSet<u8>,
}

impl CompiledRule {
    fn new(rule: &'static TableRule) -> Self {
        let regex = RegexBuilder::new(rule.expression).unicode(false).build();
        let regex = regex.unwrap_or_else(|error| panic!("{}: {error}", rule.id));
        Self { rule, regex, last: last_bytes(&hir(rule)) }
    }

    /// Returns what the rule masks in a text: matches before and after which the token does not continue.
    fn masked(&self, text: &str) -> Vec<Range<usize>> {
        let text = text.as_bytes();
        let (mut ranges, mut at) = (Vec::new(), 0);
        while let Some(captures) = self.regex.captures_at(text, at) {
            let whole = captures.get(0).expect("group 0 is the match").range();
            let continues_before = whole.start.checked_sub(1).is_some_and(|before| is_word(text[before]));
            let continues_after = text.get(whole.end).is_some_and(|after| is_word(*after) || self.last.contains(after));
            if continues_before || continues_after {
                at = whole.start + 1;
            } else {
                at = whole.end;
                ranges.push(captures.name("secret").map_or(whole, |secret| secret.range()));
            }
        }
        ranges
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn compiled() -> Vec<CompiledRule> {
    table_rules().map(CompiledRule::new).collect()
}

fn hir(rule: &TableRule) -> Hir {
    let parsed = ParserBuilder::new().unicode(false).utf8(false).build().parse(rule.expression);
    parsed.unwrap_or_else(|error| panic!("{}: {error}", rule.id))
}

/// Returns the bytes that can be the last of a match.
fn last_bytes(hir: &Hir) -> HashSet<u8> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => HashSet::new(),
        HirKind::Literal(literal) => literal.0.last().copied().into_iter().collect(),
        HirKind::Class(Class::Bytes(class)) => class.iter().flat_map(|range| range.start()..=range.end()).collect(),
        HirKind::Class(Class::Unicode(class)) => class
            .iter()
            .flat_map(|range| range.start()..=range.end())
            .filter_map(|char| u8::try_from(char).ok())
            .collect(),
        HirKind::Repetition(repetition) => last_bytes(&repetition.sub),
        HirKind::Capture(capture) => last_bytes(&capture.sub),
        HirKind::Alternation(branches) => branches.iter().flat_map(last_bytes).collect(),
        HirKind::Concat(parts) => {
            let mut last = HashSet::new();
            for part in parts.iter().rev() {
                last.extend(last_bytes(part));
                if part.properties().minimum_len() != Some(0) {
                    break;
                }
            }
            last
        }
    }
}

/// Returns the largest bound of any repetition, or `None` if a repetition is unbounded.
fn largest_repetition(hir: &Hir) -> Option<u32> {
    let own = if let HirKind::Repetition(repetition) = hir.kind() { repetition.max? } else { 0 };
    hir.kind().subs().iter().map(largest_repetition).try_fold(own, |largest, sub| Some(largest.max(sub?)))
}

#[test]
fn ids_are_unique_and_consist_of_lower_case_words() {
    let mut ids = HashSet::new();
    for TableRule { id, .. } in table_rules() {
        let is_well_formed = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        assert!(id.split('-').all(is_well_formed) && id.contains('-'), "{id}");
        assert!(ids.insert(id), "{id} is not unique");
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
fn every_expression_is_bounded() {
    for rule in table_rules() {
        let hir = hir(rule);
        let largest = largest_repetition(&hir).unwrap_or(u32::MAX);
        assert!(largest <= MAX_REPETITION, "{}: a repetition of {largest}", rule.id);
        let shortest = hir.properties().minimum_len().unwrap_or(0);
        assert!(shortest >= MIN_MATCH, "{}: matches {shortest} bytes", rule.id);
        assert!(hir.properties().look_set().is_empty(), "{}: the search itself checks the boundaries", rule.id);
    }
}

#[test]
fn every_expression_begins_with_a_literal() {
    for rule in table_rules() {
        let literals = Extractor::new().extract(&hir(rule));
        let shortest = literals.min_literal_len().unwrap_or(0);
        assert!(shortest >= MIN_LITERAL, "{}: begins with {literals:?}", rule.id);
    }
}

#[test]
fn every_rule_masks_its_examples_once() {
    let compiled = compiled();
    for CompiledRule { rule, .. } in &compiled {
        assert!(!rule.masked.is_empty() && !rule.unmasked.is_empty(), "{} needs examples", rule.id);
        for text in rule.masked {
            let found =
                compiled.iter().flat_map(|other| other.masked(text).into_iter().map(|range| (other.rule.id, range)));
            let found = found.collect::<Vec<_>>();
            let own = found.iter().filter(|(id, _)| *id == rule.id).collect::<Vec<_>>();
            let [(_, own)] = own[..] else { panic!("{}: {text} has {found:?}", rule.id) };
            // Another rule may find another secret in the same text.
            let others =
                found.iter().filter(|(id, range)| *id != rule.id && range.start < own.end && own.start < range.end);
            assert_eq!(others.count(), 0, "{}: {text} has {found:?}", rule.id);
        }
    }
}

#[test]
fn no_rule_masks_a_similar_text() {
    let compiled = compiled();
    for CompiledRule { rule, .. } in &compiled {
        for text in rule.unmasked {
            check_unmasked(&compiled, text);
        }
    }
}

#[test]
fn no_rule_masks_a_token_within_a_longer_word() {
    for compiled in compiled() {
        for text in compiled.rule.masked {
            // Where the secret follows a name or a URL, the text before it may be longer.
            let is_whole = compiled.masked(text).first().is_some_and(|range| range.len() == text.len());
            for longer in [format!("x{text}"), format!("_{text}")] {
                assert!(!is_whole || compiled.masked(&longer).is_empty(), "{} masks {longer}", compiled.rule.id);
            }
        }
    }
}

fn check_unmasked(compiled: &[CompiledRule], text: &str) {
    for rule in compiled {
        assert!(rule.masked(text).is_empty(), "{} masks {text}", rule.rule.id);
    }
}

#[test]
fn no_rule_masks_an_ordinary_text() {
    let compiled = compiled();
    for text in ORDINARY {
        check_unmasked(&compiled, text);
    }
}

#[test]
fn no_rule_masks_random_bytes_in_a_common_encoding() {
    let compiled = compiled();
    let mut random = fastrand::Rng::with_seed(0x7a11);
    for length in (1..200).chain([1 << 10, 1 << 14]) {
        let bytes = std::iter::repeat_with(|| random.u8(..)).take(length).collect::<Vec<_>>();
        check_unmasked(&compiled, &hex::encode(&bytes));
        check_unmasked(&compiled, &hex::encode_upper(&bytes));
        check_unmasked(&compiled, &BASE64_STANDARD.encode(&bytes));
        check_unmasked(&compiled, &BASE64_URL_SAFE_NO_PAD.encode(&bytes));
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
