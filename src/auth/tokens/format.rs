//! The format of API tokens: `twt_`, 30 random letters and digits, and a checksum of six letters and digits.
//!
//! GitHub has published this format for its own tokens. The checksum is the CRC-32 of the random part, in base 62 with
//! leading zeros. It allows programs to distinguish a token from similar text without a database query.

/// The beginning of every token.
const PREFIX: &str = "twt_";

/// The number of random characters, which together contain 178 bits of randomness.
const RANDOM: usize = 30;

/// The number of characters of the checksum. Six digits in base 62 can represent any 32-bit number.
const CHECKSUM: usize = 6;

/// The number of random characters in a token's hint.
const SHOWN: usize = 4;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns a new token.
pub(super) fn new_token() -> String {
    let mut random = String::with_capacity(RANDOM);
    while random.len() < RANDOM {
        let mut bytes = [0; RANDOM];
        getrandom::fill(&mut bytes).expect("the operating system provides random numbers");
        // Bytes from 248 on are discarded, because they would make some characters more likely: 248 is the greatest
        // multiple of 62 that fits in a byte.
        let fair = bytes.into_iter().filter(|byte| *byte < 248).map(|byte| char::from(DIGITS[usize::from(byte % 62)]));
        random.extend(fair.take(RANDOM - random.len()));
    }
    let checksum = checksum(&random);
    format!("{PREFIX}{random}{checksum}")
}

/// Returns whether a string has the format of a token and the right checksum.
pub(super) fn is_token(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(PREFIX) else { return false };
    rest.len() == RANDOM + CHECKSUM
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && rest[RANDOM..] == checksum(&rest[..RANDOM])
}

/// Returns the hint of a token: its beginning, by which people can recognise it.
pub(super) fn hint(token: &str) -> String {
    token.chars().take(PREFIX.len() + SHOWN).collect()
}

fn checksum(random: &str) -> String {
    let mut left = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(left % 62).unwrap_or(0)];
        left /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use redact::{Redactor, Rules};

    use super::*;

    #[test]
    fn new_tokens_are_valid_different_and_recognised_by_the_redactor() {
        let redactor = Redactor::with_rules::<_, &[u8]>([], &Rules::built_in());
        let mut known = std::collections::HashSet::new();
        for _ in 0..200 {
            let token = new_token();
            assert!(is_token(&token), "{token}");
            let masked = redactor.redact(format!("token {token} printed").as_bytes());
            assert_eq!(masked.to_text(), "token [REDACTED:tailwater-token] printed", "{token}");
            assert!(token.starts_with(&hint(&token)) && hint(&token).len() == 8, "{token}");
            assert!(known.insert(token));
        }
    }

    #[test]
    fn a_text_with_a_wrong_checksum_or_length_is_not_a_token() {
        let token = new_token();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("it is ASCII");
            assert!(!is_token(&changed), "{changed}");
            assert!(!is_token(&token[..at]), "{at}");
        }
        for text in ["", "twt_", &format!("{token}0"), &format!(" {token}"), "twt_\u{e4}"] {
            assert!(!is_token(text), "{text}");
        }
    }

    #[test]
    fn the_checksum_is_the_crc_32_in_base_62_with_leading_zeros() {
        // The published CRC-32 of this string is 0xcbf43926.
        assert_eq!(checksum("123456789"), "3jZRME");
        assert_eq!(checksum(""), "000000");
    }
}
