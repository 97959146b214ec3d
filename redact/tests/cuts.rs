//! Tests which bytes are masked, and that this does not depend on how the input is split.

use redact::{Redacted, Redactor, is_masked_everywhere};

/// Redacts `text` in one piece, split at every position, split at every pair of positions, and byte by byte.
fn check(values: &[&str], text: &str, expected: &str) {
    let redactor = Redactor::new(values);
    let text = text.as_bytes();
    assert_eq!(redactor.redact(text).to_text(), expected, "{values:?} in one piece");
    for second in 0..=text.len() {
        for first in 0..=second {
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            assert_eq!(stream(&redactor, pieces).to_text(), expected, "{values:?} cut at {first} and {second}");
        }
    }
    assert_eq!(stream(&redactor, text.chunks(1)).to_text(), expected, "{values:?} byte by byte");
}

fn stream<'t>(redactor: &Redactor, pieces: impl IntoIterator<Item = &'t [u8]>) -> Redacted {
    let mut stream = redactor.stream();
    let mut shown = Redacted::new();
    for piece in pieces {
        shown.append(&stream.push(piece));
    }
    shown.append(&stream.finish());
    shown
}

#[test]
fn a_value_is_masked_at_any_position() {
    let line = "the token, and on it goes";
    for at in 0..=line.len() {
        let (before, after) = line.split_at(at);
        check(&["s3cr3t-value"], &format!("{before}s3cr3t-value{after}"), &format!("{before}[REDACTED]{after}"));
    }
}

#[test]
fn every_occurrence_is_masked() {
    check(&["swordfish"], "swordfish, swordfish", "[REDACTED], [REDACTED]");
    check(&["swordfish", "open sesame"], "open sesame: swordfish!", "[REDACTED]: [REDACTED]!");
}

#[test]
fn adjacent_occurrences_get_separate_masks() {
    check(&["swordfish"], "swordfishswordfish", "[REDACTED][REDACTED]");
    check(&["swordfish", "-sesame"], "swordfish-sesame", "[REDACTED][REDACTED]");
}

#[test]
fn overlapping_occurrences_get_one_mask() {
    check(&["abcdefgh", "efghijkl"], "1 abcdefghijkl 2", "1 [REDACTED] 2");
    check(&["abcdefgh", "efghijkl", "ijklmnop"], "1 abcdefghijklmnop 2", "1 [REDACTED] 2");
    check(&["abcabcab"], "abcabcabcabcab", "[REDACTED]");
}

#[test]
fn the_longer_of_two_values_with_a_common_prefix_is_masked_completely() {
    check(&["abcdef", "abcdefghij"], "<abcdefghij>", "<[REDACTED]>");
    check(&["abcdef", "abcdefghij"], "<abcdefghiX>", "<[REDACTED]ghiX>");
}

#[test]
fn a_value_inside_another_is_masked_with_it() {
    check(&["efghij", "abcdefghij"], "<abcdefghij> <XXefghij>", "<[REDACTED]> <XX[REDACTED]>");
    check(&["cdefgh", "abcdefghij"], "<abcdefghij> <abcdefghXX>", "<[REDACTED]> <ab[REDACTED]XX>");
}

#[test]
fn ranges_within_a_longer_match_are_merged_into_it() {
    check(&["bcdefg", "hijklm", "abcdefghijklmn"], "abcdefghijklmn", "[REDACTED]");
    check(&["bcdefg", "hijklm", "abcdefghijklmn"], "abcdefghijklmX", "a[REDACTED][REDACTED]X");
}

#[test]
fn a_longer_match_absorbs_matches_next_to_a_mask_written_early() {
    check(&["-", "--.--"], "----.-- ", "[REDACTED][REDACTED][REDACTED] ");
}

#[test]
fn a_value_that_overlaps_itself_gets_one_mask() {
    check(&["aaaaaa"], "baaaaaaaaaab", "b[REDACTED]b");
    check(&["aaaaaa"], "baaaaab", "baaaaab");
    check(&["aabaabaa"], "aabaabaabaa aabaabab", "[REDACTED] aabaabab");
}

#[test]
fn a_match_that_fails_late_does_not_hide_a_match_within_it() {
    check(&["aaab-aaac"], "aaab-aaab-aaac", "aaab-[REDACTED]");
    check(&["abcabcabd"], "abcabcabcabd", "abc[REDACTED]");
}

#[test]
fn a_value_of_several_lines_is_masked_as_a_whole() {
    check(&["-----BEGIN\n{\nab\n}\n-----END"], "{\n-----BEGIN\n{\nab\n}\n-----END\n}", "{\n[REDACTED]\n}");
}

#[test]
fn a_short_value_is_masked_only_as_a_whole_token() {
    check(
        &["true"],
        "true, trueish untrue true_ 1true=true\ntrue",
        "[REDACTED], trueish untrue true_ 1true=[REDACTED]\n[REDACTED]",
    );
    check(&["0"], "0 10 0.0 a0 (0)", "[REDACTED] 10 [REDACTED].[REDACTED] a0 ([REDACTED])");
    check(&["p-w"], "p-w-p-w xp-w p-wx", "[REDACTED]-[REDACTED] xp-w p-wx");
    check(&["é"], "é aé éa éé", "[REDACTED] aé éa [REDACTED][REDACTED]");
}

#[test]
fn a_short_value_may_consist_of_punctuation() {
    check(&["!?"], "a!?b !? !?!?", "a!?b [REDACTED] [REDACTED][REDACTED]");
    check(&[" "], "a b  c", "a b  c");
}

