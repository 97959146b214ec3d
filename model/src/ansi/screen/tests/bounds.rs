//! Tests the limits on a screen's memory usage.

use super::*;
use crate::ansi::fold::MAX_ABOVE;
use crate::ansi::row::{MAX_COLUMNS, MAX_SHIFTED_COLUMNS};

/// Draws `text` many times, and discards the changes regularly.
fn repeated(text: &str, times: usize) -> Drawing {
    let mut drawing = Drawing::new(MAX_HEIGHT, ScreenStart::Empty);
    for at in 0..times {
        drawing.draw(text);
        if at % 1000 == 0 {
            let _ = drawing.screen.take_changes();
        }
    }
    drawing
}

#[test]
fn hostile_motions_leave_a_bounded_number_of_rows() {
    for text in [
        "\x1b[999A",
        "\x1b[999B",
        "\x1b[999;999Hx",
        "\x1b[999L",
        "\x1b[999S",
        "\x1b[999T",
        "\x1bM",
        "\x0b",
        "\n",
        "x\x1b[2J",
        "\x1b[?1049h",
        "\x1b[1;999r\x1b[999d\n",
        "x\x1b[999@",
        "\x1b[J\x1b[1J",
    ] {
        let drawing = repeated(text, 3000);
        let rows = drawing.screen.clone().grid.rows_mut().len();
        assert!(rows <= MAX_HEIGHT.into(), "{text:?}: {rows} rows");
    }
}

#[test]
fn a_screen_of_long_rows_has_a_bounded_size() {
    let drawing = repeated(&format!("\x1b[{MAX_COLUMNS}Gx\x0b"), 1000);
    assert!(drawing.screen.grid.weight() <= 9 << 20, "{}", drawing.screen.grid.weight());
    let mut drawing = repeated(&format!("\x1b[{MAX_COLUMNS}Gx\x1b[A"), 1000);
    drawing.draw(&format!("\x1b[H{}", format!("\x1b[{MAX_COLUMNS}Gx\x1b[B").repeat(1000)));
    assert!(drawing.screen.grid.weight() <= 9 << 20, "{}", drawing.screen.grid.weight());
}

#[test]
fn marks_and_links_of_a_row_have_a_bounded_size() {
    let short = 128 << 10;
    for (text, limit) in [
        ("a\u{301}", 1 << 20),
        ("\u{301}", short),
        ("\u{200b}\r", short),
        ("\r\u{301}", short),
        ("e\u{301}\r", short),
        ("e\u{301}\u{301}\u{301}\r", short),
    ] {
        let drawing = repeated(&text.repeat(100), 3000);
        assert!(drawing.screen.grid.weight() < limit, "{text:?}: {}", drawing.screen.grid.weight());
    }
    let mut drawing = Drawing::new(5, ScreenStart::Empty);
    for at in 0..3000 {
        drawing.draw(&format!("\x1b]8;;https://{at}.{}/\x1b\\ab\r", "a".repeat(200)));
    }
    assert!(drawing.screen.grid.weight() < 1 << 20, "{}", drawing.screen.grid.weight());
}

#[test]
fn links_that_are_replaced_repeatedly_stay_links() {
    let link = |at| format!("\x1b]8;;https://a.example/{at}/{}\x1b\\ab\x1b]8;;\x1b\\\r", "a".repeat(100));
    let text: String = (0..2000).map(link).collect();
    let expected = format!("\x1b]8;;https://a.example/1999/{}\x1b\\ab\x1b]8;;\x1b\\", "a".repeat(100));
    assert_eq!(drawn(5, &text).texts(), [(1, expected.as_str())]);
}

