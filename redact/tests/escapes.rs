//! Tests values that contain text that looks like an escape, and values next to such text.

use redact::Redactor;

fn check(value: &str, text: &str, expected: &str) {
    let redactor = Redactor::new([value]);
    assert_eq!(redactor.redact(text.as_bytes()).to_text(), expected, "{value:?} in {text:?}");
    let mut stream = redactor.stream();
    let mut shown: Vec<u8> = text.bytes().flat_map(|byte| stream.push(&[byte]).into_bytes()).collect();
    shown.extend(stream.finish().into_bytes());
    assert_eq!(String::from_utf8_lossy(&shown), expected, "{value:?} in {text:?}, byte by byte");
}

#[test]
fn escapes_in_a_value_may_be_protected_or_not() {
    for value in
        [r#"qc"ZB\?1&%98(Pq"#, r"a'_|%;Q'o-%5c}5\>Dq", r"qi !f] \%45q", "a&amp;b%26c&lt;d", r"a\\nbc\\u0041d\nefg"]
    {
        let json = value.replace('\\', r"\\").replace('"', "\\\"");
        let ascii = value.replace('\\', r"\u005c").replace('"', r"\u0022");
        let percent = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        let html = value.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;");
        for text in [value, &json, &ascii, &percent(value), &percent(&json), &html, &percent(&html)] {
            check(value, &format!("<{text}>"), "<[REDACTED]>");
        }
    }
}

#[test]
fn text_before_a_value_does_not_swallow_its_beginning() {
    check("new\"value", r#"C:\\new\"value"#, r"C:\\[REDACTED]");
    check("new\"value", r#"\'\\new\"value"#, r"\'\\[REDACTED]");
    check("new\"value", r#"C:\new\"value"#, r"C:\[REDACTED]");
    check("41/value", "x%41%2Fvalue", "x%[REDACTED]");
    check("lt;\"value", "x&lt;&quot;value", "x&[REDACTED]");
    check("new\"value", "%5C%5Cnew%5C%22value", "%5C%5C[REDACTED]");
    check("41/value", "%2541%2Fvalue", "%25[REDACTED]");
    check("lt;\"value", "&amp;lt;&quot;value", "&amp;[REDACTED]");
}

#[test]
fn the_backslash_of_an_escape_that_is_none_is_masked() {
    check("xzabcdefg", r"<\xzabcdefg>", "<[REDACTED]>");
    check("Abcdefgh", r"<\%41bcdefgh>", "<[REDACTED]>");
}

#[test]
fn a_short_value_is_not_searched_for_in_escaped_text() {
    let text = "<%61-%62> <\\u0061-b>";
    assert_eq!(Redactor::new(["a-b", "swordfish"]).redact(text.as_bytes()).to_text(), text);
}

#[test]
fn an_underscore_at_the_end_is_part_of_a_value() {
    check("password-1_", "<password-1> <password-1_>", "<password-1> <[REDACTED]>");
}

#[test]
fn text_after_a_value_does_not_swallow_its_end() {
    check("password\\", r"password\\new", r"[REDACTED]\new");
    check("pass\"word%", "pass%22word%2541", "[REDACTED]%2541");
    check("pass\"word&", "pass&quot;word&amp;lt;", "[REDACTED]&amp;lt;");
    check("&password", "&amp;password &password", "[REDACTED] [REDACTED]");
    check("swordfish&a", "swordfish& swordfish&b.", "[REDACTED]& [REDACTED]&b.");
    check("swordfish&ab", "swordfish& swordfish&b.", "swordfish& swordfish&b.");
}

#[test]
fn an_incomplete_escape_at_the_end_is_masked_with_the_value_that_it_cuts_off() {
    check("password\"1234", "password\\", "[REDACTED]");
    check("password\"1234", "password%2", "[REDACTED]");
    check("password\"1234", "passwo%2", "passwo%2");
}

#[test]
fn an_incomplete_escape_at_the_end_does_not_show_the_escaped_text_before_it() {
    let value = "u0041/|&PK-_v8UtEt)Vh,w?l{q";
    let json: String = value.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let percent: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for escaped in [&json, &percent] {
        let escape = escaped.len() / value.len();
        for end in 8 * escape..escaped.len() {
            check(value, &escaped[..end], "[REDACTED]");
        }
    }
    check(value, "u0041%2f|%5c%26%50%4", "[REDACTED]");
    check(value, "u0041%2f|\\u0026\\u0050%4", "[REDACTED]");
}

#[test]
fn a_value_with_a_long_run_of_escapes_is_masked_however_often_it_is_escaped() {
    let json = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
    for value in [format!("q{}bcdefgh", "\\".repeat(20)), format!("q{}\"bcdefgh", "\\".repeat(100))] {
        let thrice = json(&json(&json(&value)));
        for text in [&value, &json(&value), &thrice] {
            check(&value, &format!("<{text}>"), "<[REDACTED]>");
        }
    }
    check("q%41bcdefgh", &format!("<q%{}41bcdefgh>", "25".repeat(50)), "<[REDACTED]>");
    check("q&bcdefgh", &format!("<q&{}bcdefgh>", "amp;".repeat(50)), "<[REDACTED]>");
}

#[test]
fn a_character_beyond_16_bits_may_be_escaped_as_two_halves() {
    for backslashes in 1..=64 {
        let backslashes = "\\".repeat(backslashes);
        check("pass😀word", &format!("<pass{backslashes}ud83d{backslashes}ude00word>"), "<[REDACTED]>");
    }
    let far = format!("<pass\\ud83d{}ude00word>", "\\".repeat(65));
    check("pass😀word", &far, &far);
}

#[test]
fn a_control_character_may_be_printed_as_a_letter() {
    let letters = [('a', '\x07'), ('b', '\x08'), ('e', '\x1b'), ('E', '\x1b'), ('f', '\x0c'), ('v', '\x0b')];
    for (letter, char) in letters.into_iter().chain([('n', '\n'), ('r', '\r'), ('t', '\t')]) {
        check(&format!("q{char}bcdefgh"), &format!("<q\\{letter}bcdefgh>"), "<[REDACTED]>");
    }
}

#[test]
fn a_character_of_latin_1_may_be_printed_as_a_byte() {
    // Python's `ascii` escapes all non-ASCII characters. Its `repr` escapes only control characters.
    check("pässwörd-12345", r"<p\xe4ssw\xf6rd-12345>", "<[REDACTED]>");
    check("pässwörd\u{a0}12345", r"<p\xe4ssw\xf6rd\xa012345>", "<[REDACTED]>");
    check("pässwörd\u{a0}12345", r"<pässwörd\xa012345>", "<[REDACTED]>");
    check("pässwörd\u{ad}12345", r"<pässwörd\xad12345>", "<[REDACTED]>");
    check("pässwörd\u{80}12345", r"<pässwörd\x8012345>", "<[REDACTED]>");
}
