use super::*;
use crate::ansi::oracle::{emulate, seeds, shown_rows};
use crate::ansi::plain_text;
use crate::ansi::row::MAX_COLUMNS;
use fastrand::Rng;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(plain_text(line), expected, "{line:?}");
}

#[test]
fn text_after_a_carriage_return_overwrites_only_its_own_columns() {
    check("100 %\r 50", " 50 %");
    check("10%\r20%\r30%", "30%");
    check("done, all 100 files\rok", "okne, all 100 files");
    check("windows\r", "windows");
    check("a\r\r\rb", "b");
}

#[test]
fn text_after_cursor_movements_appears_as_in_a_terminal() {
    check("abcdef\x1b[3DX", "abcXef");
    check("abc\x1b[1GX", "Xbc");
    check("abc\x1b[GX", "Xbc");
    check("a\x1b[Cb", "a b");
    check("a\x1b[5Cb", "a     b");
    check("abc\x1b[99DX", "Xbc");
    check("\x1b[6Gx\x1b[2Gy", " y   x");
    check("abc\x1b[2`X", "aXc");
    check("ab\x1b[2ac\x1b[4jd", "ad  c");
    check("a\tb\x1b[Zc", "a       c");
    check("\x1b[2Ix\x1b[2Zy", "        y       x");
}

#[test]
fn erasures_remove_the_requested_columns() {
    check("100 %\r\x1b[K 50", " 50");
    check("abcdef\x1b[3D\x1b[K", "abc");
    check("abcdef\x1b[3D\x1b[0K", "abc");
    check("abcdef\x1b[3D\x1b[1K", "    ef");
    check("abcdef\x1b[2Kg", "      g");
    check("1%\x1b[2K\x1b[1G2%", "2%");
    check("abcdef\r\x1b[2Xg", "g cdef");
    check("abc\x1b[3K", "abc");
}

#[test]
fn columns_are_inserted_and_deleted() {
    check("abcd\x1b[2G\x1b[2@X", "aX bcd");
    check("abcd\x1b[2G\x1b[2P", "ad");
    check("50 %\r\x1b[@1", "150 %");
}

#[test]
fn a_backspace_moves_the_cursor_and_erases_nothing() {
    check("|\x08/\x08-", "-");
    check("abc\x08", "abc");
    check("_\x08a_\x08b", "ab");
    check("a\x08\x08\x08\x08b", "b");
    check("abc\x08\x08X", "aXc");
}

#[test]
fn vertical_tabs_and_form_feeds_keep_the_column_and_next_line_resets_it() {
    check("one\x0btwo", "one\n   two");
    check("one\x0ctwo", "one\n   two");
    check("one\u{85}two", "one\ntwo");
    check("one\x1bEtwo", "one\ntwo");
    check("one\x1bDtwo\rX", "one\nX  two");
    check("\x1b[31mone\u{85}two", "one\ntwo");
}

#[test]
fn overwriting_half_of_a_wide_character_removes_all_of_it() {
    check("日本\rx", "x 本");
    check("日本\x08\x08x", "日x");
    check("日本\x08x", "日 x");
    check("日本\x1b[2Gx", " x本");
    check("日本\x1b[3D\x1b[K", "");
    check("abc\r日", "日c");
    check("日本語\x1b[2G本", " 本 語");
}

#[test]
fn combining_marks_belong_to_their_base_character() {
    check("e\u{301}a\rx", "xa");
    check("ea\x08\u{301}", "e\u{301}a");
    check("e\x1b[31m\u{301}\rxy", "xy");
    check("\u{301}a\rb", "b");
    check("日\u{301}a\x1b[3G\u{302}b", "日\u{301}\u{302}b");
    check("a\0b\rc", "cb");
}

#[test]
fn styles_and_links_belong_to_their_characters() {
    let fold = |line: &str| fold(line, LineEnd::Complete).text.into_owned();
    assert_eq!(fold("\x1b[31mabc\x1b[0m\rX"), "\x1b[0mX\x1b[31mbc\x1b[0m");
    assert_eq!(fold("abc\r\x1b[1;32mX"), "\x1b[1;32mX\x1b[22;39mbc\x1b[1;32m", "the next line begins bold and green");
    assert_eq!(fold("\x1b]8;;https://a.b\x1b\\abc\x1b]8;;\x1b\\\rX"), "X\x1b]8;;https://a.b\x1b\\bc\x1b]8;;\x1b\\");
    assert_eq!(fold("\x1b[31mabc"), "\x1b[31mabc", "a line without cursor movements is unchanged");
}

