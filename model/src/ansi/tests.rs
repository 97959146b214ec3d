use super::*;

fn shown(line: &str) -> Vec<(String, String)> {
    spans(line, Style::default()).into_iter().map(|span| (span.style.classes(), span.text)).collect()
}

fn check(line: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> =
        expected.iter().map(|(classes, text)| ((*classes).to_owned(), (*text).to_owned())).collect();
    assert_eq!(shown(line), expected, "{line:?}");
}

#[test]
fn text_without_sequences_becomes_one_span_without_classes() {
    check("  Compiling tokio v1.54.1", &[("", "  Compiling tokio v1.54.1")]);
    check("", &[]);
}

#[test]
fn sgr_parameters_become_classes() {
    check("\x1b[31mred\x1b[0m plain", &[("fg1", "red"), ("", " plain")]);
    check("\x1b[1;32mok", &[("fg2 bold", "ok")]);
    check("\x1b[1m\x1b[38;5;12mbright", &[("fg12 bold", "bright")]);
    check("\x1b[97;41m!\x1b[39;49m?", &[("fg15 bg1", "!"), ("", "?")]);
    check("\x1b[2;3;4;9mx\x1b[22;23;24;29my", &[("dim italic underline strike", "x"), ("", "y")]);
    check("\x1b[ma\x1b[;31mb", &[("", "a"), ("fg1", "b")]);
}

#[test]
fn extended_colours_become_the_nearest_of_the_sixteen() {
    check("\x1b[38;5;196mred", &[("fg9", "red")]);
    check("\x1b[38;5;22mdark green", &[("fg2", "dark green")]);
    check("\x1b[38;5;244mgrey", &[("fg8", "grey")]);
    check("\x1b[38;2;0;0;255mblue", &[("fg12", "blue")]);
    check("\x1b[38:2::255:255:0myellow", &[("fg11", "yellow")]);
    check("\x1b[38:2:0:200:200mcyan", &[("fg6", "cyan")]);
    check("\x1b[48;2;1;1;1;1mblack behind, bold", &[("bg0 bold", "black behind, bold")]);
    check("\x1b[58;5;1;31munderline's colour is skipped", &[("fg1", "underline's colour is skipped")]);
    check("\x1b[38;5mcut off", &[("", "cut off")]);
}

#[test]
fn inverse_swaps_the_colours_and_hidden_text_is_shown() {
    check("\x1b[7mx", &[("fg-inverse bg-inverse", "x")]);
    check("\x1b[7;31mx", &[("fg-inverse bg1", "x")]);
    check("\x1b[7;31;42mx", &[("fg2 bg1", "x")]);
    check("\x1b[8msecret", &[("", "secret")]);
}

#[test]
fn unsupported_sequences_are_removed() {
    for junk in [
        "\x1b[2J",
        "\x1b[?25l",
        "\x1b[1;1H",
        "\x1b[K",
        "\x1b(B",
        "\x1b=",
        "\x1b>",
        "\x1b]0;title\x07",
        "\x1b]0;title\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_apc\x1b\\",
        "\u{9b}31;1H",
        "\x07",
        "\x1b[38;5;1",
        "\x1b[>4;2m",
        "\x1b[!p",
        "\x1b#8",
    ] {
        let plain = plain_text(junk).into_owned();
        assert_eq!(plain, "", "{junk:?}");
        let around = format!("{junk}\x18b");
        assert_eq!(plain_text(&around).trim_start_matches('\u{2418}'), "b", "{junk:?}");
    }
}

#[test]
fn styles_continue_on_the_next_line_but_unfinished_sequences_do_not() {
    let mut scanner = Scanner::default();
    scanner.skip("\x1b[33mwarning");
    assert_eq!(scanner.style().classes(), "fg3");
    scanner.skip("\x1b[3");
    scanner.end_line();
    scanner.skip("1mx");
    assert_eq!(scanner.style().classes(), "fg3");
}

#[test]
fn a_joiner_is_hidden_at_the_beginning_of_a_line_and_shown_after_a_cut() {
    let hides = |scanner: &mut Scanner, text: &str| {
        let mut hidden = false;
        scanner.scan(text, &mut |token| hidden |= matches!(token, Token::Hidden(_)));
        hidden
    };
    let mut scanner = Scanner::default();
    assert!(!hides(&mut scanner, "日"));
    assert!(!hides(&mut scanner, "\u{200d}"));
    scanner.end_line();
    assert!(hides(&mut scanner, "\u{200d}"));
}

