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

/// How secret a value is, based on its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// A password, which may be any word.
    Password,
    /// A key or a token, which is generated.
    Token,
    /// Not a secret.
    None,
}

/// Words which indicate that a value is not the secret itself, but describes it, such as its length or its file.
const ABOUT: [&str; 45] = [
    "AGE",
    "ALGORITHM",
    "ATTEMPTS",
    "BUDGET",
    "CLASS",
    "COUNT",
    "COUNTER",
    "ENDPOINT",
    "ERROR",
    "EXPIRATION",
    "EXPIRES",
    "EXPIRY",
    "FIELD",
    "FILE",
    "FILENAME",
    "FORMAT",
    "HASHER",
    "HELP",
    "HINT",
    "HOST",
    "ID",
    "INDEX",
    "KIND",
    "LEN",
    "LENGTH",
    "LIMIT",
    "NAME",
    "PATH",
    "PLACEHOLDER",
    "POLICY",
    "PREFIX",
    "REGEX",
    "SERVICE",
    "SIZE",
    "SOURCE",
    "STATUS",
    "STDIN",
    "STORE",
    "TTL",
    "TYPE",
    "URI",
    "URL",
    "USAGE",
    "VALID",
    "VERSION",
];

/// Returns how secret a value is, given the part of its name that begins with a secret-like word.
///
/// In contrast to [`is_secret_name`], which applies to the names of variables, words are also separated by hyphens and
/// by capitals (`X-Api-Key`, `clientSecret`), and names such as `TOKEN_URL` are not secret.
pub(crate) fn secrecy(name: &[u8]) -> Secrecy {
    let words = words(name);
    let is_about = |word: &[u8]| ABOUT.binary_search_by(|about| about.as_bytes().cmp(word)).is_ok();
    let is_secret = |word: &[u8]| WORDS.iter().chain(&JOINED).any(|secret| secret.as_bytes() == word);
    let mut has_secret = ENDINGS.iter().chain(&["AUTH_KEY"]).any(|ending| words.ends_with(ending.as_bytes()));
    for word in words.split(|byte| *byte == b'_') {
        if is_about(word) {
            return Secrecy::None;
        }
        has_secret |= is_secret(word);
    }
    if !has_secret {
        Secrecy::None
    } else if name.get(..4).is_some_and(|first| first.eq_ignore_ascii_case(b"pass")) {
        Secrecy::Password
    } else {
        Secrecy::Token
    }
}

/// Pairs of words that indicate a secret and are often written as one word.
const JOINED: [&str; 5] = ["AUTHTOKEN", "AUTHKEY", "ACCESSTOKEN", "ACCESSKEY", "APITOKEN"];

/// Returns the name in capitals, with its words separated by underscores.
fn words(name: &[u8]) -> Vec<u8> {
    let mut words = Vec::with_capacity(2 * name.len());
    let mut last = b'_';
    for &byte in name {
        if byte.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit()) {
            words.push(b'_');
        }
        words.push(if byte == b'-' { b'_' } else { byte.to_ascii_uppercase() });
        last = byte;
    }
    words
}

fn ends_with_ignoring_case(name: &str, ending: &str) -> bool {
    let from = name.len().checked_sub(ending.len());
    from.and_then(|from| name.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_about_secrets_are_sorted() {
        assert!(ABOUT.is_sorted());
    }

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

    #[test]
    fn words_are_also_separated_by_hyphens_and_capitals() {
        for name in ["Password", "password", "passwd", "PASSPHRASE_FOR_CI"] {
            assert_eq!(secrecy(name.as_bytes()), Secrecy::Password, "{name}");
        }
        for name in [
            "token",
            "Api-Key",
            "apiKey",
            "ApiKey",
            "api_key",
            "Token-Value",
            "secretAccessKey",
            "authToken",
            "authtoken",
        ] {
            assert_eq!(secrecy(name.as_bytes()), Secrecy::Token, "{name}");
        }
        for name in
            ["tokens", "tokenizer", "token_url", "tokenType", "passwordless", "secret-name", "api-key-id", "secretary"]
        {
            assert_eq!(secrecy(name.as_bytes()), Secrecy::None, "{name}");
        }
    }
}
