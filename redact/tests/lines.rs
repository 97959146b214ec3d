//! Tests values of several lines, as they are printed by shells and programs.

use redact::Redactor;

const KEY: &str = "-----BEGIN EXAMPLE KEY-----
MIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy
vGZlGJpmn65+A4xHXInJYiPuKzrKUnApeLZ+vw1HocOAZtWK0z3r26uA8kQYOKX9
Qt/DbCdvsF9wF8gRK0ptx9M6R13NvBxvVQAp
-----END EXAMPLE KEY-----
";

const ACCOUNT: &str = r#"{
  "type": "service_account",
  "private_key": "-----BEGIN-----\nMIIEowIBAAKCAQEAy8Dbv8prpJ\n-----END-----\n",
  "scopes": [
    "one"
  ]
}
"#;

fn check(value: &str, text: &str, expected: &str) {
    let redactor = Redactor::new([value]);
    assert_eq!(redactor.redact(text.as_bytes()).to_text(), expected, "{text:?}");
    let mut stream = redactor.stream();
    let mut shown: Vec<u8> = text.bytes().flat_map(|byte| stream.push(&[byte]).into_bytes()).collect();
    shown.extend(stream.finish().into_bytes());
    assert_eq!(String::from_utf8_lossy(&shown), expected, "{text:?} byte by byte");
}

#[test]
fn a_value_is_masked_however_its_lines_are_separated() {
    for value in [KEY, ACCOUNT] {
        let trimmed = value.trim();
        for newline in ["\n", "\r\n", "\r\r\n", " ", "\n    ", "\n\n", "\\n", "\\r\\n", "\\\\n", "%0A", "+", "&#10;"] {
            let text = trimmed.replace('\n', newline);
            check(value, &format!("a {text}, b"), "a [REDACTED], b");
        }
    }
}

#[test]
fn a_value_is_masked_without_its_trailing_newline_and_with_it() {
    check(KEY, &format!("a{KEY}b"), "a[REDACTED]b");
    check(KEY, &format!("a{}b", KEY.trim_end()), "a[REDACTED]b");
    check("\n swordfish \n", "a swordfish b", "a [REDACTED] b");
    check("swordfish\n", "swordfish", "[REDACTED]");
    check("\t abc \n", "abc abcd", "[REDACTED] abcd");
}

#[test]
fn a_value_is_masked_as_shells_trace_it() {
    let escaped = KEY.trim_end().replace('\n', "\\n");
    check(KEY, &format!("+ echo $'{escaped}\\n'"), "+ echo $'[REDACTED]\\n'");
    check(KEY, &format!("+ echo '{}'", KEY.trim_end()), "+ echo '[REDACTED]'");
    let quoted = ACCOUNT.trim_end().replace('"', "\\\"");
    check(ACCOUNT, &format!("echo \"{quoted}\""), "echo \"[REDACTED]\"");
}

#[test]
fn lines_that_look_secret_are_masked_on_their_own() {
    check("abcdefgh12345678\n{", "<abcdefgh12345678> {", "<[REDACTED]> {");
    check("password: hunter2hunter2\nuser: root", "hunter2hunter2, root", "[REDACTED], root");
    check("password: hunter2hunter2\nuser: root", "password: hunter2hunter2;", "password: [REDACTED];");
    check("password: hunter2hunter2\nuser: root", "%22hunter2hunter2%22", "%22[REDACTED]%22");
}

#[test]
fn short_lines_that_look_random_are_masked_on_their_own() {
    let value = "abcd1234efgh\nijkl5678mnop\nqrst9012uvwx";
    check(value, "1 abcd1234efgh\n2 ijkl5678mnop\n3 qrst9012uvwx\n4", "1 [REDACTED]\n2 [REDACTED]\n3 [REDACTED]\n4");
    let log = "PORT=8080 swordfish eu-west-1 v1alpha1\n";
    check("eu-west-1\nswordfish\nPORT=8080\nv1alpha1\n8f14e45f", log, log);
}

#[test]
fn a_common_word_in_a_line_is_masked_only_as_a_whole_word() {
    check("user: root\npassword: admin123", "admin123 admin1234", "[REDACTED] admin1234");
}

#[test]
fn other_lines_of_a_value_are_shown() {
    let log = "{\n  \"a\": [\n    \"one\"\n  ]\n}\n";
    check(ACCOUNT, log, log);
    let commented = KEY.replace("KEY-----\nMII", "KEY-----\nComment: my own key\n\nMII");
    check(&commented, "Comment: my own key", "Comment: my own key");
    check(&commented, "Qt/DbCdvsF9wF8gRK0ptx9M6R13NvBxvVQAp", "[REDACTED]");
    check("1234567\n12345678", "<1234567> <12345678>", "<1234567> <12345678>");
    check("one two three\nfour five six", "one two three, four five six", "one two three, four five six");
    check("one two three\nfour five six", "one two three four five six", "[REDACTED]");
}

#[test]
fn a_value_that_is_cut_off_is_masked_to_the_end() {
    let head = &KEY[..150];
    check(KEY, &format!("a {head}"), "a [REDACTED]");
    check(KEY, &format!("a {}", head.replace('\n', "\r\n")), "a [REDACTED]");
    check(KEY, &format!("a {}", head.replace('\n', "\\n")), "a [REDACTED]");
}
