//! Tests random values in every syntax in which secrets are passed to programs.

use redact::{Redacted, Redactor, Rules};

use crate::dice::{Dice, for_each_seed};

const CASES: u64 = 300;

/// Texts in which `NAME` stands for a name, and `VALUE` for its value.
const ASSIGNMENTS: [&str; 28] = [
    "export NAME=VALUE\n",
    "NAME: VALUE\n",
    "app:\n  NAME: 'VALUE'\n",
    "GET /login?user=ada&NAME=VALUE&next=1 200\n",
    "GET /login?NAME=VALUE 200\n",
    "NAME='VALUE' run\n",
    "NAME=$'VALUE' run\n",
    "NAME=$\"VALUE\" run\n",
    "NAME = r\"VALUE\"\n",
    "{\"NAME\": \"VALUE\"}\n",
    "{\"body\":\"{\\\"NAME\\\":\\\"VALUE\\\"}\"}\n",
    "{\"name\": \"NAME\", \"value\": \"VALUE\"}\n",
    "{\"name\":\"NAME\",\"value\":\"VALUE\",\"type\":\"plain\"}\n",
    "{\"name\":\"NAME\",\"type\":\"plain\",\"value\":\"VALUE\"}\n",
    "{\"value\": \"VALUE\", \"name\": \"NAME\"}\n",
    "{\"value\":\"VALUE\",\"type\":\"plain\",\"name\":\"NAME\"}\n",
    "{\n  \"Key\": \"NAME\",\n  \"Value\": \"VALUE\"\n}\n",
    "{\"body\":\"{\\\"name\\\":\\\"NAME\\\",\\\"value\\\":\\\"VALUE\\\"}\"}\n",
    "{\"body\":\"{\\\"value\\\":\\\"VALUE\\\",\\\"name\\\":\\\"NAME\\\"}\"}\n",
    "- name: NAME\n  value: VALUE\n",
    "- name: \"NAME\"\r\n  value: \"VALUE\"\r\n",
    "- name: NAME\n  value: 'VALUE'\n",
    "- value: VALUE\n  name: NAME\n",
    "  + name  = \"NAME\"\n  + value = \"VALUE\"\n",
    "<add key=\"NAME\" value=\"VALUE\" />\n",
    "<name>NAME</name>\n<value>VALUE</value>\n",
    "\x1b[36mNAME\x1b[0m=\x1b[33mVALUE\x1b[0m\n",
    "- name: \x1b[36mNAME\x1b[0m\n  value: \x1b[33mVALUE\x1b[0m\n",
];

/// Texts in which `NAME` stands for the name of an option.
const OPTIONS: [&str; 10] = [
    "run --NAME VALUE x\n",
    "run --NAME=VALUE x\n",
    "[\"run\", \"--NAME\", \"VALUE\"]\n",
    "['run', '--NAME', 'VALUE']\n",
    "[\"--NAME\",\"VALUE\"]\n",
    "{\"body\":\"[\\\"--NAME\\\",\\\"VALUE\\\"]\"}\n",
    "[\n  \"--NAME\",\n  \"VALUE\"\n]\n",
    "running \"run\" \"--NAME\" \"VALUE\"\n",
    "args:\n  - --NAME\n  - VALUE\n",
    "args: [--NAME, VALUE]\n",
];

/// Texts in which `VALUE` stands for a password in an argument.
const USERS: [&str; 13] = [
    "curl -u deploy:VALUE https://example.com\n",
    "curl -sSu deploy:VALUE https://example.com\n",
    "curl -udeploy:VALUE https://example.com\n",
    "curl --silent \\\n  -u 'deploy:VALUE' \\\n  https://example.com\n",
    "curl -H 'Accept: text/plain' -u \"deploy:VALUE\" https://example.com\n",
    "curl --user deploy:VALUE https://example.com\n",
    "[\"curl\", \"-u\", \"deploy:VALUE\"]\n",
    "[\"curl\", \"--user\", \"deploy:VALUE\"]\n",
    "http -u deploy:VALUE example.com\n",
    "sshpass -p VALUE ssh example.com\n",
    "docker login -u deploy -p VALUE example.com\n",
    "mysql -u root -pVALUE app\n",
    "redis-cli -h cache -a VALUE ping\n",
];

