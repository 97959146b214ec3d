//! Helpers that redact a text piece by piece.

use redact::{Redacted, Redactor, Rule, Rules};

/// Returns the built-in rules, and a rule for a token of a fixed length.
pub fn rules() -> Rules {
    let example = Rule {
        id: "example-token".to_owned(),
        reason: "Tokens of a service that does not exist.".to_owned(),
        expression: "exa_[A-Za-z0-9]{20}".to_owned(),
        masked: vec!["exa_0123456789abcdefghij".to_owned()],
        unmasked: vec!["exa_0123456789abcdefghi".to_owned()],
    };
    Rules::new(vec![example], &[]).expect("the rule is valid")
}

/// Returns a redactor with the values and with [`rules`].
pub fn redactor<const N: usize>(values: [&str; N]) -> Redactor {
    Redactor::with_rules(values, &rules())
}

/// Redacts a text that arrives in the given pieces.
pub fn redact<'t>(redactor: &Redactor, pieces: impl IntoIterator<Item = &'t [u8]>) -> String {
    let mut stream = redactor.stream();
    let mut shown = Redacted::new();
    for piece in pieces {
        shown.append(&stream.push(piece));
    }
    shown.append(&stream.finish());
    shown.to_string()
}

/// Checks the output for a text in one piece, split at every position, and byte by byte.
pub fn check(redactor: &Redactor, text: &str, expected: &str) {
    assert_eq!(redactor.redact(text.as_bytes()).to_text(), expected, "{text:?} in one piece");
    for cut in 0..text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        assert_eq!(redact(redactor, [head, tail]), expected, "{text:?} cut at {cut}");
    }
    assert_eq!(redact(redactor, text.as_bytes().chunks(1)), expected, "{text:?} byte by byte");
}
