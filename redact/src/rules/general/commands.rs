//! Passwords in the arguments of commands that take them in a short option, where they may be any word.

use super::{Beginning, Boundary, GeneralRule, Matching};
use crate::rules::credential;
use crate::rules::table::TableRule;

/// White space between two arguments, which may include the end of a line that continues on the next one.
macro_rules! gap {
    () => {
        r"(?:[ \t]|\\\r?\n)+"
    };
}

/// Arguments that do not begin with the option, which is given by its letters.
macro_rules! arguments_until {
    ($letters:literal) => {
        concat!("(?:", gap!(), r"(?:-|-[^\s", $letters, r"][^\s]*|[^\s\\-][^\s]*))*", gap!())
    };
}

/// The value of an option.
const VALUE: Matching = Matching {
    boundary: Boundary::Token,
    beginning: Beginning::Literal,
    certain: None,
    accepts: Some(|_, secret| credential::is_password(secret)),
};

pub(super) const RULES: &[GeneralRule] = &[
    GeneralRule {
        rule: TableRule {
            id: "curl-password",
            reason: "Passwords in the option `-u name:password` in a command line of curl, where they may be any word.",
            // An argument before the option begins with `-` and does not end with `u`, or begins with something else.
            expression: concat!(
                "curl(?:",
                gap!(),
                r"(?:-|-[^\suU]|-[^\suU][^\s]*[^\suU\\]|[^\s\\-][^\s]*))*",
                gap!(),
                r#"-[A-Za-z]*[uU](?:=|[ \t]+)?["']?[^\s:"'<>\[\]=,\\]+:(?P<secret>[^\s"'<>]{6,})"#,
            ),
            masked: &[
                "curl -u deploy:swordfish https://example.com",
                "+ curl -s -X POST -H 'Accept: text/plain' -u \"deploy:swordfish\" https://example.com",
                "curl -fsSu deploy:swordfish https://example.com",
                "curl --silent \\\n  -u deploy:swordfish \\\n  https://example.com",
            ],
            unmasked: &[
                "curl -u deploy https://example.com:8080/abcdef",
                "curl -u name:password https://example.com",
                "curl -u $USER:$PASSWORD https://example.com",
                "curl -s https://example.com\ndocker run -u app:appgroup",
            ],
        },
        matching: VALUE,
    },
    GeneralRule {
        rule: TableRule {
            id: "sshpass-option",
            reason: "Passwords in the option `-p` of sshpass.",
            expression: r#"sshpass[ \t]+-p[ \t]*["']?(?P<secret>[^\s"'<>]{6,})"#,
            masked: &["sshpass -p swordfish ssh deploy@example.com", "sshpass -p'swordfish' scp a b:"],
            unmasked: &["sshpass -p $PASSWORD ssh a", "sshpass -e ssh a", "sshpass -f password1 ssh a"],
        },
        matching: VALUE,
    },
    GeneralRule {
        rule: TableRule {
            id: "registry-login",
            reason: "Passwords in the option `-p` of `docker login` and `podman login`.",
            expression: concat!(
                "(?:docker|podman) login",
                arguments_until!("p"),
                r#"-p(?:=|[ \t]+)?["']?(?P<secret>[^\s"'<>=][^\s"'<>]{5,})"#,
            ),
            masked: &[
                "docker login -u deploy -p swordfish registry.example.com",
                "podman login registry.example.com -p=swordfish -u deploy",
            ],
            unmasked: &[
                "docker login -u deploy --password-stdin registry.example.com",
                "docker login -p $PASSWORD",
                "docker run -p swordfish",
            ],
        },
        matching: VALUE,
    },
    GeneralRule {
        rule: TableRule {
            id: "mysql-option",
            reason: "Passwords in the option `-p` of the clients of MySQL, which follow it without a space.",
            expression: concat!(
                "mysql(?:dump|admin|import|show|check)?",
                arguments_until!("p"),
                r#"-p["']?(?P<secret>[^\s"'<>]{6,})"#,
            ),
            masked: &["mysql -u root -pswordfish app", "mysqldump --single-transaction -uroot -p'swordfish' app"],
            unmasked: &[
                "mysql -u root -p database",
                "mysql -u root -p$PASSWORD app",
                "mysql --protocol=tcp --port=33060 app",
            ],
        },
        matching: VALUE,
    },
    GeneralRule {
        rule: TableRule {
            id: "redis-option",
            reason: "Passwords in the option `-a` of redis-cli.",
            expression: concat!("redis-cli", arguments_until!("a"), r#"-a[ \t]+["']?(?P<secret>[^\s"'<>]{6,})"#,),
            masked: &["redis-cli -h cache -a swordfish ping", "redis-cli -a 'swordfish' info"],
            unmasked: &[
                "redis-cli -a $PASSWORD ping",
                "redis-cli -h cache get swordfish",
                "redis-cli --askpass ping swordfish",
            ],
        },
        matching: VALUE,
    },
];
