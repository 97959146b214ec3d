//! Tests the effect of each motion on the rows.

use super::*;

#[test]
fn text_after_moving_up_and_down_is_drawn_into_the_rows_there() {
    check("a\nb\nc\x1b[2AX", "aX\nb\nc");
    check("a\nb\nc\x1b[AX", "a\nbX\nc");
    check("a\nb\nc\x1b[0AX", "a\nbX\nc");
    check("a\nb\nc\x1b[2A\x1b[BX", "a\nbX\nc");
    check("a\nb\nc\x1b[2A\x1b[eX", "a\nbX\nc");
    check("a\nb\n\x1b[2AX\nY\nd", "X\nY\nd");
}

#[test]
fn moving_to_the_start_of_other_rows_sets_the_column() {
    check("abc\ndef\nghi\x1b[2FX", "Xbc\ndef\nghi");
    check("abc\ndef\nghi\x1b[2A\x1b[EX", "abc\nXef\nghi");
    check("abc\ndef\x1b[FX\x1b[EY", "Xbc\nYef");
}

#[test]
fn the_cursor_stays_on_the_screen() {
    check("a\nb\x1b[9999AX", "aX\nb");
    check("a\nb\x1b[65535A\x1b[65535AX", "aX\nb");
    check("1\n2\n3\n4\n5\n6\n7\x1b[99A\rX", "1\n2\nX\n4\n5\n6\n7");
    check("a\nb\x1b[99BX\nend", "a\nb\n X\nend");
}

#[test]
fn absolute_positions_count_from_the_top_of_the_screen() {
    check("a\nb\nc\x1b[1;1HX", "X\nb\nc");
    check("a\nb\nc\x1b[HX", "X\nb\nc");
    check("a\nb\nc\x1b[2;3fX", "a\nb X\nc");
    check("a\nb\nc\x1b[2dX", "a\nbX\nc");
    check("1\n2\n3\n4\n5\n6\n7\x1b[HX", "1\n2\nX\n4\n5\n6\n7");
    check("1\n2\n3\n4\n5\n6\n7\x1b[999;1HX", "1\n2\n3\n4\n5\n6\nX");
}

#[test]
fn rows_between_the_text_and_an_absolute_position_are_not_shown() {
    check("a\x1b[5;1Hb", "a\nb");
    check("a\x1b[3;1Hb\x1b[5;1Hc\x1b[2;1Hd", "a\nd\nb\nc");
    check("a\nb\x1b[5;1Hbar\x1b[2K", "a\nb");
}

#[test]
fn a_reverse_index_moves_up_and_scrolls_down_at_the_top() {
    check("a\nb\x1bMX", "aX\nb");
    check("a\nb\x1b[H\x1bMX", "X\na\nb");
    check("1\n2\n3\n4\n5\n6\x1b[H\x1bMX", "1\nX\n2\n3\n4\n5");
}

#[test]
fn moving_down_within_a_line_continues_in_the_row_below() {
    check("a\x0bb", "a\n b");
    check("a\x0b\x0bb", "a\n\n b");
    check("a\x1bDb", "a\n b");
    check("a\x1bEb", "a\nb");
    check("a\nb\x1b[A\x0bX", "a\nbX");
    check("1\x0b2\x0b3\x0b4\x0b5\x0b6", "1\n 2\n  3\n   4\n    5\n     6");
}

#[test]
fn parts_of_the_screen_are_erased() {
    check("abc\ndef\nghi\x1b[2;2H\x1b[J", "abc\nd\n");
    check("abc\ndef\nghi\x1b[2;2H\x1b[0JX", "abc\ndX\n");
    check("abc\ndef\nghi\x1b[2;2H\x1b[1J", "\n  f\nghi");
    check("abc\ndef\nghi\x1b[H\x1b[J", "\n\n");
    check("abc\ndef\x1b[A\x1b[2K", "\ndef");
    check("abc\r\x1b[Jd", "d");
    check("abc\r\x1b[4Jd", "dbc");
}