#[test]
fn rows_are_bounded_and_report_dropped_text() {
    let endless = format!("\x1b[65535Gx\r{}", "y".repeat(MAX_COLUMNS));
    let folded = fold(&endless, LineEnd::Complete);
    assert_eq!((folded.text.len(), folded.cut), (MAX_COLUMNS, true));
    let cleared = format!("{endless}\r\x1b[Kz");
    assert_eq!(fold(&cleared, LineEnd::Complete), Folded { text: "z".into(), cut: false });
    let long = "x".repeat(3 * MAX_COLUMNS);
    assert_eq!(
        fold(&format!("{long}\r"), LineEnd::Complete).text,
        long,
        "a long line with a Windows newline stays whole"
    );
    let rows = "\x1b[9999Gx\x0b".repeat(1000);
    let folded = fold(&rows, LineEnd::Complete);
    assert!(folded.cut && folded.text.len() < 3 * MAX_ABOVE);
}

/// Generates a line whose cursor movements and erasures are supported by both this code and the emulator, and whose
/// characters have the same widths in both.
fn random_line(random: &mut Rng) -> String {
    let mut line = String::new();
    for _ in 0..random.u64(..40) {
        let number = random.u64(..12);
        let piece = match random.u64(..14) {
            0 => "\r".to_owned(),
            1 => "\x08".to_owned(),
            2 => "\t".to_owned(),
            3 => format!("\x1b[{number}D"),
            4 => format!("\x1b[{number}C"),
            5 => format!("\x1b[{number}G"),
            6 => format!("\x1b[{}K", random.u64(..4)),
            7 => format!("\x1b[{number}X"),
            8 => format!(
                "\x1b[{}m",
                random.choice([0, 1, 3, 4, 22, 23, 24, 31, 32, 39, 44, 49, 91, 102]).expect("there are some")
            ),
            9 => random.choice(['日', '本', '語', '한', '\u{1f600}']).expect("there are some").to_string(),
            10 => random.choice(['é', '\u{301}', '\u{308}', '█', '–']).expect("there are some").to_string(),
            11 => random
                .choice(["\x1b[C", "\x1b[D", "\x1b[G", "\x1b[K", "\x1b[m", "\x1b[4`", "\x1b[?25l"])
                .expect("there are some")
                .to_owned(),
            _ => random.choice(["a", "bc", "100 %", "Downloading", " ", "=====>"]).expect("there are some").to_owned(),
        };
        line.push_str(&piece);
    }
    line
}

#[test]
fn random_lines_match_a_terminal_emulator_cell_by_cell() {
    for seed in seeds(3000) {
        let line = random_line(&mut Rng::with_seed(seed));
        assert_eq!(shown_rows(&line), emulate(&line, 1), "{line:?}, TAILWATER_SEED={seed}");
    }
}

#[test]
fn folding_a_line_in_pieces_equals_folding_it_as_a_whole() {
    for seed in seeds(3000) {
        let mut random = Rng::with_seed(seed);
        let line = format!("{}{}", random_line(&mut random), random_line(&mut random));
        let mut pieces = String::new();
        let mut rest = line.as_str();
        while let Some((at, _)) = rest.char_indices().nth(usize::try_from(random.u64(..6) + 1).expect("it is small")) {
            pieces.push_str(&rest[..at]);
            pieces = fold(&pieces, LineEnd::Open).text.into_owned();
            rest = &rest[at..];
        }
        pieces.push_str(rest);
        assert_eq!(shown_rows(&pieces), shown_rows(&line), "{line:?} as {pieces:?}, TAILWATER_SEED={seed}");
    }
}

#[test]
fn drawing_a_long_line_can_be_stopped() {
    use std::cell::Cell;
    let line = "progress\r".repeat(100_000);
    let checks = Cell::new(0);
    let stopped_at = |check: u32| {
        checks.set(0);
        move |checks: &Cell<u32>| {
            checks.set(checks.get() + 1);
            checks.get() == check
        }
    };
    let all = stopped_at(0);
    assert_eq!(fold_unless(&|| all(&checks), &line, LineEnd::Complete), Some(fold(&line, LineEnd::Complete)));
    let count = checks.get();
    assert!(count > 20, "the line is checked every 64 KiB while it is examined and while it is drawn: {count}");
    for check in [1, count / 2, count] {
        let stop = stopped_at(check);
        assert_eq!(fold_unless(&|| stop(&checks), &line, LineEnd::Complete), None);
        assert_eq!(checks.get(), check);
    }
    assert_eq!(crate::ansi::plain_text_unless(&|| true, &line), None);
    assert_eq!(crate::ansi::plain_text_unless(&|| true, &"\u{301}".repeat(100_000)), None);
}
