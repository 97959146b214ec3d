//! Tests the limits on the number of candidates that are followed at the same time, and on the length of a match.

use redact::{Redactor, Rule, Rules};

use crate::stream::check;

/// Returns a redactor with the built-in rules and the given ones. Each of `rules` is an id and an expression.
fn redactor(rules: &[(&str, &str)]) -> Redactor {
    let rule = |&(id, expression): &(&str, &str)| Rule {
        id: id.to_owned(),
        reason: "It is an example.".to_owned(),
        expression: expression.to_owned(),
        ..Rule::default()
    };
    let rules = Rules::new(rules.iter().map(rule).collect(), &[]).expect("the rules are valid");
    Redactor::with_rules::<_, &[u8]>([], &rules)
}

#[test]
fn four_candidates_of_a_rule_are_followed() {
    let redactor = redactor(&[("acme", "ab[a-z-]{0,20}=[0-9]{10}")]);
    let rest = format!("{}=0123456789\n", "x".repeat(19));
    // Only in the candidate that begins last are there at most 20 bytes between `ab` and the equals sign.
    check(&redactor, &format!("ab-ab-ab-ab-{rest}"), "ab-ab-ab-[REDACTED:acme]\n");
    let text = format!("ab-ab-ab-ab-ab-{rest}");
    check(&redactor, &text, &text);
}

#[test]
fn ninety_six_candidates_are_followed() {
    let ids: Vec<String> = (0..24).map(|number| format!("acme-{number}")).collect();
    let mut rules: Vec<_> = ids.iter().map(|id| (id.as_str(), "ab[a-z-]{0,40}=[a-z]{10}")).collect();
    rules.push(("last", "cd[a-z-]{0,40}=[0-9]{10}"));
    let text = "ab-ab-ab-ab-cd-=0123456789\n";
    check(&redactor(&rules[1..]), text, "ab-ab-ab-ab-[REDACTED:last]\n");
    check(&redactor(&rules), text, text);
}

#[test]
fn a_candidate_of_another_rule_is_followed_while_a_long_secret_continues() {
    // Each `z` after the first one ends a literal. At one of these positions, the candidates of two different rules are
    // in states with the same number.
    let redactor = redactor(&[("acme", "acme-[a-z]{80} [a-z]{10}"), ("zz", "zz[0-9]{50}")]);
    let text = format!("Bearer {}-acme-{} abcdefghij\n", "a1b2c3".repeat(200), "z".repeat(80));
    assert_eq!(redactor.redact(text.as_bytes()).to_text(), "Bearer [REDACTED:bearer-token]\n");
}

#[test]
fn half_of_a_short_token_at_the_end_is_masked() {
    let redactor = redactor(&[
        ("acme", "acme-[0-9]{6}"),
        ("bird", "bird-(?P<number>[0-9]{6})"),
        ("coyote", "coyote-(?P<secret>[0-9]{12})-"),
    ]);
    check(&redactor, "an acme-", "an acme-");
    check(&redactor, "an acme-1", "an [REDACTED:acme]");
    check(&redactor, "a bird-1", "a [REDACTED:bird]");
    check(&redactor, "a coyote-1234567", "a coyote-1234567");
    check(&redactor, "a coyote-12345678", "a coyote-[REDACTED:coyote]");
    let long = "a long text before the address ".repeat(9);
    check(&redactor, &format!("{long}https://user:hunter2"), &format!("{long}https://user:hunter2"));
    check(&redactor, &format!("{long}https://user:hunter22"), &format!("{long}https://user:[REDACTED:url-password]"));
}

#[test]
fn a_token_that_ends_with_punctuation_may_precede_a_letter() {
    let redactor = redactor(&[("acme", "acme-[0-9]{6}=")]);
    check(&redactor, "acme-123456=x", "[REDACTED:acme]x");
    check(&redactor, "acme-123456==", "acme-123456==");
}

#[test]
fn names_and_candidates_that_have_ended_do_not_count() {
    let redactor = redactor(&[]);
    let expected = "password=[REDACTED:secret-assignment]\n";
    for harmless in ["token ", "token_url=x ", "password=a ", "password=\"a\" "] {
        let harmless = harmless.repeat(100);
        let shown = redactor.redact(format!("{harmless}password=hunter2\n").as_bytes());
        assert_eq!(shown.to_text(), format!("{harmless}{expected}"));
    }
}

#[test]
fn candidates_that_an_earlier_one_covers_do_not_count() {
    let long = ["a1b2c3".repeat(200), "-token=a1b2c3d4".repeat(50)].concat();
    let shown = redactor(&[]).redact(format!("token={long} \ntoken=a1b2c3d4e5f6\n").as_bytes());
    let mask = "token=[REDACTED:secret-assignment]";
    assert_eq!(shown.to_text(), format!("{mask} \n{mask}\n"));
}

#[test]
fn the_end_of_a_stream_is_not_the_text_before_the_next_stream() {
    let redactor = redactor(&[]);
    let mut stream = redactor.stream();
    stream.push(b"a --x");
    stream.finish();
    // If `--x` came before it, this would be an option.
    let text = "-db-password a1b2c3d4e5f6\n";
    let mut shown = stream.push(text.as_bytes());
    shown.append(&stream.finish());
    assert_eq!(shown.to_text(), text);
    assert!(redactor.redact(format!("a --x{text}").as_bytes()).to_text().contains("[REDACTED:secret-option]"));
}

#[test]
fn the_text_after_a_secret_is_shown() {
    let redactor = redactor(&[("acme", "acme-(?P<secret>[a-z0-9]{6,12})[0-9]{2}")]);
    check(&redactor, "acme-abcdef12\n", "acme-[REDACTED:acme]12\n");
}
