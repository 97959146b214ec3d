//! Tests which bytes are held back, and how many of them a release shows after a pause.

use redact::{RedactStream, Redactor};

/// A stream whose methods check the output of each call.
struct Script(RedactStream);

impl Script {
    fn new(values: &[&str]) -> Self {
        Self(Redactor::new(values).stream())
    }

    fn push(&mut self, input: &str, shown: &str) -> &mut Self {
        assert_eq!(self.0.push(input.as_bytes()).to_text(), shown, "pushed {input:?}");
        self
    }

    fn release(&mut self, shown: &str) -> &mut Self {
        assert_eq!(self.0.release().to_text(), shown, "released");
        self
    }

    fn finish(&mut self, shown: &str) -> &mut Self {
        assert_eq!(self.0.finish().to_text(), shown, "finished");
        assert!(!self.0.is_holding());
        self
    }

    fn holds(&mut self) -> &mut Self {
        assert!(self.0.is_holding());
        self
    }

    fn holds_nothing(&mut self) -> &mut Self {
        assert!(!self.0.is_holding());
        self
    }
}

const TWENTY: &str = "0123456789abcdefghij";

#[test]
fn only_bytes_that_may_become_a_match_are_held() {
    let mut script = Script::new(&["swordfish", "yes"]);
    script.holds_nothing().push("nothing of it", "nothing of it").holds_nothing();
    script.push(" sword", " ").holds().push("s", "sword").holds().push("wordfish", "[REDACTED]").holds_nothing();
    script.push(" yes", " ").holds().push("terday ", "yesterday ").holds_nothing();
    script.push("dye", "dye").holds_nothing();
}

#[test]
fn fewer_digits_than_half_of_a_value_are_shown_in_hexadecimal_text() {
    for length in 6..=20 {
        let value: String = ('a'..='z').take(length).collect();
        let redactor = Redactor::new([&value]);
        for separator in ["", " "] {
            let bytes: Vec<String> = value.bytes().map(|byte| format!("{byte:02x}")).collect();
            let encoded = bytes.join(separator);
            let (mut stream, mut shown) = (redactor.stream(), String::new());
            for end in 0..encoded.len() {
                shown += &stream.push(&encoded.as_bytes()[end..=end]).to_text();
                shown += &stream.release().to_text();
                let text = redactor.redact(&encoded.as_bytes()[..end]).to_string();
                for shown in [&text, &shown] {
                    let digits = shown.replace([' ', '['], "").replace("REDACTED]", "").len();
                    assert!(4 * digits < 64.min(4 * length), "{shown} of {encoded}");
                }
            }
        }
    }
}

#[test]
fn a_mask_is_written_before_its_end_is_known() {
    let mut script = Script::new(&["aaaaaa"]);
    script.push("aaaaa", "").push("a", "[REDACTED]").holds_nothing();
    for _ in 0..1000 {
        script.push("a", "").holds_nothing();
    }
    script.push("b", "b").finish("");
    assert_eq!(script.0.redactions(), 1);
}

#[test]
fn a_pause_shows_a_short_beginning_and_the_rest_is_masked_when_it_arrives() {
    Script::new(&[TWENTY])
        .push("x 0123456", "x ")
        .release("0123456")
        .holds_nothing()
        .push("789abcdefghij y", "[REDACTED] y");
    Script::new(&[TWENTY]).push("x 0123456", "x ").release("0123456").push(" y", " y").finish("");
}

#[test]
fn a_pause_never_shows_eight_bytes() {
    let mut script = Script::new(&[TWENTY]);
    script.push("x 01234567", "x ").release("").release("").holds().push("89abcdefghij y", "[REDACTED] y");
}

#[test]
fn a_pause_never_shows_half_of_a_value() {
    Script::new(&["abcdefg"]).push("abc", "").release("abc").push("defg", "[REDACTED]");
    Script::new(&["abcdefg"]).push("abcd", "").release("").push("efg", "[REDACTED]");
    Script::new(&["abcdefgh"]).push("abcd", "").release("").push("x", "abcdx");
}

#[test]
fn many_pauses_show_no_more_than_a_single_one() {
    let mut script = Script::new(&[TWENTY]);
    for digit in ["0", "1", "2", "3", "4", "5", "6"] {
        script.push(digit, "").holds().release(digit).holds_nothing();
    }
    for letter in ["7", "8", "9", "a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        script.push(letter, "").release("").holds();
    }
    script.push("j", "[REDACTED]").holds_nothing().push("!", "!");
}

#[test]
fn the_end_masks_the_rest_of_a_value_whose_beginning_a_pause_has_shown() {
    Script::new(&[TWENTY]).push("0123", "").release("0123").push("4567", "").finish("[REDACTED]");
    Script::new(&[TWENTY]).push("0123", "").release("0123").push("456", "").finish("456");
}

