//! Assignments to secret-like names in the usual syntaxes.
//!
//! Each expression begins with the word that makes a name secret-like, such as `password` in `db_password_prod`. The
//! text before that word is examined separately (`names`), and [`credential`] examines the rest of the name together
//! with the value. Up to the end of the name, all rules share one candidate (`names`).

use super::{Beginning, Boundary, GeneralRule, LONG_VALUE, Matching};
use crate::rules::credential;
use crate::rules::table::TableRule;

/// A name, beginning with its secret-like word. The length is limited, because a long name may contain many such words,
/// each of which begins a candidate.
macro_rules! name {
    () => {
        concat!(
            "(?i:pass|pwd|sshpass|secret|token|credential|key|auth|",
            "access[_-]?(?:token|key)|api[_-]?(?:token|key)|private[_-]?key)",
            "[A-Za-z0-9_-]{0,64}",
        )
    };
}

/// The text between a name and the assignment: quotation marks, escaped or not, and the closing bracket of an index.
macro_rules! name_end {
    () => {
        r#"(?:\\*["'])?\]?"#
    };
}

/// Up to two other members between the two members of a pair, such as a type, and the white space before and after
/// them.
macro_rules! between {
    () => {
        concat!(
            r"[ \t\r\n+<]*",
            r#"(?:\\*["']?[A-Za-z_]+\\*["']?[ \t]*[:=][ \t]*\\*["']?[A-Za-z0-9_./-]*\\*["']?[ \t\r\n,+]+){0,2}"#,
        )
    };
}

/// The text between a secret-like name and its value in a pair: the end of the name, and `value` with its sign.
macro_rules! name_to_value {
    () => {
        concat!(
            r#"(?:\\*["'][ \t]*(?:[,;]|\\[nr])?|[ \t]*(?:[,;]|\r?\n|\\[nr])|</[A-Za-z]+>)"#,
            between!(),
            r#"\\*["']?(?i:value)\\*["']?[ \t]*(?:=>|[:=>])[ \t]*"#,
        )
    };
}

/// The part of a pair whose value comes first: `value`, the value itself, and the beginning of the name.
macro_rules! value_to_name {
    () => {
        concat!(
            r#"(?i:value)\\*["']?[ \t]*[:=][ \t]*\\*["']?(?P<secret>[^\s"'\\<>,]{6,})"#,
            r#"\\*["']?(?:,|[ \t]|\r?\n|\\[nr])"#,
            between!(),
            r#"\\*["']?(?i:name|key)\\*["']?[ \t]*[:=][ \t]*\\*["']?[A-Za-z0-9_.-]*"#,
        )
    };
}

/// The bytes of an unquoted value. The last byte must not be punctuation that ends a sentence or a list item.
macro_rules! unquoted {
    ($count:literal) => {
        concat!("[!#$%*+./0-9:=?@A-Z\\[\\]^_a-z{}~-]{", $count, ",}[!#$%*+/0-9=?@A-Z^_a-z~-]")
    };
}

const fn rule(rule: TableRule, accepts: fn(&[u8], &[u8]) -> bool) -> GeneralRule {
    let matching = Matching {
        boundary: Boundary::Name,
        beginning: Beginning::Name,
        certain: Some(LONG_VALUE),
        accepts: Some(accepts),
    };
    GeneralRule { rule, matching }
}