#[test]
fn links_stay_links_while_others_in_their_row_are_replaced() {
    let link = |address: &str, text: &str| format!("\x1b]8;;https://{address}/\x1b\\{text}\x1b]8;;\x1b\\");
    let replaced: String = (0..200).map(|at| format!("\x1b[6G{}", link(&format!("b.example/{at}"), "z"))).collect();
    let text = format!("{}\x1b[2GX{replaced}", link("a.example", "abc"));
    let expected =
        [link("a.example", "a"), "X".into(), link("a.example", "c"), "  ".into(), link("b.example/199", "z")];
    assert_eq!(drawn(5, &text).texts(), [(1, expected.concat().as_str())]);
}

#[test]
fn cells_of_very_long_rows_are_not_moved() {
    for length in [MAX_SHIFTED_COLUMNS, MAX_SHIFTED_COLUMNS + 1] {
        let row = "x".repeat(length);
        let is_moved = |motion: &str| drawn(5, &format!("{row}\r{motion}")).texts()[0].1 != row;
        assert_eq!(
            (is_moved("\x1b[@"), is_moved("\x1b[P")),
            (length == MAX_SHIFTED_COLUMNS, length == MAX_SHIFTED_COLUMNS)
        );
    }
}

#[test]
fn positions_count_from_the_top_of_the_screen_even_if_its_first_rows_do_not_fit() {
    let mut drawing = repeated(&format!("\x1b[{MAX_COLUMNS}Gx\n"), 100);
    assert!(drawing.screen.grid.rows_mut()[0].start > Some(50));
    drawing.draw("\x1b[90;1HX");
    let changed: Vec<i64> = drawing.screen.take_changes().into_iter().map(|change| change.0).collect();
    assert!(changed.contains(&90), "{changed:?}");
    drawing.draw("\x1b[91;1HX");
    assert_eq!(drawing.update(), [91]);
}

#[test]
fn a_row_that_drops_text_reports_that_it_is_cut() {
    let is_cut = |text: &str| match &drawn(5, text).lines[&1] {
        Redrawn::Rows(folded) => (folded.cut, folded.text.len()),
        Redrawn::Overdrawn { .. } => panic!("line 1 is not overdrawn"),
    };
    assert_eq!(is_cut(&"x".repeat(MAX_COLUMNS)), (false, MAX_COLUMNS));
    assert_eq!(is_cut(&"x".repeat(MAX_COLUMNS + 1)), (true, MAX_COLUMNS));
    assert_eq!(is_cut(&format!("{}\r\x1b[Ky", "x".repeat(MAX_COLUMNS + 1))), (false, 1));
    let (cut, length) = is_cut(&"\x1b[9999Gx\x0b".repeat(1000));
    assert!(cut && length < 2 * MAX_ABOVE, "{length}");
}

#[test]
fn an_endless_string_is_not_retained() {
    let drawing = repeated(&format!("\x1b]8;;https://{}", "a".repeat(1000)), 100);
    assert!(drawing.screen.string.len() < 8 << 10, "{}", drawing.screen.string.len());
}

#[test]
fn a_link_with_overlong_parameters_is_dropped() {
    let text = format!("\x1b]8;id={};https://a.example/\x1b\\ab", "x".repeat(5000));
    assert_eq!(drawn(5, &text).texts(), [(1, "ab")]);
}

#[test]
fn a_link_may_be_split_at_any_position_and_is_dropped_if_it_is_too_long() {
    for length in [10, 2083, 2084, 5000] {
        let address = format!("https://{}", "a".repeat(length - 8));
        let text = format!("\x1b]8;id=1;{address}\x1b\\ab");
        let whole = drawn(5, &text);
        assert_eq!(whole.texts()[0].1.contains(&address), length <= 2083, "{length}");
        for cut in (0..text.len()).step_by(length / 10).chain(text.len() - 6..text.len()) {
            let mut pieces = Drawing::new(5, ScreenStart::Empty);
            pieces.draw(&text[..cut]);
            pieces.draw(&text[cut..]);
            pieces.update();
            assert_eq!(pieces.texts(), whole.texts(), "cut at {cut}");
        }
    }
}