/// Returns random letters and digits, at least one of each, which could be neither a word nor a number.
fn value(dice: &mut Dice) -> String {
    const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random: String = (0..8 + dice.below(24)).map(|_| char::from(CHARACTERS[dice.below(62)])).collect();
    format!("q7{random}R2")
}

fn redact(dice: &mut Dice, redactor: &Redactor, text: &str) -> String {
    let (mut stream, mut shown, mut rest) = (redactor.stream(), Redacted::new(), text.as_bytes());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + dice.below(rest.len()));
        shown.append(&stream.push(piece));
        rest = after;
    }
    shown.append(&stream.finish());
    shown.to_string()
}

/// Checks that a mask replaces the value in `text`, and nothing else.
#[track_caller]
fn check(dice: &mut Dice, redactor: &Redactor, text: &str) {
    let value = value(dice);
    let shown = redact(dice, redactor, &text.replace("VALUE", &value));
    let (before, after) = text.split_once("VALUE").expect("the text contains a value");
    let rule = shown.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let is_mask = rule.is_some_and(|rule| rule.starts_with("[REDACTED:") && rule.ends_with(']'));
    assert!(is_mask, "{value} in {text:?} becomes {shown:?}");
}

#[test]
fn a_value_with_a_secret_name_is_masked_in_every_syntax() {
    let redactor = Redactor::with_rules::<_, &[u8]>([], &Rules::built_in());
    for_each_seed(CASES, |dice| {
        let names = ["DB_PASSWORD", "API_TOKEN", "clientSecret", "AWS_SECRET_ACCESS_KEY", "db_passwd"];
        for text in ASSIGNMENTS {
            let name = names[dice.below(names.len())];
            check(dice, &redactor, &text.replace("NAME", name));
        }
        let names = ["password", "token", "db-password", "api-key", "client-secret"];
        for text in OPTIONS {
            let name = names[dice.below(names.len())];
            check(dice, &redactor, &text.replace("NAME", name));
        }
        for text in USERS {
            check(dice, &redactor, text);
        }
    });
}

#[test]
fn a_value_with_another_name_is_shown_in_every_syntax() {
    let redactor = Redactor::with_rules::<_, &[u8]>([], &Rules::built_in());
    for_each_seed(CASES / 10, |dice| {
        for text in ASSIGNMENTS {
            let name = ["DB_USER", "TOKEN_URL", "PASSWORD_FILE", "CACHE_KEY", "tokenizer"][dice.below(5)];
            let text = text.replace("NAME", name).replace("VALUE", &value(dice));
            assert_eq!(redact(dice, &redactor, &text), text);
        }
        for text in OPTIONS {
            let name = ["user", "token-url", "password-file", "cache-key", "tokenizer"][dice.below(5)];
            let text = text.replace("NAME", name).replace("VALUE", &value(dice));
            assert_eq!(redact(dice, &redactor, &text), text);
        }
    });
}

#[test]
fn a_placeholder_is_shown_in_every_syntax() {
    let redactor = Redactor::with_rules::<_, &[u8]>([], &Rules::built_in());
    for_each_seed(1, |dice| {
        for placeholder in ["${SECRET}", "********", "<secret>", "{{ secret }}", "xxxxxxxx", ""] {
            // In a command line without a password, the next argument takes its place.
            let users = if placeholder.is_empty() { &[] } else { &USERS[..] };
            for (texts, name) in [(&ASSIGNMENTS[..], "DB_PASSWORD"), (&OPTIONS, "password"), (users, "")] {
                for text in texts {
                    let text = text.replace("NAME", name).replace("VALUE", placeholder);
                    assert_eq!(redact(dice, &redactor, &text), text);
                }
            }
        }
    });
}