#[test]
fn overlapping_short_values_are_masked() {
    check(&["a-b", "b-c"], "a-b-c", "[REDACTED]");
    check(&["a-b", "a-bc", "-bc-d"], "a-bc", "[REDACTED]");
    check(&["a", "a-long-value"], "a-long-value a-long a", "[REDACTED] [REDACTED]-long [REDACTED]");
}

#[test]
fn five_bytes_are_short_and_six_are_not() {
    check(&["abcde", "123456"], "xabcdex x123456x abcde", "xabcdex x[REDACTED]x [REDACTED]");
}

#[test]
fn a_value_cut_off_at_the_end_is_masked_if_eight_bytes_or_half_of_it_are_present() {
    check(&["0123456789abcdefghij"], "x 0123456", "x 0123456");
    check(&["0123456789abcdefghij"], "x 01234567", "x [REDACTED]");
    check(&["abcdefg"], "x abc", "x abc");
    check(&["abcdefg"], "x abcd", "x [REDACTED]");
    check(&["abcdefgh"], "x abcd", "x [REDACTED]");
}

#[test]
fn the_longest_prefix_that_must_not_be_shown_is_masked_at_the_end() {
    check(&["abcabcabcabc"], "abcabcabcab", "[REDACTED]");
    check(&["0123456789abcdef", "456789"], "0123456", "0123[REDACTED]");
    check(&["0123456789abcdef", "23-456789", "345678"], "0123456", "012[REDACTED]");
}

#[test]
fn a_short_value_that_the_end_cuts_off_is_masked_where_a_token_can_begin() {
    check(&["hunt2"], "xhunt", "xhunt");
    check(&["hunt2"], "x hunt", "x [REDACTED]");
    check(&["hunt2"], "x hu", "x hu");
}

#[test]
fn all_bytes_pass_unchanged() {
    let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    for redactor in [Redactor::none(), Redactor::new(["a value", "\0\0\0", "ab", "..."])] {
        for cut in 0..=all.len() {
            assert_eq!(stream(&redactor, [&all[..cut], &all[cut..]]).as_bytes(), all);
        }
    }
}

#[test]
fn values_may_contain_any_byte() {
    let value: Vec<u8> = (0..=255).collect();
    let redactor = Redactor::new([&value]);
    let text = [b"\x00\xff", &value[..], b"\xff\x00"].concat();
    for cut in 0..=text.len() {
        assert_eq!(stream(&redactor, [&text[..cut], &text[cut..]]).as_bytes(), b"\x00\xff[REDACTED]\xff\x00");
    }
}

#[test]
fn common_words_are_masked_as_whole_tokens() {
    for value in ["password", "Password", "changeme", "12345", "a"] {
        assert!(!is_masked_everywhere(value.as_bytes()), "{value}");
        check(
            &[value],
            &format!("{value}, x{value} {value}s_{value} ({value})"),
            &format!("[REDACTED], x{value} {value}s_{value} ([REDACTED])"),
        );
    }
    for value in ["passwords", "123456", "change-me"] {
        assert!(is_masked_everywhere(value.as_bytes()), "{value}");
    }
}

#[test]
fn empty_values_are_ignored_and_duplicates_count_once() {
    check(&["", "swordfish", "swordfish", ""], "a swordfish", "a [REDACTED]");
    assert!(Redactor::new([""]).is_empty());
    assert!(!Redactor::new(["", "a"]).is_empty());
    check(&[], "nothing to mask", "nothing to mask");
    check(&["swordfish"], "", "");
}

#[test]
fn a_large_value_and_many_values_are_masked() {
    let long = (0..30_000).map(|number| number.to_string()).collect::<Vec<_>>().join(".");
    let values: Vec<String> = (0..3_000).map(|number| format!("value-{number}-")).chain([long.clone()]).collect();
    let redactor = Redactor::new(&values);
    let text = format!("a {long} b value-2999- value-3000- value-7-");
    for size in [997, 65_536, text.len()] {
        let shown = stream(&redactor, text.as_bytes().chunks(size));
        assert_eq!(shown.to_text(), "a [REDACTED] b [REDACTED] value-3000- [REDACTED]");
    }
}

#[test]
fn masks_are_counted() {
    let redactor = Redactor::new(["aaaaaa", "swordfish"]);
    let mut stream = redactor.stream();
    for byte in b"aaaaaaaaaa swordfish swordfis" {
        stream.push(&[*byte]);
    }
    assert_eq!(stream.redactions(), 2);
    stream.finish();
    assert_eq!(stream.redactions(), 3, "the value that is cut off at the end is masked too");
}

#[test]
fn a_finished_stream_starts_over() {
    let mut stream = Redactor::new(["a-b", "swordfish"]).stream();
    stream.push(b"swordfish, the end");
    assert_eq!(stream.finish().to_text(), "");
    assert_eq!(
        stream.push(b"a-b swor").to_text(),
        "[REDACTED] ",
        "the previous stream does not affect token boundaries"
    );
    assert_eq!(stream.finish().to_text(), "swor");
    assert_eq!(stream.push(b"dfish").to_text(), "dfish", "the previous stream does not begin a match");
}

#[test]
fn debugging_never_prints_a_value() {
    let redactor = Redactor::new(["swordfish"]);
    let mut stream = redactor.stream();
    stream.push(b"swordfi");
    assert_eq!(format!("{redactor:?} {stream:?}"), "Redactor { values: 1, .. } RedactStream { held: 7, .. }");
}
