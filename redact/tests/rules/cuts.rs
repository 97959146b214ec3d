//! Tests which secrets are masked, and that this does not depend on how the input is split.

use redact::{MaskCounter, Redactor, Rules};

use crate::stream::{check, redact, redactor, rules};

const TOKEN: &str = "exa_0123456789abcdefghij";

#[test]
fn a_token_is_masked_at_any_cut() {
    let redactor = redactor([]);
    check(&redactor, &format!("the token {TOKEN}, and more"), "the token [REDACTED:example-token], and more");
    check(&redactor, &format!("{TOKEN}\n{TOKEN}"), "[REDACTED:example-token]\n[REDACTED:example-token]");
    check(
        &redactor,
        "exa_0123456789abcdefghi exa_0123456789abcdefghijk",
        "exa_0123456789abcdefghi exa_0123456789abcdefghijk",
    );
}

#[test]
fn a_secret_that_begins_within_a_long_one_and_ends_after_it_is_masked() {
    let text = format!("password={}-token-ghp_=\"hunter2,hunter3\"\n", "a1b2c3".repeat(200));
    let expected = "password=[REDACTED:secret-assignment]\"[REDACTED:secret-in-double-quotes]\"\n";
    assert_eq!(redact(&redactor([]), [text.as_bytes()]), expected);
    assert_eq!(redact(&redactor([]), text.as_bytes().chunks(7)), expected);
}

#[test]
fn words_with_numbers_are_a_token_after_an_equals_sign_without_spaces() {
    let redactor = redactor([]);
    check(&redactor, "token=staging-deploy-2024\n", "token=[REDACTED:secret-assignment]\n");
    check(&redactor, "token = staging-deploy-2024\n", "token = staging-deploy-2024\n");
}

#[test]
fn every_example_of_a_built_in_rule_is_masked_at_any_cut() {
    let rules = Rules::built_in();
    let redactor = Redactor::with_rules::<_, &[u8]>([], &rules);
    for rule in rules.iter() {
        let mask = format!("[REDACTED:{}]", rule.id);
        for example in &rule.masked {
            let text = format!("before\n{example}\nafter\n");
            let expected = redactor.redact(text.as_bytes()).to_string();
            assert_eq!(expected.matches(&mask).count(), 1, "{expected}");
            assert_eq!(expected.matches("[REDACTED").count(), 1, "{expected}");
            check(&redactor, &text, &expected);
        }
        for example in &rule.unmasked {
            let text = format!("before\n{example}\nafter\n");
            let expected = redactor.redact(text.as_bytes()).to_string();
            assert!(!expected.contains(&mask), "{expected}");
            check(&redactor, &text, &expected);
        }
    }
}

#[test]
fn a_token_does_not_begin_or_end_within_a_word() {
    let redactor = redactor([]);
    for text in [format!("x{TOKEN}"), format!("_{TOKEN}"), format!("{TOKEN}x"), format!("{TOKEN}_")] {
        check(&redactor, &text, &text);
    }
    for (before, after) in
        [("-", "-"), ("%20", "%20"), ("\\n", "\\n"), ("\x1b[1;32m", "\x1b[0m"), ("\\u003d", "\\u0026")]
    {
        check(&redactor, &format!("{before}{TOKEN}{after}"), &format!("{before}[REDACTED:example-token]{after}"));
    }
}

#[test]
fn a_registered_value_takes_precedence_over_a_rule() {
    let redactor = redactor(["hunter2-hunter2", "9abcdefghij-tail"]);
    check(&redactor, "password=hunter2-hunter2 ", "password=[REDACTED] ");
    check(&redactor, &format!("{TOKEN}-tail "), "[REDACTED] ");
    check(&redactor, "password=x-hunter2-hunter2-y ", "password=[REDACTED] ");
}

