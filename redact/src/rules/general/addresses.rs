//! Credentials in URLs, in `.netrc` files and in options such as `--user`.

use super::{Beginning, Boundary, GeneralRule, Matching};
use crate::rules::credential;
use crate::rules::table::TableRule;

pub(super) const RULES: &[GeneralRule] = &[
    GeneralRule {
        rule: TableRule {
            id: "url-password",
            reason: "Passwords in the user information of a URL (RFC 3986), such as those of databases and registries.",
            expression: r#"://[^\s/?#:@"'<>\[\]\\`]{0,128}:(?P<secret>[^\s/?#"'<>\\`]{3,256})@"#,
            masked: &[
                "postgres://app:hunter2@db.internal:5432/app",
                "remote: https://x-access-token:0123abcd@example.com/a.git",
                "redis://:p%40ss@localhost",
            ],
            unmasked: &[
                "http://localhost:8080/@user",
                "https://user:$PASSWORD@example.com",
                "https://user:password@example.com",
                "ssh://git@example.com:22/a.git",
                "https://user:<password>@example.com",
                "http://a:8080 and b@example.com",
                "protocol://[user[:password]@]proxyhost",
            ],
        },
        matching: Matching {
            boundary: Boundary::None,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(credential::in_address),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "url-token",
            reason: "Tokens that take the place of the user name in a URL, as git hosts accept them.",
            expression: "://(?P<secret>[A-Za-z0-9_-]{20,255})@",
            masked: &["https://0123456789abcdef0123456789abcdef@git.example.com/a.git"],
            unmasked: &["https://git@example.com/a.git", "https://a-long-name-of-a-service-account@example.com"],
        },
        matching: Matching {
            boundary: Boundary::None,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(|_, secret| credential::is_random(secret)),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "netrc-password",
            reason: "Passwords in the files `.netrc` of curl and git, according to the manual of `ftp`.",
            // The login must not contain `[`, so it cannot contain a mask. A mask may be shorter than the text that it
            // replaces. If masks were allowed, a long login with a mask could become short enough to match when a text
            // is redacted again.
            expression: r"login[ \t\r\n]{1,8}[^\s\[]{1,128}[ \t\r\n]{1,8}password[ \t\r\n]{1,8}(?P<secret>[^\s]{6,256})",
            masked: &["machine example.com login deploy password s3cr3t-w0rd\n", "login a\n  password 0123456789\n"],
            unmasked: &["login failed, password incorrect", "login with password authentication"],
        },
        matching: Matching {
            boundary: Boundary::Token,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(|_, secret| credential::is_password(secret) && secret.iter().any(u8::is_ascii_digit)),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "user-option",
            reason: "Passwords in the option `--user name:password` of curl and similar programs.",
            expression: r#"user(?:=|[ \t]{1,4})["']?[^\s:"'<>\[\]]{1,64}:(?P<secret>[^\s"'<>]{6,128})"#,
            masked: &["curl --user deploy:s3cr3t-w0rd https://example.com", "wget --proxy-user='a:hunter2hunter2'"],
            unmasked: &["docker run --user 1000:1000", "curl --user name:password", "--user $USER:$PASSWORD"],
        },
        matching: Matching {
            boundary: Boundary::Option,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(|_, secret| credential::is_password(secret)),
        },
    },
];
