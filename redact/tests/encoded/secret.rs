//! Generates values like those that people use, and text around them.

use crate::dice::Dice;

const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const OTHER: &str = "äöüßéñ€漢字😀\u{a0}\u{301}";

/// Returns a value with at least 8 characters that are not white space.
pub fn secret(dice: &mut Dice) -> String {
    loop {
        let secret = any_secret(dice);
        if secret.chars().filter(|char| !char.is_whitespace()).count() >= 8 {
            return secret;
        }
    }
}

/// Returns a token, a password, a phrase, or several lines.
fn any_secret(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => format!("{}{}", ["ghp_", "sk-", "AKIA", ""][dice.below(4)], text(dice, &[ALPHANUMERIC, "-_"], 8..40)),
        1 | 2 => text(dice, &[ALPHANUMERIC, PUNCTUATION], 8..24),
        3 => text(dice, &[ALPHANUMERIC, PUNCTUATION, OTHER, "   "], 8..24),
        4 => (0..2 + dice.below(4)).map(|_| text(dice, &[ALPHANUMERIC], 3..9)).collect::<Vec<_>>().join(" "),
        _ => (0..2 + dice.below(4))
            .map(|_| text(dice, &[ALPHANUMERIC, "+/=\"{}:, "], 8..64))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// Returns text of at most 30 characters that is unlikely to contain a value.
pub fn noise(dice: &mut Dice) -> String {
    text(dice, &[ALPHANUMERIC, PUNCTUATION, "    ", "\n\t\\\\%%&&''\"\""], 0..30)
}

/// Returns text whose length is in the range `len`. Each character is from a randomly chosen one of `alphabets`.
fn text(dice: &mut Dice, alphabets: &[&str], len: std::ops::Range<usize>) -> String {
    let len = len.start + dice.below(len.len());
    let mut text = String::new();
    while text.chars().count() < len {
        let alphabet = alphabets[dice.below(alphabets.len())];
        text.extend(alphabet.chars().nth(dice.below(alphabet.chars().count())));
    }
    text
}
