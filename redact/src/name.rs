//! Decides whether a variable is considered secret, based on its name.

/// The words that indicate a secret. Underscores separate the words of a name.
const WORDS: [&str; 8] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "APIKEY"];

/// The endings of names that indicate a secret.
const ENDINGS: [&str; 3] = ["API_KEY", "ACCESS_KEY", "PRIVATE_KEY"];

/// Returns whether the value of a variable with this name is considered secret.
///
/// A name indicates a secret if one of its words, which are separated by `_`, is `TOKEN`, `SECRET`, `PASSWORD`,
/// `PASSWD`, `PASSPHRASE`, `CREDENTIAL`, `CREDENTIALS` or `APIKEY`, or if it ends in `API_KEY`, `ACCESS_KEY` or
/// `PRIVATE_KEY`. Case does not matter. Only whole words count, so `MAX_TOKENS`, which is a number, does not indicate a
/// secret.
pub fn is_secret_name(name: &str) -> bool {
    name.split('_').any(|word| WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret)))
        || ENDINGS.iter().any(|ending| ends_with_ignoring_case(name, ending))
}

fn ends_with_ignoring_case(name: &str, ending: &str) -> bool {
    let from = name.len().checked_sub(ending.len());
    from.and_then(|from| name.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_secret_word_or_ending_are_secret() {
        for name in [
            "TOKEN",
            "GITHUB_TOKEN",
            "TOKEN_FOR_CI",
            "deploy_token",
            "CLIENT_SECRET",
            "secret",
            "DB_PASSWORD",
            "MYSQL_PASSWD",
            "GPG_PASSPHRASE",
            "AWS_CREDENTIAL",
            "GOOGLE_CREDENTIALS",
            "STRIPE_APIKEY",
            "OPENAI_API_KEY",
            "Api_Key",
            "AWS_SECRET_ACCESS_KEY",
            "S3ACCESS_KEY",
            "SSH_PRIVATE_KEY",
            "__TOKEN__",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_secret() {
        for name in [
            "",
            "_",
            "PWD",
            "OLDPWD",
            "TOKENS",
            "MAX_TOKENS",
            "TOKENIZER",
            "PATH",
            "KEY",
            "PUBLIC_KEY",
            "API_KEY_FILE",
            "SECRETARY",
            "PASSWORDLESS",
            "KEYBOARD",
            "APIKEYS",
            "API-KEY",
            "ÄPI_KEY",
            "é_KEY",
            "RUST_LOG",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