#[test]
fn sequences_may_be_split_at_any_position() {
    let text = "a\x1b[1;38;5;196mb\x1b]8;;https://x.y/\x1b\\c\x1b]8;;\x07d\u{9b}4me";
    let mut whole = Scanner::default();
    whole.skip(text);
    for (cut, _) in text.char_indices() {
        let mut scanner = Scanner::default();
        scanner.skip(&text[..cut]);
        scanner.skip(&text[cut..]);
        assert_eq!(scanner.style(), whole.style(), "cut at {cut}");
    }
}

#[test]
fn only_http_and_https_urls_become_links() {
    let link = |line: &str| spans(line, Style::default()).into_iter().find_map(|span| span.link);
    assert_eq!(link("\x1b]8;;https://a.b/c\x1b\\text\x1b]8;;\x1b\\"), Some("https://a.b/c".to_owned()));
    assert_eq!(link("\x1b]8;id=1;HTTP://a.b/c\x07text"), Some("HTTP://a.b/c".to_owned()));
    for bad in ["javascript:alert(1)", "file:///etc/passwd", "https://a b", "data:text/html,x", "https://\u{202e}"] {
        assert_eq!(link(&format!("\x1b]8;;{bad}\x1b\\text\x1b]8;;\x1b\\")), None, "{bad}");
    }
    check("\x1b]8;;https://a.b\x1b\\in\x1b]8;;\x1b\\ out", &[("", "in"), ("", " out")]);
}

#[test]
fn invisible_characters_are_shown_by_their_code_points() {
    assert_eq!(plain_text("a\u{202e}b\u{200b}c"), "a<U+202E>b<U+200B>c");
    assert_eq!(plain_text("nul \0, del \x7f"), "nul \u{2400}, del \u{2421}");
    assert_eq!(plain_text("\u{feff}bom"), "<U+FEFF>bom");
    assert_eq!(plain_text("\u{1f469}\u{200d}\u{1f4bb}"), "\u{1f469}\u{200d}\u{1f4bb}");
    assert_eq!(plain_text("to\u{200d}ken"), "to<U+200D>ken");
}

#[test]
fn no_pair_of_characters_in_a_sequence_shows_a_control_character() {
    for first in '\0'..='\u{ff}' {
        for second in '\0'..='\u{ff}' {
            let line = format!("a\x1b{first}{second}b\x1b[{first}{second}c\x1b]{first}{second}d");
            assert!(
                plain_text(&line).chars().all(|shown| matches!(shown, '\t' | '\n') || !shown.is_control()),
                "{line:?}"
            );
        }
    }
}

#[test]
fn random_bytes_show_no_control_characters() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..2000 {
        let mut bytes = Vec::new();
        for _ in 0..60 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let byte = random.to_le_bytes()[3];
            bytes.push(if byte < 90 { b"\x1b[]0;8m:\x07\\"[usize::from(byte) % 10] } else { byte });
        }
        let line = String::from_utf8_lossy(&bytes);
        assert!(plain_text(&line).chars().all(|shown| matches!(shown, '\t' | '\n') || !shown.is_control()), "{line:?}");
    }
}

#[test]
fn columns_are_counted_as_in_a_terminal() {
    for (line, expected) in [
        ("", 0),
        ("abc", 3),
        ("\x1b[31mabc\x1b[0m", 3),
        ("a\tb", 9),
        ("12345678\tb", 17),
        ("日本", 4),
        ("e\u{301}", 1),
        ("███░░", 5),
        ("\u{200b}", 8),
    ] {
        assert_eq!(cells(line), expected, "{line:?}");
    }
}

#[test]
fn the_plain_text_equals_the_text_of_the_spans() {
    let parts = [
        "a",
        "\u{1b}[31m",
        "\u{1b}[2D",
        "\r",
        "\u{b}",
        "\u{1}",
        "\u{200b}",
        "\u{e9}",
        "\u{1b}]8;;https://a.example/\u{7}",
        "\u{1b}",
        "\t",
    ];
    for seed in 0..500_usize {
        let line: String = (0..8).map(|at| parts[(seed * 7 + at * at * (seed % 13 + 1)) % parts.len()]).collect();
        let expected: String = spans(&line, Style::default()).into_iter().map(|span| span.text).collect();
        assert_eq!(plain_text(&line), expected, "{line:?}");
    }
}