#[test]
fn a_release_respects_every_value_that_the_bytes_may_belong_to() {
    // "cdef" is half of the second value, so only the bytes before it may be shown.
    let values = ["abcdefghijklmnop", "cdefghij"];
    Script::new(&values).push("abcdef", "").release("ab").release("").push("ghij", "[REDACTED]").push("kX", "kX");
    Script::new(&values).push("abcdef", "").release("ab").push("ghijklmnop", "[REDACTED]");
    Script::new(&values).push("abcdef", "").release("ab").push("X", "cdefX");
}

#[test]
fn a_pause_shows_nothing_of_a_complete_value_within_a_longer_one() {
    let mut script = Script::new(&["ab", ".ab.cdefghijklmnopqrst"]);
    script.push(".ab.", "").holds().release(".[REDACTED].").holds_nothing();
    script.push("cdefghijklmnopqrst", "[REDACTED]").finish("");
    assert_eq!(script.0.redactions(), 2);
}

#[test]
fn a_match_continues_across_a_mask_that_a_pause_has_written() {
    let mut script = Script::new(&["ab", ".ab-cdefghijklmnopqrst"]);
    script
        .push(".ab", "")
        .release(".")
        .push("-", "[REDACTED]")
        .release("-")
        .push("cdefgh", "")
        .release("")
        .finish("[REDACTED]");
}

#[test]
fn a_short_value_is_held_through_a_pause_until_the_next_byte() {
    Script::new(&["1234"]).push("id 1234", "id ").release("").holds().push("5", "12345");
    Script::new(&["1234"]).push("id 1234", "id ").release("").push("\n", "[REDACTED]\n");
    Script::new(&["1234"]).push("id 1", "id ").release("1").push("234\n", "[REDACTED]\n");
    Script::new(&["1234"]).push("id 01234", "id 01234").holds_nothing().push("\n", "\n");
}

#[test]
fn a_release_without_held_bytes_shows_nothing() {
    Script::new(&[]).release("").push("text", "text").release("").finish("");
    Script::new(&[TWENTY]).release("").push("text", "text").release("").push("", "").finish("").release("");
}

#[test]
fn the_beginning_of_an_escape_is_held_until_a_pause() {
    for (shown, escape) in [("99", "%"), ("a ", "&amp"), ("C:", "\\"), ("", "\\u00")] {
        Script::new(&[TWENTY])
            .push(&format!("{shown}{escape}"), shown)
            .release(escape)
            .holds_nothing()
            .push("\n", "\n");
    }
}

#[test]
fn invisible_bytes_are_not_held_outside_of_a_match() {
    for text in ["\x1b", "\x1b[1", "\x1b]0;title", "50 %\r", "a\x08", "a_", "two words ", "\"", "\n\n  ", "x+"] {
        Script::new(&[TWENTY]).push(text, text).holds_nothing().push("z", "z");
    }
}

#[test]
fn invisible_bytes_within_a_match_are_held_with_it() {
    for style in ["\x1b[0m", "\x1b[", "\r\n", "\r", "_", "\x08"] {
        let text = format!("012345678{style}");
        Script::new(&[TWENTY]).push(&text, "").release("").holds().finish("[REDACTED]");
        Script::new(&[TWENTY]).push(&text, "").push("zzz", &(text + "zzz"));
    }
}

#[test]
fn half_of_a_value_is_counted_in_bytes_of_the_value() {
    Script::new(&["abcdefgh"]).push("616263", "").release("616263").push("64", "").release("").push("65", "");
    Script::new(&["abcdefgh"]).push("61 62 63 ", "").release("61 62 63 ").push("64", "").release("").push(" 65", "");
    Script::new(&["abcdefgh"]).push("YWJj", "").release("YWJj").push("Z", "").release("").push("GVmZ2", "[REDACTED]");
    Script::new(&["abcdefgh"]).push("%61%62%63", "").release("%61%62%63").push("%64", "").release("");
    Script::new(&["a%41bcdefghijklmnop"]).push("aAbcd", "").release("aAbcd").push("e", "").release("");
    Script::new(&["abc\"defgh"]).push("%61bc%22", "").release("%61bc%22").push("d", "").release("");
    Script::new(&["abc\"\"\"\"h"]).push("abc", "").release("abc").push("&quot;", "").release("");
    Script::new(&[r"ab\\\\\\\\cdefghij"]).push(r"ab\\\\\\\\\\\\\\\\c", "").release("").finish("[REDACTED]");
}

#[test]
fn what_looks_like_the_beginning_of_an_escape_counts_as_part_of_a_value() {
    let mut script = Script::new(&["abcd&efgh-12"]);
    script.push("%61bcd&efgh", "").release("").push("-12 ", "[REDACTED] ");
    let mut script = Script::new(&["abc &battery-12345"]);
    script.push("%61bc+%26battery", "").release("").push("-12345 ", "[REDACTED] ");
    let mut script = Script::new(&["abc &battery"]);
    script.push("%61bc+%26battery", "").release("").push(" ", "[REDACTED] ");
}
