//! Decides whether a variable is considered secret, based on its name.

/// The words that indicate a secret anywhere in a name.
const WORDS: [&str; 14] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "SSHPASS",
    "AUTHTOKEN",
    "AUTHKEY",
    "ACCESSTOKEN",
    "ACCESSKEY",
    "APITOKEN",
];

/// The words that indicate a secret even if other letters come directly before them, as in `PGPASSWORD`.
const SUFFIXES: [&str; 6] = ["PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "APIKEY"];

/// The short words that indicate a secret only at the end of a name: `DB_PASS`, `MYSQL_PWD`, `REDISCLI_AUTH`, `GH_PAT`.
const SHORT: [&str; 4] = ["PASS", "PWD", "AUTH", "PAT"];

/// If a name ends with a short word but begins with one of these words, the name is that of a setting and not of a
/// secret.
const SETTINGS: [&str; 9] = ["DISABLE", "ENABLE", "HAS", "IS", "NO", "REQUIRE", "REQUIRES", "SKIP", "USE"];

/// The words before `KEY` that say what a secret key is for. Most other keys are not secret: `PUBLIC_KEY`, `CACHE_KEY`,
/// `PRIMARY_KEY`.
const OWNERS: [&str; 28] = [
    "ACCESS",
    "ACCOUNT",
    "AES",
    "ANTHROPIC",
    "API",
    "AUTH",
    "DATADOG",
    "DECRYPTION",
    "DEPLOY",
    "ENCRYPTION",
    "GEMINI",
    "HMAC",
    "JWT",
    "LICENSE",
    "MAILGUN",
    "MASTER",
    "OPENAI",
    "PRIVATE",
    "SECRET",
    "SENDGRID",
    "SERVICE",
    "SESSION",
    "SIGNING",
    "SSH",
    "STRIPE",
    "SUBSCRIPTION",
    "TWILIO",
    "WEBHOOK",
];

/// Returns whether the value of a variable with this name is considered secret.
///
/// The words of a name are separated by `_`, by `-` or by capitals (`userPassword`). Case does not matter. A name
/// indicates a secret if
///
/// - one of its words is or ends with `PASSWORD`, `PASSWD`, `PASSPHRASE`, `TOKEN`, `SECRET` or `APIKEY`, or is
///   `CREDENTIAL`, `CREDENTIALS`, `SSHPASS`, `AUTHKEY` or `ACCESSKEY`. The word `TOKENS` does not count, so
///   `MAX_TOKENS`, which is a number, does not indicate a secret;
/// - it ends with `KEY` after a word that says what a secret key is for, such as `API`, `ACCESS`, `PRIVATE`,
///   `ENCRYPTION`, `SIGNING` or `STRIPE`;
/// - its last word is `PASS`, `PWD`, `AUTH` or `PAT`. This does not apply to the name `PWD`, and to the names of
///   settings such as `USE_AUTH`.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name.as_bytes());
    words.split(|byte| *byte == b'_').any(is_secret_word) || is_key(&words) || ends_with_short_word(&words)
}

fn is_secret_word(word: &[u8]) -> bool {
    WORDS.iter().any(|secret| word == secret.as_bytes())
        || SUFFIXES.iter().any(|suffix| word.ends_with(suffix.as_bytes()))
}

/// Returns whether the words end with `KEY`, after a word that says what a secret key is for.
fn is_key(words: &[u8]) -> bool {
    words.strip_suffix(b"_KEY").is_some_and(|owner| OWNERS.iter().any(|secret| owner.ends_with(secret.as_bytes())))
}

fn ends_with_short_word(words: &[u8]) -> bool {
    let is_one_of = |list: &[&str], word: &[u8]| list.iter().any(|known| known.as_bytes() == word);
    let mut each = words.split(|byte| *byte == b'_').filter(|word| !word.is_empty());
    let first = each.next().unwrap_or_default();
    let last = each.next_back().unwrap_or(first);
    is_one_of(&SHORT, last) && words != b"PWD" && !is_one_of(&SETTINGS, first)
}

/// Returns whether `before`, the text before a word `KEY`, ends with a word that says what a secret key is for.
pub(crate) fn ends_with_owner(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"_").or_else(|| before.strip_suffix(b"-")).unwrap_or(before);
    OWNERS.iter().any(|owner| {
        let from = before.len().checked_sub(owner.len());
        from.is_some_and(|from| before[from..].eq_ignore_ascii_case(owner.as_bytes()))
    })
}

/// How secret a value is, based on its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// A password, which may be any word.
    Password,
    /// A key or a token, which is usually generated.
    Token,
    /// A value whose name is only a short word, such as `pass`, `auth` or `key`, which often has another meaning.
    Short,
    /// Not a secret.
    None,
}

/// The words that indicate that a value is not a secret, but describes one, such as its length or its file.
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

/// Returns how secret a value is. `name` is the part of its name that begins with a secret-like word.
///
/// In contrast to [`is_secret_name`], names that describe a secret, such as `TOKEN_URL`, are not secret.
pub(crate) fn secrecy(name: &[u8]) -> Secrecy {
    let words = words(name);
    let is_about = |word: &[u8]| ABOUT.binary_search_by(|about| about.as_bytes().cmp(word)).is_ok();
    if words == b"KEY" || SHORT.iter().any(|short| short.as_bytes() == words) {
        return Secrecy::Short;
    }
    let mut has_secret = is_key(&words);
    for word in words.split(|byte| *byte == b'_') {
        if is_about(word) {
            return Secrecy::None;
        }
        has_secret |= is_secret_word(word);
    }
    if !has_secret {
        Secrecy::None
    } else if words.starts_with(b"PASS") || words == b"SSHPASS" {
        Secrecy::Password
    } else {
        Secrecy::Token
    }
}

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
            "API-KEY",
            "PGPASSWORD",
            "DBPASSWORD",
            "MYAPITOKEN",
            "userPassword",
            "userpassword",
            "SSHPASS",
            "MYSQL_PWD",
            "DB_PASS",
            "PASS",
            "pass",
            "GH_PAT",
            "AUTH",
            "REDISCLI_AUTH",
            "_auth",
            "ENCRYPTION_KEY",
            "STRIPE_KEY",
            "stripeKey",
            "signing-key",
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
            "CACHE_KEY",
            "primaryKey",
            "MONKEY",
            "AUTHOR",
            "AUTH_TYPE",
            "USE_AUTH",
            "BYPASS",
            "COMPASS",
            "PASS_COUNT",
            "PATH",
            "CLASSPATH",
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
        for name in ["pass", "PWD", "Auth", "key"] {
            assert_eq!(secrecy(name.as_bytes()), Secrecy::Short, "{name}");
        }
        for name in
            ["tokens", "tokenizer", "token_url", "tokenType", "passwordless", "secret-name", "api-key-id", "secretary"]
        {
            assert_eq!(secrecy(name.as_bytes()), Secrecy::None, "{name}");
        }
    }
}
