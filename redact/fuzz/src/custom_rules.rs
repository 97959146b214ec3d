//! Fuzzes rules that a caller adds. Every expression must be either refused or usable.

use redact::{Finding, Redactor, Rule, RuleError, Rules};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::Hir;

use super::input::Input;
use super::streams::{Cuts, check_any, check_idempotent, show};

/// Compiles a random rule, and checks what it masks in a random text, which is also tried as an example. The built-in
/// rules are disabled.
pub fn custom_rules(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = Cuts::read(&mut input);
    let expression = expression(&mut input);
    let text = text(&mut input);
    let example = String::from_utf8_lossy(&text).into_owned();
    let rule = Rule { id: ID.into(), reason: "An example.".into(), expression, ..Rule::default() };
    let rules = match compile(rule.clone()) {
        Ok(rules) => rules,
        Err(error) => return check_refused(&error),
    };
    let redactor = Redactor::with_rules::<_, &[u8]>([], &rules);
    let (whole, findings) = check_any(&redactor, &text, &cuts);
    check_idempotent(&redactor, &whole);
    check_examples(&rule, &redactor, example);
    if !contains_mask(&text) {
        let expected = Expected::new(&rule.expression);
        text.split(|byte| *byte == b'\n').for_each(|line| expected.check_line(&redactor, line));
        expected.check_findings(&text, &findings);
    }
}

const ID: &str = "custom";

/// Compiles the rule without the built-in rules.
fn compile(rule: Rule) -> Result<Rules, RuleError> {
    let built_in: Vec<String> = Rules::built_in().iter().map(|rule| rule.id.clone()).collect();
    Rules::new(vec![rule], &built_in)
}

/// Checks that the error names the rule and says what to do.
fn check_refused(error: &RuleError) {
    let message = error.to_string();
    assert!(message.starts_with("rule \"custom\": ") && message.len() > 30, "{message}");
}

/// Checks which texts the rule accepts. If the rule masks exactly one secret in `text`, `text` must be accepted as an
/// example. If the rule masks nothing, `text` must be accepted as a counterexample.
fn check_examples(rule: &Rule, redactor: &Redactor, text: String) {
    let count = redactor.explain(format!("{text}\n").as_bytes()).len();
    let masked = compile(Rule { masked: vec![text.clone()], ..rule.clone() });
    assert_eq!(masked.is_ok(), count == 1, "{text:?} is an example with {count} secrets");
    let unmasked = compile(Rule { unmasked: vec![text.clone()], ..rule.clone() });
    assert_eq!(unmasked.is_ok(), count == 0, "{text:?} is a counterexample with {count} secrets");
}

/// The expected behaviour of a rule, according to the `regex` crate.
struct Expected {
    /// Matches the expression at the beginning of a text.
    prefix: Regex,
    /// Matches the expression as the whole text.
    whole: Regex,
    hir: Hir,
    has_secret: bool,
}

/// If no match of an expression is longer than this, the automaton of the rule is always small enough to keep the upper
/// bounds of its repetitions.
const SHORT_MATCH: usize = 16;

/// The size limit for automata of the `regex` crate, in bytes. A rule whose automaton is too large is refused long
/// before this limit is reached.
const REGEX_SIZE: usize = 1 << 28;

impl Expected {
    fn new(expression: &str) -> Self {
        let build = |expression: String| {
            let regex = RegexBuilder::new(&expression).unicode(false).size_limit(REGEX_SIZE).build();
            regex.unwrap_or_else(|error| panic!("the rule is accepted, but its expression is refused: {error}"))
        };
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
        Self {
            prefix: build(format!("^(?:{expression})")),
            whole: build(format!(r"\A(?:{expression})\z")),
            hir: parser.parse(expression).expect("the rule is accepted"),
            has_secret: expression.contains("<secret>"),
        }
    }

    /// Checks that a line is masked if the whole line matches.
    fn check_line(&self, redactor: &Redactor, line: &[u8]) {
        if self.whole.is_match(line) {
            let found = redactor.explain(&[line, b"\n"].concat());
            let is_masked = |at: usize| found.iter().any(|found| found.range.contains(&at));
            let masked = (0..line.len()).filter(|at| is_masked(*at)).count();
            let is_sufficient = if self.has_secret { masked > 0 } else { masked == line.len() };
            assert!(is_sufficient, "\"{}\" matches and is shown", show(line));
        }
    }

    /// Checks that only matches are masked. Text at the end is exempt, because it may be a match that is cut off.
    fn check_findings(&self, text: &[u8], findings: &[Finding]) {
        let is_short = self.hir.properties().maximum_len().is_some_and(|longest| longest <= SHORT_MATCH);
        if self.has_secret || !is_short {
            return;
        }
        for Finding { range, .. } in findings {
            let is_match = range.end == text.len() || self.prefix.is_match(&text[range.clone()]);
            assert!(is_match, "\"{}\" of \"{}\" is masked", show(&text[range.clone()]), show(text));
        }
    }
}

fn contains_mask(text: &[u8]) -> bool {
    text.windows(9).any(|part| part == b"[REDACTED")
}

/// Fragments from which the regular expressions of random rules are assembled.
const PARTS: [&str; 48] = [
    "acme",
    "ab",
    "a-",
    "-",
    "_",
    ".",
    r"\.",
    r"\d",
    r"\w",
    r"\s",
    r"\n",
    "[a-z]",
    "[0-9]",
    "[a-z0-9-]",
    "[ab]",
    "[^a]",
    "(?i:",
    "(?:",
    "(?P<",
    "secret>",
    "variable",
    ">",
    "(",
    ")",
    "|",
    "?",
    "*",
    "+",
    "{2}",
    "{1,3}",
    "{0,9}",
    "{6}",
    "{20,64}",
    "{1,8000}",
    "{9999}",
    "^",
    "$",
    r"\b",
    r"\x00",
    r"\xff",
    "[",
    "]",
    r"\",
    "{",
    "}",
    "é",
    "[RED",
    "(?",
];

fn expression(input: &mut Input) -> String {
    let mut expression = String::new();
    for _ in 0..input.below(24) {
        if input.below(8) == 0 {
            let len = input.below(8);
            expression += &String::from_utf8_lossy(input.bytes(len));
        } else {
            expression += input.choose(&PARTS);
        }
    }
    expression
}

/// Pieces of the random texts. The expressions match some of them.
const PIECES: [&str; 25] = [
    "acme", "ab", "a", "b", "-", "_", ".", "0", "123456", "x", "xyz", "abababab", "A", " ", "\n", "\"", "[", "]",
    "[RED", "ACTED", ":custom", "é", "\t", "=", "\0",
];

fn text(input: &mut Input) -> Vec<u8> {
    let mut text = Vec::new();
    while !input.is_empty() && text.len() < 1_000 {
        if input.below(8) == 0 {
            let len = input.below(8);
            text.extend_from_slice(input.bytes(len));
        } else {
            text.extend_from_slice(input.choose(&PIECES).as_bytes());
        }
    }
    text
}