#[test]
fn erasing_the_whole_screen_keeps_its_text_and_begins_a_new_screen() {
    check("a\nb\x1b[2J\x1b[Hc", "a\nb\nc");
    check("a\nb\n\x1b[H\x1b[2Jc\nd\n\x1b[H\x1b[2Je", "a\nb\nc\nd\ne");
    check("a\x1b[2Jb", "a\n b");
    check("\x1b[2J\x1b[2J\x1b[Ha\x1b[2J\x1b[2J\x1b[2J\x1b[Hb", "a\nb");
    check("a\x1b[2J\x1b[9Ab", "a\n b");
    check("a\nb\x1b[3J\x1b[HX", "X\nb");
}

#[test]
fn a_reset_begins_a_new_screen_with_the_default_style() {
    check("a\nb\x1bcc", "a\nb\nc");
    let drawing = drawn(5, "\x1b[31ma\x1bcb\n\x1b[2;3r\x1bc1\n2\n3\n4");
    assert_eq!(drawing.texts()[0], (1, "\x1b[31ma\x1b[0m\u{85}b"));
    assert_eq!(drawing.plain().last(), Some(&(5, "4".to_owned())));
}

#[test]
fn the_last_content_of_the_alternate_screen_is_kept() {
    for mode in [47, 1047, 1049] {
        check(&format!("a\nb\x1b[?{mode}h1\n2\x1b[H\x1b[2J3\x1b[?{mode}lc\x1b[HX"), "a\nb\n3\n\nX");
    }
    check("a\x1b[?25h\x1b[?2026h\x1b[?7l\x1b[HX\x1b[?2026l", "X");
    check("a\nb\x1b[1?1049h\x1b[HX", "X\nb");
}

#[test]
fn the_saved_position_and_style_are_restored() {
    check("a\x1b7\nb\x1b8X", "aX\nb");
    check("a\x1b[s\nb\x1b[uX", "aX\nb");
    check("a\nb\x1b8X", "X\nb");
    check("a\x1b[s\nb\x1b[5s\x1b[uX", "aX\nb");
    check("1\n2\n3\n4\n5\x1b[H\x1b7\x1b[5d\n6\x1b8X", "1\nX\n3\n4\n5\n6");
    check("a\nb\x1b[>1u\x1b[?1s\x1b[5sX", "a\nbX");
    assert_eq!(drawn(5, "\x1b[31m\x1b7\x1b[32ma\nb\x1b8c").texts()[0], (1, "\x1b[31mc\x1b[0m"));
    assert_eq!(drawn(5, "\x1b[31m\x1b7\x1b[0m\x1b8\x1b[1ma").texts()[0], (1, "\x1b[1;31ma\x1b[0m"));
}

#[test]
fn a_scrolling_region_keeps_the_rows_outside() {
    check("a\x1b[5;1Hbar\x1b[1;4r\x1b[4;1H1\n2\n3", "a\n1\n2\n3\nbar");
    check("a\nb\x1b[1;1r\x1b[;1rX", "a\nbX");
    check("a\nb\x1b[rX", "X\nb");
    check("1\n2\n3\n4\n5\x1b[2;3r\x1b[3;1HX\nY\nZ", "1\nY\nZ\n4\n5");
    check("1\n2\n3\n4\n5\x1b[2;3r\x1b[2;1H\x1bMX", "1\nX\n2\n4\n5");
    check("1\n2\n3\n4\n5\x1b[2;4r\x1b[3;1H\x1b[9AX\x1b[9BY", "1\nX\n3\n4Y\n5");
    check("1\n2\n3\n4\n5\x1b[2;3r\x1b[5;1H\nX", "1\n2\n3\n4\nX");
}

