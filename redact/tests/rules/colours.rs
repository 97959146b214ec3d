//! Tests that secrets are recognised by their shape even if terminal escape sequences interrupt them.

use crate::stream::{check, redact, redactor};

#[test]
fn a_coloured_assignment_is_masked() {
    let redactor = redactor([]);
    for (text, expected) in [
        ("password=\x1b[31mhunter2hunter2\x1b[0m\n", "password=\x1b[31m[REDACTED:secret-assignment]\x1b[0m\n"),
        (
            "{\x1b[34;1m\"password\"\x1b[0m: \x1b[32m\"hunter2hunter2\"\x1b[0m}\n",
            "{\x1b[34;1m\"password\"\x1b[0m: \x1b[32m\"[REDACTED:secret-in-double-quotes]\"\x1b[0m}\n",
        ),
        (
            "a token\x1b[0m\x1b[2m=\x1b[0mabcdef1234567890 b\n",
            "a token\x1b[0m\x1b[2m=\x1b[0m[REDACTED:secret-assignment] b\n",
        ),
        ("pass\x1b[1mword=hunter\x1b[0m2hunter2\n", "pass\x1b[1mword=[REDACTED:secret-assignment]\n"),
        ("exa_0123456789\x1b[0mabcdefghij\x1b[K.\n", "[REDACTED:example-token]\x1b[K.\n"),
        (
            "\x1b[1mthe line\x1b[0m\npassword:\n  hunter2hunter2\n",
            "\x1b[1mthe line\x1b[0m\npassword:\n  hunter2hunter2\n",
        ),
        ("\x1b[32mexa_0123456789\nabcdefghij\x1b[0m\n", "\x1b[32mexa_0123456789\nabcdefghij\x1b[0m\n"),
    ] {
        check(&redactor, text, expected);
    }
}

#[test]
fn a_sequence_at_any_position_of_a_token_does_not_hide_it() {
    let (token, redactor) = ("exa_0123456789abcdefghij", redactor([]));
    for sequence in ["\x1b[0m", "\x1b[1;38;5;196m", "\x1b]8;;https://example.com\x1b\\", "\x1b(B"] {
        for at in 1..token.len() {
            let (head, tail) = token.split_at(at);
            check(&redactor, &format!("a {head}{sequence}{tail} b\n"), "a [REDACTED:example-token] b\n");
        }
    }
}

#[test]
fn a_coloured_key_is_masked_to_its_end() {
    let redactor = redactor([]);
    let line = "\x1b[32mMIIEowIBAAKCAQEAy8Dbv8prpJ0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy\x1b[0m\n".repeat(60);
    let text = format!(
        "\x1b[1m-----BEGIN RSA PRIVATE KEY-----\x1b[0m\n{line}\x1b[1m-----END RSA PRIVATE KEY-----\x1b[0m\nthe end\n"
    );
    let expected = "\x1b[1m[REDACTED:private-key]\x1b[0m\nthe end\n";
    for size in [1, 7, 64, 1000, text.len()] {
        assert_eq!(redact(&redactor, text.as_bytes().chunks(size)), expected, "{size}");
    }
}

#[test]
fn the_number_of_bytes_held_for_endless_sequences_is_bounded() {
    let mut stream = redactor([]).stream();
    let mut shown = stream.push(b"password=hunter2").len();
    for _ in 0..20_000 {
        shown += stream.push(b"\x1b[0m\x1b[1m").len();
    }
    let held = (16 + 160_000_usize).saturating_sub(shown);
    assert!(held < 40_000, "{held} bytes are held");
}
