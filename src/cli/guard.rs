//! Filters a job's output before it is written to a terminal. Text, newlines, tabs, colours (SGR), and cursor movements
//! and erasures within a row are passed on. All other control sequences are removed.
//!
//! A job can print anything, and escape sequences can do more than set colours. They can write to the clipboard (OSC
//! 52), change the window's title, make the terminal type a reply into the shell (cursor and device queries), or move
//! the cursor up and overwrite other lines. Movements and erasures within a row are harmless, and progress bars need
//! them. The filter has no side effects, and its input may be split at any character.
//!
//! The same scanner parses sequences here and for the web pages ([`ansi::Scanner`]). If the output is not a terminal
//! and colours are off, cursor movements would have no effect, so complete lines are written as a terminal would
//! display them.

use std::borrow::Cow;

use model::ansi::{self, LineEnd, Scanner, Token};

/// The length in bytes above which an unfinished line is written before it is complete. No terminal window is large
/// enough to display a longer line.
const MAX_OPEN_LINE: usize = 1 << 20;

/// The kinds of content that the filter passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Text, cursor movements within the line, and colours.
    Colours,
    /// Text, and cursor movements within the line.
    Moves,
    /// Text only, line by line, as a terminal would display it.
    Text,
}

/// The filter for one output. Its state includes an unfinished escape sequence, which may continue in the text that is
/// filtered next.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    keep: Keep,
    scanner: Scanner,
    coloured: bool,
    /// The beginning of the current line if only complete lines are written, and otherwise an empty string.
    open: String,
}

impl Guard {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, scanner: Scanner::default(), coloured: false, open: String::new() }
    }

    /// Returns whether a colour has passed the filter. If so, the colour must be reset after the output.
    pub(super) const fn has_coloured(&self) -> bool {
        self.coloured
    }

    /// Filters a piece of output. An escape sequence may continue in the next piece.
    pub(super) fn filter<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let is_whole = self.keep != Keep::Text || text.ends_with('\n');
        if is_whole && self.scanner.is_in_text() && self.open.is_empty() && text.chars().all(is_harmless) {
            return Cow::Borrowed(text);
        }
        let mut passed = String::with_capacity(text.len());
        for part in text.split_inclusive('\n') {
            let line = part.strip_suffix('\n');
            self.take(line.unwrap_or(part), &mut passed);
            if line.is_some() {
                passed.push_str(&self.rest());
                passed.push('\n');
                // The end of a line also ends an unfinished sequence. Otherwise the sequence could hide the rest of the
                // output.
                self.scanner.end_line();
            }
        }
        Cow::Owned(passed)
    }

    /// Removes the part of the current line that has not been written yet, and returns it as a terminal would display
    /// it.
    pub(super) fn rest(&mut self) -> String {
        let line = std::mem::take(&mut self.open);
        let folded = ansi::fold(&line, LineEnd::Complete).text;
        let mut text = String::with_capacity(folded.len());
        Scanner::default().scan(&folded, &mut |token| match token {
            Token::Text(part) => text.push_str(part),
            Token::Hidden(character) if is_harmless(character) => text.push(character),
            Token::Motion(_) => text.push('\n'),
            Token::Hidden(_) | Token::Restyle { .. } | Token::Link(_) => {}
        });
        text
    }

    fn take(&mut self, text: &str, passed: &mut String) {
        if self.keep == Keep::Text {
            self.open.push_str(text);
            if self.open.len() > MAX_OPEN_LINE {
                self.open = ansi::fold(&self.open, LineEnd::Open).text.into_owned();
            }
            if self.open.len() > MAX_OPEN_LINE {
                passed.push_str(&self.rest());
            }
            return;
        }
        let (keep, coloured) = (self.keep, &mut self.coloured);
        self.scanner.scan(text, &mut |token| match token {
            Token::Text(text) => passed.push_str(text),
            Token::Hidden(character) if is_harmless(character) => passed.push(character),
            Token::Restyle { sequence, .. } if keep == Keep::Colours => {
                sequence.write(passed);
                *coloured = true;
            }
            // The motion to the next row is written as CR LF and not as NEL (U+0085), because a terminal that does not
            // decode UTF-8 would display the two bytes of NEL as text.
            Token::Motion(ansi::Motion::NextRow) => passed.push_str("\r\n"),
            Token::Motion(motion) => motion.write(passed),
            Token::Hidden(_) | Token::Restyle { .. } | Token::Link(_) => {}
        });
    }
}

