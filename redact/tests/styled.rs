//! Tests that bytes which are invisible on a terminal do not hide a value.

#[path = "random/dice.rs"]
mod dice;

use redact::{Redacted, Redactor};

use crate::dice::{Dice, for_each_seed};

const BYTES: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_!#$()*,./:;<=>?@[]^`{|}~";

/// Invisible bytes that programs print within text. The argument is the character before these bytes.
const STYLES: [fn(char) -> String; 16] = [
    |_| "\x1b[0m".into(),
    |_| "\x1b[1;38;5;196m".into(),
    |_| "\x1b[K".into(),
    |_| "\x1b[?25l\x1b[2m".into(),
    |_| "\x1b[1 q".into(),
    |_| "\x1b7\x1b8".into(),
    |_| "\x1b(B".into(),
    |_| "\x1b]0;a title\x07".into(),
    |_| "\x1b]8;;https://example.com/a?b=c%20d\x1b\\".into(),
    |_| "\x1bP1$r0m\x1b\\".into(),
    |_| "\r".into(),
    |_| "\r\n".into(),
    |_| "\x08".into(),
    |last| format!("\x08{last}"),
    |_| "\x08_".into(),
    |last| format!("\x08{last}\x1b[0m\x08{last}"),
];

/// The distance between the positions at which a text is cut in an ordinary run. With this number, many different
/// positions are tried.
const FEW_CUTS: usize = 29;

#[test]
fn no_style_at_any_position_hides_a_value() {
    styles_at_each_position(FEW_CUTS);
}

#[test]
#[ignore = "takes a minute"]
fn no_style_at_any_position_hides_a_value_at_any_cut() {
    styles_at_each_position(1);
}

fn styles_at_each_position(cuts: usize) {
    for_each_style(|redactor, head, style, tail| check_cut(redactor, &[head, style, tail].concat(), cuts));
    for_each_seed(50, |dice| {
        let value = value(dice);
        let redactor = Redactor::new([&value]);
        for (head, tail) in (1..value.len()).map(|at| value.split_at(at)) {
            check_cut(&redactor, &[head, "_\x08", tail].concat(), cuts);
        }
    });
}

/// Passes every style at every position of 50 values to `check`: a redactor with the value, the part of the value
/// before the style, the style, and the part after it.
fn for_each_style(check: impl Fn(&Redactor, &str, &str, &str)) {
    for_each_seed(50, |dice| {
        let value = value(dice);
        let redactor = Redactor::new([&value]);
        for (head, tail) in (1..value.len()).map(|at| value.split_at(at)) {
            let last = head.chars().next_back().expect("the head is not empty");
            for style in STYLES {
                check(&redactor, head, &style(last), tail);
            }
        }
    });
}

#[test]
fn the_end_within_a_styled_value_shows_little_of_it() {
    ends_within_a_styled_value(7);
}

#[test]
#[ignore = "takes a minute"]
fn the_end_at_any_position_of_a_styled_value_shows_little_of_it() {
    ends_within_a_styled_value(1);
}

/// Checks streams that end within a value with a style in it, after every `step`th byte. If 8 bytes or half of the
/// value are present, the output must be a mask.
fn ends_within_a_styled_value(step: usize) {
    for_each_style(|redactor, head, style, tail| {
        let text = [head, style, tail].concat();
        let (at, len) = (head.len(), head.len() + tail.len());
        for end in (1 + at % step..text.len()).step_by(step) {
            let shown = redactor.redact(&text.as_bytes()[..end]).to_string();
            let visible = end.min(at) + end.saturating_sub(at + style.len());
            let is_telling = visible >= 8.min(len.div_ceil(2));
            assert!(!is_telling || shown == "[REDACTED]", "{shown:?} of {text:?} up to {end}");
        }
    });
}

#[test]
fn styles_at_all_positions_do_not_hide_a_value() {
    for_each_seed(50, |dice| {
        let value = value(dice);
        let redactor = Redactor::new([&value]);
        for style in STYLES {
            let (head, tail) = value.split_at(value.len() - 1);
            let styled: String = head.chars().map(|char| format!("{char}{}", style(char))).collect();
            check_cut(&redactor, &(styled + tail), 10 * FEW_CUTS);
        }
        let underlined: String = value.chars().map(|char| format!("_\x08{char}")).collect();
        check_cut(&redactor, &underlined[2..], FEW_CUTS);
    });
}

#[test]
fn styled_escapes_are_masked() {
    let redactor = Redactor::new(["say \"hello\" & wave"]);
    check(&redactor, "say\x1b[0m \\\"hel\x1b[1mlo\\\"\x1b[0m & wave");
    check(&redactor, "say%20%22he\x1b[32mllo\x1b[0m%22%20%26%2\x1b[0m0wave");
    check(&redactor, "say &quot;hello\x1b[0m&quot; &a\x1b[0mmp; wave");
}

#[test]
fn white_space_may_be_on_both_sides_of_a_style() {
    let redactor = Redactor::new(["ab cdefghi"]);
    check(&redactor, "ab \x1b[0m cdefghi");
    check(&redactor, "ab\r\n\x1b[1;31m  cdefghi");
    check(&redactor, "ab\n    cdefghi");
}

