//! Tests which bytes of a possible secret are held back, and how many of them a pause may show.

use redact::RedactStream;

use crate::stream::redactor;

/// Pushes each text and calls `release` after it. Returns the output of both calls.
fn run(stream: &mut RedactStream, texts: &[&str]) -> Vec<(String, String)> {
    let each = |text: &&str| (stream.push(text.as_bytes()).to_string(), stream.release().to_string());
    texts.iter().map(each).collect()
}

fn check(texts: &[&str], expected: &[(&str, &str)]) {
    let mut stream = redactor([]).stream();
    let shown = run(&mut stream, texts);
    let shown: Vec<_> = shown.iter().map(|(pushed, released)| (pushed.as_str(), released.as_str())).collect();
    assert_eq!(shown, expected, "{texts:?}");
}

#[test]
fn a_pause_shows_a_short_beginning_of_a_token_and_the_rest_is_masked() {
    check(
        &["a exa_012", "3456789abcdefghij ", "."],
        &[("a ", "exa_012"), ("[REDACTED:example-token] ", ""), (".", "")],
    );
}

#[test]
fn a_pause_never_shows_eight_bytes_of_a_token() {
    check(&["a exa_0123", "456789abcdefghij", " "], &[("a ", ""), ("", ""), ("[REDACTED:example-token] ", "")]);
}

#[test]
fn a_pause_shows_the_constant_beginning_of_a_token_only_if_it_is_short() {
    check(&["a github_", "pat_none "], &[("a ", "github_"), ("pat_none ", "")]);
    check(&["a github_p", "at_none "], &[("a ", ""), ("github_pat_none ", "")]);
}

#[test]
fn a_prompt_for_a_password_is_not_held() {
    for prompt in ["Password: ", "Password for user x: ", "Enter the token: ", "api_key=", "token: "] {
        check(&[prompt], &[(prompt, "")]);
    }
}

#[test]
fn a_pause_never_shows_half_of_a_password() {
    check(&["password=hu", "nter2 "], &[("password=", "hu"), ("[REDACTED:secret-assignment] ", "")]);
    check(&["password=hun", "ter2 "], &[("password=", ""), ("[REDACTED:secret-assignment] ", "")]);
}

#[test]
fn the_header_of_a_key_is_shown_by_a_pause_and_its_content_is_not() {
    check(
        &["-----BEGIN RSA PRIVATE KEY-----\n", "MIIEowIBAAKCAQEAy8Dbv8", "prpJ0kKh\nshort\n", "the end"],
        &[
            ("", "-----BEGIN RSA PRIVATE KEY-----\n"),
            ("[REDACTED:private-key]", ""),
            ("", ""),
            ("\nshort\nthe end", ""),
        ],
    );
}

#[test]
fn a_stream_reports_whether_it_holds_the_end_of_a_line() {
    let mut stream = redactor([]).stream();
    stream.push(b"one line\n");
    assert!(!stream.holds_line_end());
    stream.push(b"-----BEGIN RSA PRIVATE KEY-----");
    assert!(stream.is_holding() && !stream.holds_line_end());
    stream.push(b"\n");
    assert!(stream.holds_line_end());
    stream.push(b"nothing of the kind");
    assert!(!stream.holds_line_end());
    stream.push(b"\nexa_01\n");
    assert!(!stream.holds_line_end());
}
