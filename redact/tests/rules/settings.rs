//! Tests the rules that operators add and disable.

use redact::{Redactor, Rule, RuleError, Rules};

fn rule(id: &str, expression: &str, masked: &[&str], unmasked: &[&str]) -> Rule {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    Rule {
        id: id.to_owned(),
        reason: "It is an example.".to_owned(),
        expression: expression.to_owned(),
        masked: texts(masked),
        unmasked: texts(unmasked),
    }
}

fn error(rule: Rule) -> RuleError {
    Rules::new(vec![rule], &[]).expect_err("the rule is wrong")
}

#[test]
fn a_rule_is_added_and_a_built_in_one_is_disabled() {
    let extra = rule("acme-key", "acme-(?P<secret>[0-9]{6})", &["acme-123456"], &["acme-12345"]);
    let rules = Rules::new(vec![extra], &["secret-assignment".to_owned()]).expect("the rule is valid");
    let redactor = Redactor::with_rules::<_, &[u8]>([], &rules);
    let shown = redactor.redact(b"acme-123456 password=hunter2\n");
    assert_eq!(shown.to_text(), "acme-[REDACTED:acme-key] password=hunter2\n");
    assert!(rules.iter().any(|rule| rule.id == "acme-key" && rule.expression.starts_with("acme")));
    assert!(rules.iter().all(|rule| rule.id != "secret-assignment"));
    assert_eq!(format!("{rules:?}"), format!("Rules {{ rules: {}, .. }}", Rules::built_in().iter().count()));
}

#[test]
fn an_error_says_what_is_wrong_with_a_rule() {
    for id in ["", "Acme", "acme_key", "1acme", "-acme", &"a".repeat(49)] {
        assert!(matches!(error(rule(id, "acme[0-9]{6}", &[], &[])), RuleError::Id { .. }), "{id}");
    }
    assert!(matches!(error(rule("jwt", "acme[0-9]{6}", &[], &[])), RuleError::Duplicate { .. }));
    let syntax = error(rule("acme", "acme[0-9", &[], &[]));
    assert!(syntax.to_string().starts_with("rule \"acme\": the expression is not valid: "), "{syntax}");
    for expression in ["[a-z]{6}", "a[0-9]{6}", ".{1,9}acme", "(?:acme)?[0-9]{6}"] {
        assert!(matches!(error(rule("acme", expression, &[], &[])), RuleError::Literal { .. }), "{expression}");
    }
    assert!(matches!(error(rule("acme", "acme.*", &[], &[])), RuleError::Unbounded { .. }));
    assert!(matches!(error(rule("acme", "acme[a-z]{1,9000}", &[], &[])), RuleError::TooLong { length: 9004, .. }));
    assert!(matches!(error(rule("acme", "acme[a-z]{1,8189}", &[], &[])), RuleError::TooLong { length: 8193, .. }));
    assert!(Rules::new(vec![rule("acme", "acme[a-z]{1,8188}", &[], &[])], &[]).is_ok());
    assert!(matches!(error(rule("acme", "(?:acme)?", &[], &[])), RuleError::Empty { .. }));
    assert!(matches!(error(rule("acme", "acme(?P<secret>[0-9]{0,6})", &[], &[])), RuleError::Empty { .. }));
    assert!(matches!(error(rule("acme", r"acme\b", &[], &[])), RuleError::Assertion { .. }));
    assert!(matches!(error(rule("acme", r"acme[ab]{0,30}a[ab]{18}", &[], &[])), RuleError::TooComplex { .. }));
    assert!(matches!(error(rule("acme", "acme(?:-(?P<secret>[0-9]{6}))?", &[], &[])), RuleError::Nested { .. }));
    let unknown = Rules::new(Vec::new(), &["no-such-rule".to_owned()]).expect_err("there is no such rule");
    assert_eq!(unknown.to_string(), "rule \"no-such-rule\" cannot be disabled, because no built-in rule has this id");
}

#[test]
fn the_number_of_rules_is_limited() {
    let most = usize::from(u16::MAX) - Rules::built_in().iter().count();
    let error = |count: usize| Rules::new(vec![Rule::default(); count], &[]).expect_err("the rules have no ids");
    assert!(matches!(error(most), RuleError::Id { .. }));
    assert!(matches!(error(most + 1), RuleError::TooMany));
}

#[test]
fn the_examples_of_a_rule_are_checked() {
    let acme = |masked: &[&str], unmasked: &[&str]| error(rule("acme", "acme-[0-9]{6}", masked, unmasked));
    assert!(matches!(acme(&["acme-12345"], &[]), RuleError::Unmasked { .. }));
    assert!(matches!(acme(&["acme-123456 acme-123456"], &[]), RuleError::SeveralSecrets { .. }));
    assert!(matches!(acme(&[], &["see acme-123456"]), RuleError::Masked { .. }));
    let other = acme(&["password=x-acme-123456"], &[]);
    assert!(matches!(&other, RuleError::OtherRule { other, .. } if other == "secret-assignment"), "{other}");
}