#[test]
fn a_value_in_a_title_or_link_is_masked() {
    let redactor = Redactor::new(["say \"hello\" & wave"]);
    let shown = redactor.redact(b"\x1b]8;;https://x/?a=say%20%22hello%22%20%26%20wave\x1b\\link\x1b]8;;\x1b\\");
    assert_eq!(shown.as_bytes(), b"\x1b]8;;https://x/?a=[REDACTED]\x1b\\link\x1b]8;;\x1b\\");
}

#[test]
fn the_number_of_held_bytes_is_bounded() {
    let redactor = Redactor::new(["correct horse battery staple"]);
    for endless in ["\x1b[0m", "\r", "\\", " ", "\n", "\x08", "%25", "&amp;", "'", "_", "\x1b]0;", "\x1b[1;"] {
        let mut stream = redactor.stream();
        let mut shown = stream.push(b"correct horse ").len();
        for _ in 0..5_000 {
            shown += stream.push(endless.repeat(10).as_bytes()).len();
        }
        let held = 14 + 50_000 * endless.len() - shown;
        assert!(held < 40_000, "{held} bytes of {endless:?} are held");
    }
}

#[test]
fn a_value_is_masked_wherever_its_styled_form_begins() {
    let redactor = Redactor::new(["say \"hello\" & wave"]);
    for styled in ["say \"hel\x1b[0mlo\" & wave", "say \\\"hello\\\" &amp; wave", "%73ay%20%22hello%22%20%26%20wave"] {
        // The lengths of partial matches are checked at positions that are multiples of 1,024. This position is greater
        // than the maximum length of a match.
        let check = 20 << 10;
        for before in check - styled.len()..=check {
            let before = ".".repeat(before);
            let shown = redactor.redact(format!("{before}{styled}.").as_bytes());
            assert_eq!(shown.to_text(), format!("{before}[REDACTED]."), "{styled:?}");
        }
    }
}

#[test]
fn a_value_that_contains_styles_is_masked_if_it_is_printed_with_more_of_them() {
    for value in ["a\x08abcdefgh", "ab\x1b]0;title\x07cdefgh", "ab\r\ncdefgh", "ab_\x08cdefgh"] {
        let redactor = Redactor::new([value]);
        let styled = value.replace("gh", "g\x1b[0mh");
        assert_eq!(redactor.redact(format!("<{styled}>").as_bytes()).to_text(), "<[REDACTED]>", "{value:?}");
    }
    let redactor = Redactor::new(["a\x08abcdefgh"]);
    assert_eq!(redactor.redact(b"<abcdefgh>").to_text(), "<[REDACTED]>", "the value is printed without its style");
}

#[test]
fn a_value_may_span_16_times_its_longest_form_and_16_kib() {
    let redactor = Redactor::new(["correct horse battery"]);
    // The longest form is the hexadecimal one, with spaces. It has 62 bytes.
    let limit = 16 * 62 + (16 << 10);
    for (len, is_masked) in [(limit - 30, true), (limit + 1024, false)] {
        // Lengths are checked at positions that are multiples of 1,024. Here, these checks are 17,008 and 18,032 bytes
        // after the beginning of the value.
        let before = ".".repeat(400);
        let styled = format!("{before}correct horse{} battery.", "\x1b[0m".repeat(len / 4));
        let shown = redactor.redact(styled.as_bytes());
        assert_eq!(shown.to_text() == format!("{before}[REDACTED]."), is_masked, "{len} bytes");
        assert_eq!(shown.as_bytes() == styled.as_bytes(), !is_masked, "{len} bytes");
    }
}

#[test]
fn an_escape_sequence_has_at_most_4096_bytes() {
    let redactor = Redactor::new(["correct horse battery"]);
    for (len, is_masked) in [(4096, true), (4097, false)] {
        let title = "x".repeat(len - 3);
        let shown = redactor.redact(format!("correct horse\x1b]{title}\x07 battery.").as_bytes());
        assert_eq!(shown.to_text() == "[REDACTED].", is_masked, "{len} bytes");
    }
}

fn check(redactor: &Redactor, styled: &str) {
    check_cut(redactor, styled, 1);
}

/// Checks that `styled` is replaced by a mask if the text is split into two reads. Tries every `cuts`th position.
fn check_cut(redactor: &Redactor, styled: &str, cuts: usize) {
    let text = format!("\x1b[1mpassword: {styled}, \x1b[0mand so on");
    let whole = redactor.redact(text.as_bytes());
    assert_eq!(whole.to_text(), "\x1b[1mpassword: [REDACTED], \x1b[0mand so on", "{text:?}");
    assert_eq!(stream(redactor, text.as_bytes().chunks(1)), whole, "{text:?} byte by byte");
    let from = text.find(':').expect("there is a colon");
    for cut in (from..text.len()).step_by(cuts) {
        let (first, second) = text.as_bytes().split_at(cut);
        assert_eq!(stream(redactor, [first, second]), whole, "{text:?} cut at {cut}");
    }
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

/// Returns a value in which no two adjacent bytes are equal, because a backspace between equal bytes would be
/// overstriking.
fn value(dice: &mut Dice) -> String {
    let mut bytes = b"v".to_vec();
    let len = 8 + dice.below(24);
    while bytes.len() < len {
        let byte = BYTES[dice.below(BYTES.len())];
        if bytes.last() != Some(&byte) {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("all bytes are ASCII") + "v"
}