/// Returns whether a character is a newline, a tab, or any character that is not a control character.
const fn is_harmless(character: char) -> bool {
    matches!(character, ' '..='~' | '\n' | '\t' | '\u{a0}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the result of filtering the text in one piece, and in two pieces split at every position.
    #[track_caller]
    fn check(keep: Keep, text: &str, expected: &str) {
        assert_eq!(Guard::new(keep).filter(text), expected);
        for (at, _) in text.char_indices() {
            let mut guard = Guard::new(keep);
            let passed = format!("{}{}", guard.filter(&text[..at]), guard.filter(&text[at..]));
            assert_eq!(passed, expected, "cut at {at}");
        }
    }

    #[test]
    fn text_colours_and_progress_bars_are_passed_on() {
        let text = "plain \u{1b}[1;31mred\u{1b}[m \u{1b}[38:2::1:2:3mx\u{1b}[m\t50 %\r\u{1b}[K100 %\u{8}é 漢\n";
        check(Keep::Colours, text, text);
        check(Keep::Moves, "plain \u{1b}[1;31mred\u{1b}[0m\r\u{1b}[2Kx", "plain red\r\u{1b}[2Kx");
        check(
            Keep::Moves,
            "abc\u{1b}[2DX\u{1b}[10GY\u{1b}[3X\u{b}d\u{85}e",
            "abc\u{1b}[2DX\u{1b}[10GY\u{1b}[3X\u{b}d\r\ne",
        );
    }

    #[test]
    fn without_a_terminal_lines_are_written_as_a_terminal_would_display_them() {
        for (text, expected) in [
            ("plain \u{1b}[1;31mred\u{1b}[0m\r\u{1b}[2Kx\nnext\n", "x\nnext\n"),
            ("100 %\r 50 %\n", " 50 %\n"),
            ("abc\u{1b}[3DX\u{1b}[Cz\u{b}below\n", "Xbz\n   below\n"),
            ("windows\r\n", "windows\n"),
        ] {
            for (at, _) in text.char_indices() {
                let mut guard = Guard::new(Keep::Text);
                let passed = format!("{}{}", guard.filter(&text[..at]), guard.filter(&text[at..]));
                assert_eq!(passed + &guard.rest(), expected, "cut at {at}");
            }
        }
        let mut guard = Guard::new(Keep::Text);
        let passed = guard.filter("1 %\r2 %").into_owned();
        assert_eq!(passed + &guard.rest(), "2 %", "an unfinished last line");
    }

    #[test]
    fn sequences_that_control_the_terminal_are_removed() {
        for (text, expected) in [
            ("a\u{1b}]52;c;aGFja2Vk\u{7}b", "ab"),
            ("a\u{1b}]0;title\u{1b}\\b", "ab"),
            ("a\u{9d}0;title\u{9c}b", "ab"),
            ("a\u{1b}[6nb\u{1b}[cc\u{1b}[>0qd\u{1b}[?1049he", "abcde"),
            ("a\u{9b}6nb", "ab"),
            ("a\u{1b}[2J\u{1b}[1;1Hb\u{1b}[3Ac", "abc"),
            ("a\u{1b}P+q544e\u{1b}\\b\u{1b}_x\u{1b}\\c", "abc"),
            ("a\u{1b}c\u{1b}(0b\u{5}\u{7}\u{e}\u{7f}c", "abc"),
            ("a\u{1b}[?31mb\u{1b}[>4;2mc", "abc"),
            ("a\u{1b}]0;never ends\nb", "a\nb"),
            ("a\u{1b}\u{1b}]0;x\u{7}b\u{1b}[\u{18}c", "abc"),
        ] {
            check(Keep::Colours, text, expected);
        }
        let cut = format!("a\u{1b}[{}1mb", "1;".repeat(15));
        check(Keep::Colours, &format!("a\u{1b}[{}mb", "1;".repeat(1000)), &cut);
    }
}