#[test]
fn a_secret_cut_off_at_the_end_is_masked_if_enough_of_it_is_present() {
    let redactor = redactor([]);
    for (text, shown) in [
        ("exa_", "exa_"),
        ("exa_012345", "exa_012345"),
        ("exa_01234567", "[REDACTED:example-token]"),
        ("password=swordfish", "password=[REDACTED:secret-assignment]"),
        ("password=", "password="),
        ("password=abc", "password=abc"),
        ("a -----BEGIN RSA PRIVATE KEY-----", "a -----BEGIN RSA PRIVATE KEY-----"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nMIIEowIB", "a [REDACTED:private-key]"),
    ] {
        check(&redactor, text, shown);
    }
}

#[test]
fn masks_are_counted_by_rule() {
    let redactor = redactor(["swordfish"]);
    let mut stream = redactor.stream();
    let mut shown = stream.push(format!("swordfish {TOKEN} {TOKEN} password=hunter2 ").as_bytes());
    shown.append(&stream.finish());
    assert_eq!(stream.redactions(), 4);
    assert_eq!(stream.counts().values(), 1);
    assert_eq!(stream.counts().rules().collect::<Vec<_>>(), [("example-token", 2), ("secret-assignment", 1)]);
    let mut counter = MaskCounter::default();
    counter.push(shown.as_bytes());
    assert_eq!(counter.counts(), stream.counts());
    let mut twice = counter.counts().clone();
    twice.add(stream.counts());
    assert_eq!(twice.values(), 2);
    assert_eq!(twice.rules().collect::<Vec<_>>(), [("example-token", 4), ("secret-assignment", 2)]);
    assert_eq!(twice.total(), 8);
}

#[test]
fn an_explanation_names_the_ranges_and_the_rules() {
    let redactor = redactor(["swordfish"]);
    let text = format!("swordfish {TOKEN}");
    let found: Vec<_> = redactor.explain(text.as_bytes()).into_iter().map(|found| (found.range, found.rule)).collect();
    assert_eq!(found, [(0..9, None), (10..34, Some("example-token".to_owned()))]);
}

#[test]
fn a_stream_without_rules_ignores_shapes() {
    let text = format!("{TOKEN} password=hunter2\n");
    assert_eq!(Redactor::new(["other-value"]).redact(text.as_bytes()).to_text(), text);
    assert!(Redactor::none().is_empty());
    assert!(!Redactor::with_rules::<_, &[u8]>([], &rules()).is_empty());
}

#[test]
fn a_stream_holds_little_of_a_long_line() {
    let redactor = redactor(["hunter2-hunter2"]);
    let long = [
        "a".repeat(1 << 16),
        "password=".to_owned() + &"a1".repeat(1 << 15),
        format!("-----BEGIN PRIVATE KEY-----\n{}", "Ab1+".repeat(1 << 14)),
        format!("-----BEGIN PRIVATE KEY-----\n{}", " ".repeat(1 << 16)),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}", "Ab1_".repeat(1 << 14)),
        "password".repeat(1 << 13),
        "password=".repeat(1 << 13),
        "://a:".repeat(1 << 13),
        "\"token\":".to_owned() + &" ".repeat(1 << 16),
    ];
    for text in long {
        let mut stream = redactor.stream();
        let mut written = 0;
        for (index, piece) in text.as_bytes().chunks(1000).enumerate() {
            written += stream.push(piece).len();
            let debug = format!("{stream:?}");
            let held: usize =
                debug.split(&[' ', ',', '}']).find_map(|word| word.parse().ok()).expect("a number is shown");
            assert!(held <= 16 << 10, "{held} bytes of {:?} are held after {index} pieces", &text[..40]);
        }
        assert!(written <= text.len());
    }
}

#[test]
fn redacted_text_is_not_redacted_again() {
    let redactor = redactor(["hunter2-hunter2"]);
    for text in [
        "password=hunter2-hunter2&x=1 password: hunter2hunter2 {\"token\": \"a1b2c3d4e5f6\"}\n",
        "https://user:hunter2@host/ Authorization: Bearer 0123456789abcdef --api-key a1b2c3d4e5f6\n",
        "hunter2-hunter2exa_0123456789abcdefghij exa_0123456789abcdefghijhunter2-hunter2\n",
        "<password>swordfish</password> curl --user a:hunter2hunter2 ;pwd=hunter2hunter2;\n",
    ] {
        let once = redact(&redactor, [text.as_bytes()]);
        assert!(once.contains("[REDACTED"), "{once}");
        assert_eq!(redact(&redactor, [once.as_bytes()]), once);
    }
}