#[test]
fn rows_are_inserted_and_deleted() {
    check("1\n2\n3\x1b[2;1H\x1b[LX", "1\nX\n2\n3");
    check("1\n2\n3\x1b[2;1H\x1b[MX", "1\nX\n");
    check("1\n2\n3\n4\n5\x1b[2;1H\x1b[2LX", "1\nX\n\n2\n3");
    check("1\n2\n3\n4\n5\x1b[2;1H\x1b[99M", "1\n\n\n\n");
    check("1\n2\n3\n4\n5\x1b[2;4r\x1b[3;1H\x1b[LX\x1b[H\x1b[L", "1\n2\nX\n3\n5");
    check("1\n2\n3\n4\n5\x1b[2;4r\x1b[3;1H\x1b[MX\x1b[H\x1b[M", "1\n2\nX\n\n5");
}

#[test]
fn the_screen_scrolls_on_request() {
    check("1\n2\n3\x1b[SX", "1\n2\n3\n X");
    check("1\n2\n3\x1b[2S\x1b[HX", "1\n2\nX");
    check("1\n2\n3\x1b[T\x1b[HX", "X\n1\n2\n3");
    check("1\n2\n3\n4\n5\x1b[99T", "\n\n\n\n");
    check("1\n2\x1b[1;2;3;4;5TX", "1\n2X");
}

#[test]
fn columns_are_inserted_and_deleted() {
    check("abcd\x1b[2G\x1b[2@X", "aX bcd");
    check("abcd\x1b[2G\x1b[2P", "ad");
    check("abcd\x1b[3G\x1b[99P", "ab");
    check("abcd\x1b[9G\x1b[@\x1b[PX", "abcd    X");
    check("a日b\x1b[3G\x1b[@", "a   b");
    check("a日本b\x1b[3G\x1b[P", "a 本b");
    check("ab\u{301}c\x1b[1G\x1b[@", " ab\u{301}c");
    check("abc\x1b[2X\x1b[1G\x1b[@\x1b[P\x1b[P", "bc");
}

#[test]
fn links_and_styles_move_with_their_characters() {
    let text = "\x1b[31m\x1b]8;;https://a.example/\x1b\\ab\x1b]8;;\x1b\\\x1b[0m\x1b[H\x1b[L\x1b[@";
    let expected = "\x1b[31m\x1b]8;;https://a.example/\x1b\\ab\x1b[0m\x1b]8;;\x1b\\";
    assert_eq!(drawn(5, &format!("{text}.")).texts(), [(1, format!(".\u{85}{expected}").as_str())]);
}

#[test]
fn each_text_starts_and_ends_with_the_default_style() {
    let expected = [(1, "\x1b[1;31mred\x1b[0m"), (2, "\x1b[1;31malso\x1b[0m")];
    assert_eq!(drawn(5, "\x1b[1;31mred\nalso").texts(), expected);
    let expected = (1, "\x1b[1;31mred\x1b[0m \x1b[1;32mX\x1b[0m");
    assert_eq!(drawn(5, "\x1b[1;31mred\nalso\x1b[A\x1b[32mX").texts()[0], expected);
}

#[test]
fn invisible_characters_are_marked_in_redrawn_rows_too() {
    check("a\nb\x1b[A\u{202e}\0", "a<U+202E>\u{2400}\nb");
    check("a\n\u{301}\x1b[A\x7f", "\u{2421}a\n\u{301}");
    check("日\u{200d}\n\u{200d}", "日\u{200d}\n<U+200D>");
    check("\u{301}\x1b[2Ka", "a");
}

#[test]
fn sequences_do_not_continue_on_the_next_line() {
    check("a\x1b[2\nA", "a\nA");
    check("a\x1b]8;;https://a.example/\nb\x07c", "a\nbc");
    let link = "\x1b]8;;https://b.example/\x1b\\b\x1b]8;;\x1b\\";
    assert_eq!(drawn(5, &format!("\x1b]8;;https://a.example/\n{link}")).texts()[1].1, link);
    let started_by_c1 = "\u{9d}8;;https://b.example/\u{9c}b\u{9d}8;;\u{9c}";
    assert_eq!(drawn(5, &format!("\x1b]8;;https://a.example/\n{started_by_c1}")).texts()[1].1, link);
}
