//! Tests which values look like credentials. For each kind of text that is not a credential, there are similar values
//! that are credentials.

use redact::{Redactor, Rules};

/// Assigns each value to `name`. Checks that all values are masked, or that all are shown, depending on `are_masked`.
#[track_caller]
fn check(name: &str, values: &[&str], are_masked: bool) {
    let redactor = Redactor::with_rules::<_, &[u8]>([], &Rules::built_in());
    for value in values {
        let text = format!("{name}{value}\n");
        let shown = redactor.redact(text.as_bytes()).to_string();
        assert_eq!(shown.contains("[REDACTED:secret-"), are_masked, "{text:?} becomes {shown:?}");
        assert_eq!(shown == text, !are_masked, "{text:?} becomes {shown:?}");
    }
}

#[test]
fn at_most_two_different_bytes_are_a_placeholder() {
    check("password=", &["aaaaaaaa", "abababab", "aabbbbbb"], false);
    check("password=", &["abababac", "cabababa"], true);
}

#[test]
fn a_variable_is_a_placeholder() {
    check("password=", &["$_PASSWORD", "$@abcdef", "%abcdef%", "@{abcdef}x", "#{abcdef}x", "[abcdefg"], false);
    check("password=", &["$1abcdef", "%abcdef", "@abcdef", "#abcdef", "abc$defg"], true);
}

#[test]
fn a_path_or_url_is_not_a_password() {
    check("password=", &["./abcdef", "../abcdef", "~/abcdef", "file:abcdef", "amqp://abc/def", "abc/d.ef"], false);
    check("password=", &[".abcdef", "~abcdef", "amqp:abc/def", "abc/def", "abc.def", "ab/c.d=e", "ab/c.d+e"], true);
}

#[test]
fn source_code_is_not_a_password() {
    check("password: \"", &["abc(defg1", "abc)defg1", "abc`defg1", "abc::defg1", "=abcdefg1", "abc->defg1"], false);
    check("password: \"", &["abc:defg1", "abc-defg1", "abc>defg1", "abc[defg1", "a=bcdefg1"], true);
    check("password: \"", &["abc defg1", "abc\x01defg1"], false);
}

#[test]
fn a_version_has_fewer_than_24_bytes_and_no_capitals() {
    check("token: \"", &["1.2.3-abcdefghijklmnopq", "v1.2.3-abcdefgh"], false);
    check("token: \"", &["1.2.3-abcdefghijklmnopqr", "1.2.3-abcdefgH", "1-2-3-abcdefgh", "a1.2.3-abcdefgh"], true);
    check("token: \"", &["2024-05-01T12:00:00Z", "1T_2,3/4+5Z", "0xabcdef12"], false);
    check("token: \"", &["2024-05-01U12:00:00Z", "1xabcdef12"], true);
}

#[test]
fn a_token_has_at_least_8_bytes_and_letters_with_digits_or_symbols() {
    check("token=", &["a1b2c3d", "abcdefgh", "abcdefg!", "12345#678"], false);
    check("token=", &["a1b2c3d4", "abcdefg#", "abc!defg"], true);
}

#[test]
fn a_password_after_a_colon_or_a_spaced_equals_sign_is_a_token() {
    check("password=", &["swordfish"], true);
    for name in ["password = ", "password =", "password= ", "password\t=", "password: ", "password:"] {
        check(name, &["swordfish"], false);
        check(name, &["sw0rdfish"], true);
    }
}

#[test]
fn the_digits_of_percent_escapes_do_not_make_a_token() {
    check("token=", &["abcdefgh%20ijk", "abc%2fdef%2Fghi"], false);
    check("token=", &["abcdef%z1ghij", "abcdef%1zghij", "abcdefghij%1"], true);
}

#[test]
fn words_with_up_to_four_digits_are_an_identifier() {
    check("token: ", &["deploy-1234", "sha256-of-file1", "abc1.def2:ghi3@jkl4"], false);
    check("token: ", &["deploy-12345", "abcdef1g2-hijk", "abcdef1#"], true);
}

#[test]
fn a_name_may_have_64_bytes_after_its_secret_like_word() {
    // The secret-like word is `pass`, so the letters `word` count as part of the 64 bytes.
    for (length, is_masked) in [(0, true), (60, true), (61, false)] {
        let rest: String = "_x".repeat(33)[..length].into();
        check(&format!("password{rest}="), &["hunter2"], is_masked);
        check(&format!("  the password{rest}="), &["hunter2"], is_masked);
        check(&format!("  the password{rest}: \""), &["hunter2"], is_masked);
    }
}

#[test]
fn a_word_is_an_option_only_after_hyphens() {
    check("the token ", &["a1b2c3d4e5f6"], false);
    check("the_token ", &["a1b2c3d4e5f6"], false);
    check("the --token ", &["a1b2c3d4e5f6"], true);
    check("the --x-token ", &["a1b2c3d4e5f6"], true);
}

#[test]
fn a_number_is_not_random() {
    check("db_auth: \"", &["1234567890"], false);
    check("db_auth: \"", &["1234567890ab", "a1b2c3d4e5f6"], true);
}
