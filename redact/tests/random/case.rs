//! Generates random values and texts with as many complete and partial matches as possible.

use crate::dice::Dice;

pub use crate::oracle::Case;

/// Small alphabets, so that matches often begin, fail and overlap. The last alphabet is larger, so that the redactor
/// skips bytes. No alphabet contains white space or bytes that are part of escapes, because the oracle implements only
/// literal values.
const ALPHABETS: [&[u8]; 5] = [b"ab", b"a-", b"ab_.", b"abcdef-;\0\xff", b"abcdefghijklmnopqrstuvwxyz,.:0123456789"];

impl Case {
    /// Creates a random case.
    pub fn roll(dice: &mut Dice) -> Self {
        let alphabet = ALPHABETS[dice.below(ALPHABETS.len())];
        let mut values = Vec::new();
        for _ in 0..=dice.below(5) {
            let value = value(dice, alphabet, &values);
            values.push(value);
        }
        let text = (0..dice.below(12)).flat_map(|_| piece_of_text(dice, alphabet, &values)).collect();
        Self { values, text }
    }
}

/// Returns a value: noise, a repeated unit, or an extension of part of an earlier value.
fn value(dice: &mut Dice, alphabet: &[u8], earlier: &[Vec<u8>]) -> Vec<u8> {
    let longest = [5, 9, 30][dice.below(3)];
    let len = 1 + dice.below(longest);
    let unit = 1 + dice.below(len);
    match dice.below(3) {
        0 => noise(dice, alphabet, len),
        1 => noise(dice, alphabet, unit).into_iter().cycle().take(len).collect(),
        _ if earlier.is_empty() => noise(dice, alphabet, len),
        _ => [noise(dice, alphabet, 1), part(dice, earlier), noise(dice, alphabet, 2)].concat(),
    }
}

/// Returns a piece of the text: noise, a value, part of a value, or a value with one byte changed.
fn piece_of_text(dice: &mut Dice, alphabet: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
    let len = 1 + dice.below(20);
    match dice.below(5) {
        0 => noise(dice, alphabet, len),
        1 => part(dice, values),
        2 => {
            let mut value = values[dice.below(values.len())].clone();
            let at = dice.below(value.len());
            value[at] = alphabet[dice.below(alphabet.len())];
            value
        }
        _ => values[dice.below(values.len())].clone(),
    }
}

/// Returns part of one of `values`, usually a prefix or a suffix.
fn part(dice: &mut Dice, values: &[Vec<u8>]) -> Vec<u8> {
    let value = &values[dice.below(values.len())];
    let cut = dice.below(value.len() + 1);
    match dice.below(3) {
        0 => value[..cut].to_vec(),
        1 => value[cut..].to_vec(),
        _ => value[cut..cut + dice.below(value.len() - cut + 1)].to_vec(),
    }
}

fn noise(dice: &mut Dice, alphabet: &[u8], len: usize) -> Vec<u8> {
    (0..len).map(|_| alphabet[dice.below(alphabet.len())]).collect()
}
