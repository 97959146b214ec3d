//! Tests random texts in which secrets begin, end, overlap and are cut off.

use redact::{MaskCounter, Redacted, Redactor};

use crate::dice::{Dice, for_each_seed};
use crate::pieces::PIECES;
use crate::stream::rules;

const CASES: u64 = 10_000;

/// Pieces of text that cannot be the beginning of a secret.
const INNOCENT: [&str; 14] = [
    "Compiling",
    " ",
    "\n",
    "v1.0.2",
    "src/lib.rs:12:5",
    "error",
    ": ",
    "expected ",
    "12345678",
    "\"",
    "(",
    ")",
    "::",
    "{}",
];

fn text(dice: &mut Dice, pieces: &[&str]) -> String {
    (0..dice.below(30)).map(|_| pieces[dice.below(pieces.len())]).collect()
}

/// Returns redactors with the rules and with different numbers of values.
fn redactors() -> Vec<Redactor> {
    let (values, rules) = (["hunter2-hunter2", "abcd01234567", "swordfish"], rules());
    (0..=values.len()).map(|count| Redactor::with_rules(&values[..count], &rules)).collect()
}

/// Redacts a text in random pieces, with a pause after some of them if `pauses` is `Pauses::Some`.
fn redact(dice: &mut Dice, redactor: &Redactor, text: &[u8], pauses: Pauses) -> (Redacted, u64) {
    let mut stream = redactor.stream();
    let (mut shown, mut counter) = (Redacted::new(), MaskCounter::default());
    let longest = [2, 10, 60][dice.below(3)];
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(dice.below(longest).min(rest.len()));
        shown.append(&stream.push(piece));
        if pauses == Pauses::Some && dice.below(2) == 0 {
            shown.append(&stream.release());
        }
        rest = after;
    }
    shown.append(&stream.finish());
    counter.push(shown.as_bytes());
    assert!(stream.counts().total() <= counter.counts().total());
    (shown, stream.redactions())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pauses {
    None,
    Some,
}

#[test]
fn the_output_does_not_depend_on_the_cuts_and_the_counts_are_exact() {
    let redactors = redactors();
    for_each_seed(CASES, |dice| {
        let text = text(dice, &PIECES);
        let redactor = &redactors[dice.below(redactors.len())];
        let whole = redactor.redact(text.as_bytes());
        let (shown, redactions) = redact(dice, redactor, text.as_bytes(), Pauses::None);
        assert_eq!(shown.to_text(), whole.to_text(), "{text:?}");
        let count = |text: &str| text.matches("[REDACTED]").count() + text.matches("[REDACTED:").count();
        let found = redactor.explain(text.as_bytes());
        assert_eq!(found.len() as u64, redactions, "{text:?}");
        if !text.contains("[REDACTED") {
            assert_eq!(count(&shown.to_text()) as u64, redactions, "{text:?}");
        }
    });
}

#[test]
fn the_limit_on_candidates_does_not_depend_on_the_cuts() {
    let redactors = redactors();
    for_each_seed(CASES / 50, |dice| {
        let names =
            ["token", "token_", "password=", "token=a1b2c3-", "Authorization:x9", "eyJhbGciOiJIUzI1NiJ9-", "--"];
        let pieces: Vec<&str> = (0..3).map(|_| names[dice.below(names.len())]).collect();
        let mut text = String::new();
        for _ in 0..dice.below(400) {
            text.push_str(if dice.below(50) == 0 { PIECES[dice.below(PIECES.len())] } else { pieces[dice.below(3)] });
        }
        let redactor = &redactors[dice.below(redactors.len())];
        let (shown, _) = redact(dice, redactor, text.as_bytes(), Pauses::None);
        assert_eq!(shown.to_text(), redactor.redact(text.as_bytes()).to_text(), "{text:?}");
    });
}

#[test]
fn redacted_text_is_not_changed_by_redacting_it_again() {
    let redactors = redactors();
    for_each_seed(CASES, |dice| {
        let text = text(dice, &PIECES);
        let redactor = &redactors[dice.below(redactors.len())];
        let once = redactor.redact(text.as_bytes());
        let twice = redactor.redact(once.as_bytes());
        assert_eq!(twice.to_text(), once.to_text(), "{text:?}");
    });
}

#[test]
fn a_mask_does_not_make_the_text_before_a_secret_short_enough_for_a_rule() {
    let redactor = Redactor::with_rules(["hunter2-hunter2"], &rules());
    for length in 90..140 {
        let text = format!("login {}hunter2-hunter2 password s3cr3t-w0rd", "x".repeat(length));
        let once = redactor.redact(text.as_bytes());
        assert_eq!(redactor.redact(once.as_bytes()).to_text(), once.to_text(), "{text}");
    }
}

#[test]
fn text_without_secrets_is_not_changed() {
    let redactors = redactors();
    for_each_seed(CASES, |dice| {
        let text = text(dice, &INNOCENT);
        let redactor = &redactors[dice.below(redactors.len())];
        let (shown, redactions) = redact(dice, redactor, text.as_bytes(), Pauses::Some);
        assert_eq!(shown.to_text(), text);
        assert_eq!(redactions, 0);
    });
}

#[test]
fn a_pause_never_shows_half_of_a_secret() {
    let redactors = redactors();
    let secrets = ["exa_0123456789abcdefghij", "hunter2hunter2", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0abc"];
    for_each_seed(CASES, |dice| {
        let secret = secrets[dice.below(secrets.len())];
        let name = ["password=", "token: ", "\"apiKey\": \"", "Authorization: Bearer ", "://user:"][dice.below(5)];
        let text = format!("{name}{secret}@\n");
        let redactor = &redactors[0];
        let whole = redactor.redact(text.as_bytes());
        let (shown, _) = redact(dice, redactor, text.as_bytes(), Pauses::Some);
        if !whole.to_text().contains(secret) {
            let shown = shown.to_text();
            let revealed = secret.find("eyJz").map_or(0, |payload| payload + 3);
            assert!(!shown.contains(&secret[revealed..revealed + 8]), "{text:?} is shown as {shown:?}");
        }
    });
}
