//! Credentials in URLs, in `.netrc` files and in options such as `--user`.

use super::{Beginning, Boundary, GeneralRule, Matching};
use crate::rules::credential;
use crate::rules::table::TableRule;

/// The text between an option and its value, as in a command line or in a list of quoted arguments.
macro_rules! separator {
    () => {
        r#"(?:=|[ \t]+|\\*["'][ \t]*,?[ \t\r\n]*)"#
    };
}

/// The name of a user, before the colon and the password.
macro_rules! user {
    () => {
        r#"\\*["']?[^\s:"'<>\[\]=,\\]+:"#
    };
}

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
            reason: "Passwords in the option `--user name:password` of curl and similar programs, also in lists of \
                     quoted arguments.",
            expression: concat!("user", separator!(), user!(), r#"(?P<secret>[^\s"'<>]{6,})"#),
            masked: &[
                "curl --user deploy:s3cr3t-w0rd https://example.com",
                "wget --proxy-user='a:hunter2hunter2'",
                r#"["curl", "--user", "deploy:swordfish"]"#,
            ],
            unmasked: &[
                "docker run --user 1000:1000",
                "curl --user name:password",
                "--user $USER:$PASSWORD",
                "--user-agent:mozilla5 --username:swordfish",
                "docker run --user www-data:www-data",
            ],
        },
        matching: Matching {
            boundary: Boundary::Option,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(credential::in_user_option),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "user-short-option",
            reason: "Passwords in the option `-u name:password` of curl and similar programs, also in lists of quoted \
                     arguments. Other programs have such an option for a user and a group, so words are not masked.",
            expression: concat!("-[uU]", separator!(), "?", user!(), r#"(?P<secret>[^\s"'<>:][^\s"'<>]{5,})"#),
            masked: &[
                "http -u deploy:s3cr3t-w0rd example.com",
                "  -u 'deploy:hunter2hunter2' \\\n",
                r#"["wget", "-u", "deploy:s3cr3t-w0rd"]"#,
                "fetch -udeploy:s3cr3t-w0rd example.com",
            ],
            unmasked: &[
                "docker run -u 1000:1000000",
                "docker run -u www-data:www-data",
                "docker run -u app:appgroup",
                "-u $USER:$PASSWORD",
                "git push -u origin HEAD:refs/heads/fix-123456",
                "x -u https://example.com:8080/abc",
                "x-unit:abc123456",
                "--unit:abc123456",
            ],
        },
        matching: Matching {
            boundary: Boundary::Argument,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(credential::in_short_user_option),
        },
    },
];
