//! A stream of lines shows each line when it is complete.

use fastrand::Rng;
use redact::Redactor;

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEF0123456789+/=_-.:;,%&\\\"'<>()[]{}$#@!?*~^|` \t\r";

fn text(random: &mut Rng, length: usize) -> String {
    (0..length).map(|_| char::from(ALPHABET[random.usize(..ALPHABET.len())])).collect()
}

#[test]
fn the_end_of_a_line_is_not_held() {
    let mut random = Rng::with_seed(1);
    for _ in 0..300 {
        let value = text(&mut random, 10);
        let redactor = Redactor::new([&value]);
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        for _ in 0..100 {
            let length = random.usize(..40);
            let mut line = text(&mut random, length);
            // The beginning of a form of the value.
            match random.u8(..3) {
                0 => line.push_str(&value[..random.usize(1..5)]),
                1 => line.push_str(&hex[..random.usize(1..8)]),
                _ => {}
            }
            let mut stream = redactor.line_stream();
            let shown = stream.push(format!("{line}\n").as_bytes());
            assert!(shown.to_text().ends_with('\n'), "{value:?}: {line:?}");
        }
    }
}

#[test]
fn values_are_masked_in_any_split_of_their_raw_forms() {
    let redactor = Redactor::new(["hunter2-hunter2"]);
    for text in ["hunter2-hunter2", "68756e746572322d68756e7465 7232", "aHVudGVyMi1odW50ZXIy"] {
        let line = format!("before {} after\n", text.replace(' ', ""));
        for cut in 0..line.len() {
            let mut stream = redactor.line_stream();
            let mut shown = stream.push(&line.as_bytes()[..cut]);
            shown.append(&stream.push(&line.as_bytes()[cut..]));
            shown.append(&stream.finish());
            assert_eq!(shown.to_text(), "before [REDACTED] after\n", "{line} cut at {cut}");
        }
    }
}
