//! Tests which line owns each row.

use super::*;

#[test]
fn lines_without_motions_are_shown_under_their_own_numbers() {
    check_lines("a\n\nb\n", &[(1, "a"), (2, ""), (3, "b")]);
    check_lines("1\n2\n3\n4\n5\n6\n7\n", &[(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5"), (6, "6"), (7, "7")]);
    check_lines("windows\r\nlines\r\n", &[(1, "windows"), (2, "lines")]);
}

#[test]
fn a_line_that_starts_on_a_row_with_text_is_overdrawn() {
    let drawing = drawn(5, "a\nb\n\x1b[2AX\nY\n");
    assert_eq!(drawing.plain(), [(1, "X".to_owned()), (2, "Y".to_owned()), (3, String::new())]);
    assert_eq!(drawing.lines[&4], Redrawn::Overdrawn { on: 2 });
}

#[test]
fn a_line_that_starts_on_a_row_without_text_takes_it_over() {
    check_lines("a\nb\n\x1b[2AX\nY\nend\n", &[(1, "X"), (2, "Y"), (5, "end")]);
    let on = |text: &str| drawn(5, text).lines[&3].clone();
    assert_eq!(on("a\nb\n\x1b[2AX\nY\nend\n"), Redrawn::Overdrawn { on: 1 }, "its text is in this row");
    assert_eq!(on("a\nb\n\x1b[2A\nY\nend\n"), Redrawn::Overdrawn { on: 5 });
    check_lines("a\n   \n\x1b[2A\nX\n", &[(1, "a"), (4, "X  ")]);
    check_lines("\n\n\n\x1b[3A1\n2\n3\n4\n", &[(1, "1"), (5, "2"), (6, "3"), (7, "4")]);
}

#[test]
fn the_rows_below_a_row_that_is_taken_over_lose_their_numbers_too() {
    check_lines("a\n\n\n\x1b[3A\nX", &[(1, "a"), (5, "X")]);
    let drawing = drawn(5, "a\n\n\n\x1b[3A\nX");
    assert_eq!(drawing.lines[&3], Redrawn::Overdrawn { on: 5 });
    assert_eq!(drawing.lines[&4], Redrawn::Overdrawn { on: 5 });
    check_lines("a\n\n\n\x1b[5;1Hbar\x1b[1;1H\nX", &[(1, "a"), (5, "X\nbar")]);
}

#[test]
fn a_blank_row_within_a_display_keeps_its_number_when_it_is_redrawn() {
    let frame = "title\n\nbar\n";
    check_lines(&format!("{frame}\x1b[3A{frame}\x1b[3A{frame}end"), &[(1, "title"), (2, ""), (3, "bar"), (10, "end")]);
}

#[test]
fn numbers_increase_from_top_to_bottom() {
    check_lines("a\n\nb\n\x1b[2AX\nY\n", &[(1, "a"), (2, "X"), (3, "Y"), (4, "")]);
}

#[test]
fn further_rows_of_a_line_belong_to_it() {
    check_lines("a\nb\x0bc\nd", &[(1, "a"), (2, "b\n c"), (3, "d")]);
    check_lines("a\nb\x1b[5;1Hbar\x1b[3;1H", &[(1, "a"), (2, "b\nbar")]);
    check_lines("a\nb\x1b[5;1Hbar\x1b[2;1H\nc", &[(1, "a"), (2, "b"), (3, "c\nbar")]);
}

#[test]
fn a_line_with_several_rows_keeps_those_that_have_scrolled_off() {
    check_lines("1\x1bE2\x1bE3\x1bE4\x1bE5\x1bE6\x1bE7\nend", &[(1, "1\n2\n3\n4\n5\n6\n7"), (2, "end")]);
    check_lines("1\n2\n3\x1b[2J\x1b[H4\x1b[2J\x1b[H5\n6", &[(1, "1"), (2, "2"), (3, "3\n4\n5"), (4, "6")]);
}

#[test]
fn a_screen_that_begins_after_an_overdrawn_line_belongs_to_that_line() {
    check_lines("a\nb\n\x1b[2A\x1b[J\n\x1b[2J\x1b[Hc", &[(1, ""), (2, ""), (3, ""), (4, "c")]);
}

#[test]
fn numbers_may_have_gaps() {
    let mut screen = Screen::new(5, ScreenStart::Empty);
    screen.draw(3, "a", LineEnd::Complete);
    screen.draw(7, "b", LineEnd::Complete);
    screen.draw(9, "\x1b[2AX", LineEnd::Open);
    let numbers: Vec<i64> = screen.take_changes().into_iter().map(|change| change.0).collect();
    assert_eq!(numbers, [3, 7, 9]);
}

#[test]
fn the_first_piece_of_the_next_line_ends_a_line_without_a_newline() {
    let mut screen = Screen::new(5, ScreenStart::Empty);
    screen.draw(1, "a", LineEnd::Open);
    screen.draw(4, "b", LineEnd::Open);
    let rows = |text: &'static str| Redrawn::Rows(Folded { text: text.into(), cut: false });
    assert_eq!(screen.take_changes(), [(1, rows("a")), (4, rows("b"))]);
}

#[test]
fn only_lines_that_changed_are_reported() {
    let mut drawing = Drawing::new(5, ScreenStart::Empty);
    drawing.draw("a\nb\nc\n");
    assert_eq!(drawing.update(), [1, 2, 3]);
    assert_eq!(drawing.update(), [0; 0]);
    drawing.draw("\x1b[3A");
    assert_eq!(drawing.update(), [4]);
    drawing.draw("X");
    assert_eq!(drawing.update(), [1]);
    drawing.draw("\x1b[3BY\n");
    assert_eq!(drawing.update(), [4]);
    drawing.draw("d\ne\nf\n");
    assert_eq!(drawing.update(), [5, 6, 7]);
}

#[test]
fn erasing_blank_rows_changes_nothing() {
    let mut drawing = drawn(5, "a\n\n\nb");
    drawing.draw("\x1b[2;1H\x1b[2K\x1b[B\x1b[K\x1b[1L\x1b[1M");
    drawing.draw("\x1b[4;1H\x1b[5;1H\x1b[J");
    assert_eq!(drawing.update(), [4], "the last row has been moved down and up again");
}

#[test]
fn a_screen_that_starts_in_the_middle_stops_at_the_first_known_row() {
    let check = |text: &str, expected: &[(i64, &str)]| {
        let mut drawing = Drawing::new(5, ScreenStart::Unknown);
        drawing.draw(text);
        drawing.update();
        let shown = drawing.plain();
        let shown: Vec<(i64, &str)> = shown.iter().map(|(number, text)| (*number, text.as_str())).collect();
        assert_eq!(shown, expected, "{text:?}");
    };
    check("a\nb\x1b[9AX", &[(1, "aX"), (2, "b")]);
    check("a\nb\x1b[HX", &[(1, "X"), (2, "b")]);
    check("a\nb\x1b[4;1HX", &[(1, "X"), (2, "b")]);
    check("a\nb\x1b[5;1HX", &[(1, "a"), (2, "X")]);
    check("a\x1bMX", &[(1, "aX")]);
    check("1\n2\n3\n4\n5\n6\x1b[H\x1b[2BX", &[(1, "1"), (2, "2"), (3, "3"), (4, "X"), (5, "5"), (6, "6")]);
    check("a\nb\x1b[2J\x1b[H1\n2\x1b[HX", &[(1, "a"), (2, "b\nX"), (3, "2")]);
    check("a\n\x1b[1;4r\x1b[5;1Hbar\x1b[4;1H\nb\nc", &[(1, "a"), (3, "b"), (4, "c\nbar")]);
}

#[test]
fn the_style_before_the_first_line_can_be_set() {
    let mut scanner = Scanner::default();
    scanner.skip("\x1b[31m");
    let mut drawing = Drawing::new(5, ScreenStart::Unknown);
    drawing.screen.set_style(scanner.style());
    drawing.draw("a");
    drawing.update();
    assert_eq!(drawing.texts(), [(1, "\x1b[31ma\x1b[0m")]);
}

#[test]
fn drawing_the_texts_of_lines_again_gives_the_same_texts() {
    let text = "a\n\x1b[31mb\x0bc\n\x1b]8;;https://a.example/\x07d\x1b]8;;\x07\x1b[0m\ne\n";
    let first = drawn(5, text);
    let again: String = first.texts().into_iter().map(|(_, text)| format!("{text}\n")).collect();
    assert_eq!(drawn(5, &again).texts(), first.texts());
}

#[test]
fn movements_to_other_rows_are_found_even_if_they_are_cut() {
    let found = |text: &str| Scanner::default().finds_screen_motion(text);
    for text in
        ["\x1b[A", "a\x1b[2Bb", "\x1b[H", "\x1b[J", "\x1b[2J", "\x1bM", "\x1b7", "\x1b[?1049h", "\u{9b}3A", "\x1bc"]
    {
        assert!(found(text), "{text:?}");
        let mut scanner = Scanner::default();
        let pieces = text.chars().filter(|piece| scanner.finds_screen_motion(&piece.to_string()));
        assert_eq!(pieces.count(), 1, "{text:?}");
    }
    for text in
        ["abc", "50 %\r\x1b[K60 %", "\x1b[31m\x1b[2C\x08\x0b\x1b[?25l", "\x1b]8;;https://a.example/[A\x07", "\u{e9}[A"]
    {
        assert!(!found(text), "{text:?}");
    }
}