pub(super) const RULES: &[GeneralRule] = &[
    rule(
        TableRule {
            id: "secret-in-double-quotes",
            reason: "Values in double quotation marks that are assigned to a secret-like name, as in JSON, YAML, TOML \
                     and source code.",
            expression: concat!(
                name!(),
                name_end!(),
                r#"[ \t]*(?:=>|:=|[:=])[ \t]*(?:Some\(|[$@bfruBFRU]{1,2})?"(?P<secret>(?:[^"\\\r\n]|\\[^\r\n]){6,})"#,
            ),
            masked: &[
                r#"{"password": "swordfish"}"#,
                r#"clientSecret: Some("8f14e45f-ceea-467a")"#,
                r#"export API_KEY="0123456789abcdef""#,
                r#"headers["X-Auth-Token"] = "a1b2c3d4e5f6""#,
                r#"{"db_password":"with\"a-quote"}"#,
                r#"PASSWORD=$"swordfish""#,
                r#"password = r"swordfish""#,
            ],
            unmasked: &[
                r#"{"password": ""}"#,
                r#"{"token": null, "tokens": "12345678"}"#,
                r#"password: "********""#,
                r#"PASSWORD="$DB_PASSWORD""#,
                r#"{"password": "Enter your password"}"#,
                r#"{"token_type": "bearer-token-1"}"#,
                r#"token = "identifier""#,
            ],
        },
        credential::in_quotes,
    ),
    rule(
        TableRule {
            id: "secret-in-single-quotes",
            reason: "Values in single quotation marks that are assigned to a secret-like name, as in shells, Python, \
                     PHP and YAML, and in the quotation marks `$'...'` of shells.",
            expression: concat!(
                name!(),
                name_end!(),
                r#"[ \t]*(?:=>|:=|[:=])[ \t]*(?:\$|[bfruBFRU]{1,2})?'(?P<secret>(?:[^'\\\r\n]|\\[^\r\n]){6,})"#,
            ),
            masked: &[
                "password='swordfish'",
                "password = rb'swordfish'",
                "{'api_key': 'a1b2c3d4e5f6'}",
                "'secret' => 'a1b2c3d4e5f6',",
                "DB_PASSWORD=$'swordfish'",
                r"+ TOKEN=$'a1b2\'c3d4e5f6'",
                r"export API_KEY=$'a1b2c3d4\ne5f6'",
                r"password = 'sword\'fish'",
            ],
            unmasked: &[
                "password=''",
                "token = 'identifier'",
                "secret: '{{ vault_secret }}'",
                "PASSWORD=$''",
                "TOKEN=$'identifier'",
                "PASSWORD=$'${DB_PASSWORD}'",
            ],
        },
        credential::in_quotes,
    ),
    rule(
        TableRule {
            id: "secret-in-escaped-quotes",
            reason: "Values in escaped quotation marks that are assigned to a secret-like name, as in JSON within JSON.",
            expression: concat!(
                name!(),
                name_end!(),
                r#"[ \t]*(?:=>|:=|[:=])[ \t]*\\+["'](?P<secret>[^"'\\\r\n]{6,})"#,
            ),
            masked: &[r#"{"body":"{\"password\":\"swordfish\",\"id\":1}"}"#, r#"\\"token\\": \\"a1b2c3d4e5f6\\""#],
            unmasked: &[r#"{"body":"{\"password\":\"\",\"id\":1}"}"#, r#"\"token\": \"identifier\""#],
        },
        credential::in_quotes,
    ),
    rule(
        TableRule {
            id: "secret-assignment",
            reason: "Values after an equals sign that are assigned to a secret-like name, as in shells, query strings, \
                     forms, options, properties and log fields.",
            expression: concat!(name!(), name_end!(), r"[ \t]*(?:=|%3[Dd])[ \t]*(?P<secret>", unquoted!("5"), ")",),
            masked: &[
                "export DB_PASSWORD=swordfish",
                "GET /v1/items?access_token=a1b2c3d4e5f6&page=2",
                "mysql --password=hunter2",
                "minio_secret_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "npm config: //registry.example.com/:_authToken=0123456789abcdef",
                "level=info user=a token=a1b2c3d4e5f6, next",
                "PGPASSWORD=swordfish psql",
                "MYSQL_PWD=swordfish",
                "DB_PASS=swordfish",
                "STRIPE_KEY=a1b2c3d4e5f6",
                "export MYAPITOKEN=a1b2c3d4e5f6",
                "REDISCLI_AUTH=a1b2c3d4e5f6 redis-cli",
                "//registry.example.com/:_auth=a1b2c3d4e5f6",
                "SSHPASS=swordfish",
            ],
            unmasked: &[
                "PASSWORD=$1",
                "TOKEN=${TOKEN:-none}",
                "token=$(cat file)",
                "let token = parser.next_token();",
                "password=/run/secrets/password",
                "MAX_TOKENS=4096",
                "token_url=https://example.com/token1",
                "password=[REDACTED]",
                "secret=true",
                "for token in tokens: token == last_token2",
                "KEY=a1b2c3d4e5f6 CACHE_KEY=a1b2c3d4e5f6",
                "PWD=/home/a OLDPWD=swordfish",
                "auth=a1b2c3d4e5f6 bypass=a1b2c3d4e5f6",
                "pass=swordfish fail=0",
                "DB_PASS=${DB_PASS}",
            ],
        },
        credential::in_assignment,
    ),
    rule(
        TableRule {
            id: "secret-field",
            reason: "Values after a colon that belong to a secret-like name, as in YAML and HTTP headers.",
            expression: concat!(
                name!(),
                name_end!(),
                r"[ \t]*:[ \t]*(?P<secret>[!#$%*+./0-9=?@A-Z\[\]^_a-z{}~-]",
                unquoted!("6"),
                ")",
            ),
            masked: &[
                "password: hunter2hunter2",
                "X-Api-Key: 8f14e45fceea167a",
                "Ocp-Apim-Subscription-Key: 8f14e45fceea167a",
                "pass: hunter2hunter2",
                "  clientSecret: Zx81-pQ4u_99\n",
            ],
            unmasked: &[
                "error: unexpected token: expected one of `;`",
                "secret: kubernetes.io/service-account-token",
                "password: incorrect",
                "token: Token::Ident(1)",
                "eq_token: Token![=],",
                "api_key: 12345678",
                "Password for user x: ",
                "token: 1.2.3-beta4",
                "credentials: 2024-05-01T12:00:00Z",
                "secret: src/secret/mod2.rs:12:5",
                "pass: 12 fail: 0",
                "CLIENT_AUTH: _ASN1Object(nid=130)",
                "PASS: 01-foo2bar",
                "pass: tests/foo2bar.sh",
                "key: 8f14e45fceea167a",
                "auth: 8f14e45fceea167a",
            ],
        },
        credential::in_field,
    ),
    GeneralRule {
        rule: TableRule {
            id: "secret-option",
            reason: "Values of command-line options with a secret-like name.",
            expression: concat!(
                name!(),
                r#"[ \t]+["']?(?P<secret>[!#$%*+./0-9=?@A-Z\[\]^_a-z{}~]"#,
                unquoted!("6"),
                ")",
            ),
            masked: &[
                "deploy --api-key a1b2c3d4e5f6",
                "mysqldump --password 'hunter2hunter2' app",
                "deploy --pass hunter2hunter2",
            ],
            unmasked: &["--token <TOKEN>", "--password-stdin registry1.example.com", "--token TOKEN  The token to use"],
        },
        matching: Matching {
            boundary: Boundary::Option,
            beginning: Beginning::Name,
            certain: Some(LONG_VALUE),
            accepts: Some(credential::in_field),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "secret-in-arguments",
            reason: "Values of command-line options with a secret-like name in lists of quoted arguments, such as JSON \
                     arrays and the debug output of programs.",
            expression: concat!(name!(), r#"\\*["'][ \t]*,?[ \t\r\n]*\\*["'](?P<secret>[^"'\\\r\n-][^"'\\\r\n]{5,})"#,),
            masked: &[
                r#"["mysql", "--password", "swordfish"]"#,
                r#"cmd: ["deploy","--token","a1b2c3d4e5f6"]"#,
                r#"{"body":"[\"--db-password\",\"swordfish\"]"}"#,
                r#"running "deploy" "--api-key" "a1b2c3d4e5f6""#,
                "['--password', 'swordfish']",
                "[\n  \"--password\",\n  \"swordfish\"\n]",
            ],
            unmasked: &[
                r#"["--password", "--user"]"#,
                r#"["--token", "TOKEN", "The token to use"]"#,
                r#"["--password", "$DB_PASSWORD"]"#,
                r#"["--password-file", "swordfish1"]"#,
                r#"["password", "swordfish"]"#,
            ],
        },
        matching: Matching {
            boundary: Boundary::Option,
            beginning: Beginning::Name,
            certain: Some(LONG_VALUE),
            accepts: Some(credential::in_quotes),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "secret-in-argument-list",
            reason: "Values of command-line options with a secret-like name in lists of YAML, such as the arguments of \
                     containers.",
            expression: concat!(
                name!(),
                r#"(?:["']?[ \t]*\r?\n[ \t]*-[ \t]+["']?|,[ \t]*)"#,
                r#"(?P<secret>[^\s"'\\,\[\]{}-][^\s"'\\,\[\]{}]{5,})"#,
            ),
            masked: &[
                "args:\n  - --password\n  - swordfish\n",
                "  - \"--token\"\r\n  - \"a1b2c3d4e5f6\"\r\n",
                "args: [--password, swordfish]",
            ],
            unmasked: &[
                "  - --password\n  - --username\n",
                "  - --token\n  - identifier\n",
                "  - --password\nswordfish1\n",
                "  - --password\n  - $(DB_PASSWORD)\n",
            ],
        },
        matching: Matching {
            boundary: Boundary::Option,
            beginning: Beginning::Name,
            certain: Some(LONG_VALUE),
            accepts: Some(credential::in_quotes),
        },
    },
    rule(
        TableRule {
            id: "secret-pair-in-double-quotes",
            reason: "Values in double quotation marks that follow a secret-like name as a pair of `name` and `value`, as \
                     in lists of environment variables.",
            expression: concat!(name!(), name_to_value!(), r#""(?P<secret>(?:[^"\\\r\n]|\\[^\r\n]){6,})"#),
            masked: &[
                r#"{"name": "DB_PASSWORD", "value": "swordfish"}"#,
                r#"{"Key":"ApiToken","Value":"a1b2c3d4e5f6"}"#,
                r#"{"name":"DB_PASSWORD","type":"PLAINTEXT","value":"swordfish"}"#,
                "- name: DB_PASSWORD\n  value: \"swordfish\"\n",
                "{\n  \"name\": \"DB_PASSWORD\",\n  \"value\": \"swordfish\"\n}",
                "  + name  = \"DB_PASSWORD\"\n  + value = \"swordfish\"\n",
                r#"<add key="DbPassword" value="swordfish" />"#,
            ],
            unmasked: &[
                r#"{"name": "DB_PASSWORD", "value": ""}"#,
                r#"{"name": "DB_PASSWORD", "value": "${DB_PASSWORD}"}"#,
                r#"{"name": "DB_USER", "value": "swordfish"}"#,
                r#"{"name": "TOKEN_URL", "value": "a1b2c3d4e5f6"}"#,
                r#"{"name": "DB_PASSWORD", "valueFrom": "arn:aws:ssm:parameter1"}"#,
                r#"{"name": "token", "value": "identifier"}"#,
            ],
        },
        credential::in_quotes,
    ),
    rule(
        TableRule {
            id: "secret-pair-in-single-quotes",
            reason: "Values in single quotation marks that follow a secret-like name as a pair of `name` and `value`, as \
                     in YAML and Python.",
            expression: concat!(name!(), name_to_value!(), r#"'(?P<secret>[^'\r\n]{6,})"#),
            masked: &["- name: DB_PASSWORD\n  value: 'swordfish'\n", "{'name': 'API_KEY', 'value': 'a1b2c3d4e5f6'}"],
            unmasked: &["- name: DB_PASSWORD\n  value: ''\n", "{'name': 'API_KEY', 'value': 'identifier'}"],
        },
        credential::in_quotes,
    ),
    rule(
        TableRule {
            id: "secret-pair",
            reason: "Values without quotation marks, or with escaped ones, that follow a secret-like name as a pair of \
                     `name` and `value`, as in manifests of Kubernetes, XML and JSON within JSON.",
            expression: concat!(name!(), name_to_value!(), r#"(?:\\+["'])?(?P<secret>[^\s"'\\<>,]{6,})"#),
            masked: &[
                "- name: DB_PASSWORD\n  value: swordfish\n",
                "    - name: API_TOKEN\r\n      value: a1b2c3d4e5f6\r\n",
                r#"{"body":"{\"name\":\"DB_PASSWORD\",\"value\":\"swordfish\"}"}"#,
                "<name>db_password</name>\n  <value>swordfish</value>",
                "{ name: DB_PASSWORD, value: swordfish }",
            ],
            unmasked: &[
                "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: swordfish1\n",
                "- name: DB_PASSWORD\n  value: $(OTHER_PASSWORD)\n",
                "- name: API_TOKEN\n  value: identifier\n",
                "- name: DB_USER\n  value: swordfish1\n",
                "the password\nvalue of the field is wrong1",
            ],
        },
        credential::in_quotes,
    ),
    GeneralRule {
        rule: TableRule {
            id: "password-pair",
            reason: "Values that come before the name of a password as a pair of `value` and `name`.",
            expression: concat!(value_to_name!(), r"(?i:pass(?:word|wd|phrase)|_pass|_pwd|sshpass)"),
            masked: &[
                r#"{"value": "swordfish", "name": "DB_PASSWORD"}"#,
                r#"{"value":"swordfish","type":"PLAINTEXT","name":"DB_PASSWORD"}"#,
                r#"{"body":"{\"value\":\"swordfish\",\"name\":\"DB_PASSWORD\"}"}"#,
                "- value: swordfish\n  name: DB_PASSWORD\n",
                r#"<add value="swordfish" key="DbPassword" />"#,
            ],
            unmasked: &[
                r#"{"value": "", "name": "DB_PASSWORD"}"#,
                r#"{"value": "swordfish", "name": "DB_PASSWORD_FILE"}"#,
                r#"{"value": "swordfish", "name": "DB_USER"}"#,
                "- value: $(OTHER)\n  name: DB_PASSWORD\n",
                r#"{"value": "Enter your password", "name": "password"}"#,
            ],
        },
        matching: Matching {
            boundary: Boundary::Token,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(|_, secret| credential::is_password(secret)),
        },
    },
    GeneralRule {
        rule: TableRule {
            id: "token-pair",
            reason: "Values that come before the name of a token or key as a pair of `value` and `name`.",
            expression: concat!(
                value_to_name!(),
                r"(?i:token|secret|credentials?|(?:api|access|private|secret|signing|encryption)[_-]?key)",
            ),
            masked: &[
                r#"{"value": "a1b2c3d4e5f6", "name": "API_TOKEN"}"#,
                r#"{"Value":"a1b2c3d4e5f6","Key":"clientSecret"}"#,
                "- value: 'a1b2c3d4e5f6'\n  name: AWS_SECRET_ACCESS_KEY\n",
            ],
            unmasked: &[
                r#"{"value": "identifier", "name": "API_TOKEN"}"#,
                r#"{"value": "a1b2c3d4e5f6", "name": "TOKEN_URL"}"#,
                r#"{"value": "a1b2c3d4e5f6", "name": "CACHE_KEY"}"#,
            ],
        },
        matching: Matching {
            boundary: Boundary::Token,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(|_, secret| credential::is_token(secret)),
        },
    },
    rule(
        TableRule {
            id: "secret-element",
            reason: "The content of XML elements with a secret-like name, such as those of Maven's settings.",
            expression: concat!(name!(), r#">(?P<secret>[^<>\s]{6,})"#),
            masked: &["<server><password>swordfish</password></server>", "<apiKey>a1b2c3d4e5f6</apiKey>"],
            unmasked: &["<password></password>", "<password>${env.PASSWORD}</password>", "Vec<Token>::new()"],
        },
        credential::in_quotes,
    ),
    GeneralRule {
        rule: TableRule {
            id: "connection-string",
            reason: "Passwords in connection strings for databases, where `Pwd` is short for `Password`.",
            expression: r"(?i:;[ ]?pwd[ ]?=)[ ]?(?P<secret>[^\s;]{6,128})",
            masked: &["Server=db;Uid=app;Pwd=hunter2;"],
            unmasked: &["cd /tmp; pwd", "a;PWD=$HOME;"],
        },
        matching: Matching {
            boundary: Boundary::None,
            beginning: Beginning::Literal,
            certain: None,
            accepts: Some(|_, secret| credential::is_password(secret)),
        },
    },
];
