//! Fuzzes the built-in rules. The texts consist of the rules' examples, text that often surrounds secrets, and
//! arbitrary bytes.

use std::cell::OnceCell;

use redact::{Redactor, Rules};

use super::input::Input;
use super::pieces::PIECES;
use super::streams::{Cuts, check_any, check_idempotent, held, in_reads, occurrences, show, with_pauses};

/// Fuzzes the built-in rules, with and without registered values.
pub fn rules(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = Cuts::read(&mut input);
    EXAMPLES.with(|examples| {
        let examples = examples.get_or_init(Examples::new);
        match input.below(4) {
            0 => lines_of_examples(&mut input, &cuts, examples),
            _ => mixed(&mut input, &cuts, examples),
        }
    });
}

/// Registered values, which overlap secrets that rules recognise.
const VALUES: [&str; 3] = ["hunter2-hunter2", "abcd01234567", "swordfish"];

/// The examples that the inputs refer to, and four redactors: without values, with the first of [`VALUES`], with the
/// first two, and with all three.
struct Examples {
    masked: Vec<(String, String)>,
    unmasked: Vec<String>,
    redactors: Vec<Redactor>,
}

thread_local! {
    static EXAMPLES: OnceCell<Examples> = const { OnceCell::new() };
}

impl Examples {
    fn new() -> Self {
        let rules = Rules::built_in();
        let masked = rules.iter().flat_map(|rule| rule.masked.iter().map(|text| (rule.id.clone(), text.clone())));
        Self {
            masked: masked.collect(),
            unmasked: rules.iter().flat_map(|rule| rule.unmasked.clone()).collect(),
            redactors: (0..=VALUES.len()).map(|count| Redactor::with_rules(&VALUES[..count], &rules)).collect(),
        }
    }
}

/// Checks that every example is masked by its rule, whatever other examples come before and after it.
fn lines_of_examples(input: &mut Input, cuts: &Cuts, examples: &Examples) {
    let (mut text, mut expected) = (String::new(), Vec::new());
    while !input.is_empty() && expected.len() < 8 {
        let index = input.below(1 << 16);
        if input.below(4) == 0 {
            text += &examples.unmasked[index % examples.unmasked.len()];
        } else {
            let (id, example) = &examples.masked[index % examples.masked.len()];
            expected.push((text.len()..text.len() + example.len(), id));
            text += example;
        }
        text.push('\n');
    }
    let (_, findings) = check_any(&examples.redactors[0], text.as_bytes(), cuts);
    for (range, id) in expected {
        let is_found = findings.iter().any(|found| {
            found.rule.as_ref() == Some(id) && found.range.start < range.end && range.start < found.range.end
        });
        assert!(is_found, "{id} does not mask {:?} in {text:?}", &text[range]);
    }
}

/// The maximum number of bytes in a text. It is more than a rule may hold back if the text contains no escape
/// sequences.
const LONGEST_TEXT: usize = 12_000;

/// The maximum number of bytes that may be held back if no value is registered: a little more than the length of the
/// longest match, with the escape sequences that may be in it.
const MOST_HELD: usize = (24 << 10) + 1_024 + 64;

/// Checks that the result does not depend on how the text is cut into reads, that redacting it again does not change
/// it, that few bytes are held back, and that pauses show no secret.
fn mixed(input: &mut Input, cuts: &Cuts, examples: &Examples) {
    let redactor = input.choose(&[0, 0, 1, 2, 3]);
    let redactor = &examples.redactors[redactor];
    let text = text(input, examples);
    let (whole, findings) = check_any(redactor, &text, cuts);
    check_idempotent(redactor, &whole);
    if std::ptr::eq(redactor, &raw const examples.redactors[0]) {
        in_reads(redactor, &text, cuts, |stream, at| {
            assert!(held(stream) <= MOST_HELD, "{} bytes are held after {at} bytes", held(stream));
        });
    }
    let shown = with_pauses(redactor, &text, cuts);
    for found in findings {
        let secret = &text[found.range];
        let is_once = secret.len() >= 8 && occurrences(&text, secret).nth(1).is_none();
        if is_once && !secret.windows(9).any(|part| part == b"[REDACTED") {
            let is_shown = occurrences(shown.as_bytes(), secret).next().is_some();
            assert!(!is_shown, "\"{}\" is in \"{}\" after pauses", show(secret), show(shown.as_bytes()));
        }
    }
}

fn text(input: &mut Input, examples: &Examples) -> Vec<u8> {
    let mut text = Vec::new();
    while !input.is_empty() && text.len() < LONGEST_TEXT {
        let piece = match input.below(8) {
            0 | 1 => examples.masked[input.below(1 << 16) % examples.masked.len()].1.clone().into_bytes(),
            2 => examples.unmasked[input.below(1 << 16) % examples.unmasked.len()].clone().into_bytes(),
            3 => {
                let len = 1 + input.below(24);
                input.bytes(len).to_vec()
            }
            _ => input.choose(&PIECES).as_bytes().to_vec(),
        };
        // A few pieces are cut off or repeated.
        match input.byte() {
            of @ 0..32 => text.extend_from_slice(&piece[usize::from(of) * piece.len() / 32..]),
            of @ 32..64 => text.extend_from_slice(&piece[..usize::from(of - 32) * piece.len() / 32]),
            64..72 => {
                let count = input.below(1 << 10).min(LONGEST_TEXT / piece.len());
                text.extend(piece.repeat(count));
            }
            _ => text.extend_from_slice(&piece),
        }
    }
    text
}
