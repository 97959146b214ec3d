//! Tests private keys, which span several lines.

use crate::stream::{check, redact, redactor};

const MASK: &str = "[REDACTED:private-key]";

/// Returns a key, with a line end between its lines.
fn key(kind: &str, line_end: &str) -> String {
    let header = format!("-----BEGIN {kind}-----");
    let footer = format!("-----END {kind}-----");
    let lines = [
        header.as_str(),
        "MIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy",
        "vGZlGJpmn65+A4xHXInJYiPuKzrKUnApeLZ+vw1HocOAZtWK0z3r26uA8kQYOKX9",
        "Qt/DbCdvs==",
        footer.as_str(),
    ];
    lines.join(line_end)
}

#[test]
fn a_private_key_is_masked_from_its_header_to_its_end_line() {
    let redactor = redactor([]);
    for kind in
        ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
    {
        check(&redactor, &format!("a\n{}\nb\n", key(kind, "\n")), &format!("a\n{MASK}\nb\n"));
    }
}

#[test]
fn a_private_key_is_masked_whatever_its_line_ends_are() {
    let redactor = redactor([]);
    for line_end in
        ["\n", "\r\n", "\n    ", "\\n", "\\r\\n", "\\\\n", "%0A", "%0D%0A", "&#10;", " ", "\\n\" +\n  \"", "\n# "]
    {
        check(&redactor, &format!("key='{}'\n", key("EC PRIVATE KEY", line_end)), &format!("key='{MASK}'\n"));
    }
}

#[test]
fn a_private_key_with_headers_is_masked() {
    let redactor = redactor([]);
    for headers in
        ["Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0123456789ABCDEF\n\n", "Version: GnuPG v2\nComment: a b\n\n"]
    {
        let text = key("RSA PRIVATE KEY", "\n").replace("-----\nMII", &format!("-----\n{headers}MII"));
        check(&redactor, &format!("{text}\n"), &format!("{MASK}\n"));
    }
}

#[test]
fn the_header_of_a_private_key_alone_is_shown() {
    let redactor = redactor([]);
    for text in [
        "-----BEGIN RSA PRIVATE KEY-----\nDone. Two files contain a key.\n",
        "a.pem:-----BEGIN RSA PRIVATE KEY-----\nb.pem:-----BEGIN RSA PRIVATE KEY-----\n",
        "expected \"-----BEGIN PRIVATE KEY-----\", found \"-----BEGIN CERTIFICATE-----\"\n",
        "-----BEGIN RSA PRIVATE KEY-----\n\nfinished\n2024-05-01 12:00:00 INFO done\n",
        "-----BEGIN RSA PRIVATE KEY-----\nNote: this is only a header, followed by a line of the log\nand another one\n",
    ] {
        check(&redactor, text, text);
    }
}

#[test]
fn a_private_key_without_an_end_line_does_not_hide_the_rest_of_the_log() {
    let text = key("RSA PRIVATE KEY", "\n");
    let (truncated, _) = text.split_once("\nQt/").expect("the last line begins so");
    let shown = redact(&redactor([]), [format!("{truncated}\nThe build failed: 3 errors\nsee above\n").as_bytes()]);
    assert_eq!(shown, format!("{MASK}\nThe build failed: 3 errors\nsee above\n"));
}

#[test]
fn a_private_key_without_an_end_is_masked_to_the_end_of_the_stream() {
    let redactor = redactor([]);
    let text = key("RSA PRIVATE KEY", "\n");
    for end in [70, 96, 98, 120, 165, 170] {
        check(&redactor, &format!("a {}", &text[..end]), &format!("a {MASK}"));
    }
    check(&redactor, &format!("a {}\n", &text[..96]), &format!("a {MASK}\n"));
    let endless = format!("-----BEGIN PRIVATE KEY-----\n{}", format!("{}\n", "Ab1+".repeat(16)).repeat(5_000));
    assert_eq!(redact(&redactor, endless.as_bytes().chunks(999)), format!("{MASK}\n"));
}
