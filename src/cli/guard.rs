//! What of a job's output may reach an operator's terminal: text and colours, nothing that commands the terminal.
//!
//! A job prints what it likes, and an escape sequence can do more than colour: write the clipboard (OSC 52), change the
//! window's title, make the terminal type an answer into the shell (cursor and device queries), or move the cursor up and
//! overwrite what stands there. Kept are text, newlines, tabs, carriage returns and backspaces, colours (SGR), and erasing
//! within the line (EL), which progress bars need. Everything else is dropped. Pure; a sequence may be cut anywhere.
//!
//! Sources: ECMA-48, fifth edition, 5.4 (control sequences) and 5.6 (control strings); xterm's `ctlseqs`.

use std::borrow::Cow;

/// More characters than the parameters of any colour have; a longer sequence is dropped.
const MAX_PARAMETERS: usize = 64;

/// Whether colours are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Text and colours.
    Colours,
    /// Text only.
    Text,
}

/// Filters one output; it remembers an unfinished sequence.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    keep: Keep,
    state: State,
    parameters: String,
    coloured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC, and its intermediate bytes.
    Escape,
    /// In a control sequence.
    Control,
    /// In a string, such as a title: none of it is shown.
    String,
    /// After an ESC in a string.
    StringEscape,
}

impl Guard {
    pub(super) const fn new(keep: Keep) -> Self {
        Self { keep, state: State::Text, parameters: String::new(), coloured: false }
    }

    /// Returns whether a colour has passed, so that it has to be reset at the end.
    pub(super) const fn has_coloured(&self) -> bool {
        self.coloured
    }

    /// Returns what of the text may pass.
    pub(super) fn filter<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        if self.state == State::Text && text.chars().all(is_harmless) {
            return Cow::Borrowed(text);
        }
        let mut passed = String::with_capacity(text.len());
        for character in text.chars() {
            self.take(character, &mut passed);
        }
        Cow::Owned(passed)
    }

    fn take(&mut self, character: char, passed: &mut String) {
        match (self.state, character) {
            // No sequence goes on in the next line: one that never ends must not swallow the rest.
            (_, '\n') => {
                self.state = State::Text;
                passed.push('\n');
            }
            (_, '\u{18}' | '\u{1a}') | (State::String, '\u{7}' | '\u{9c}') | (State::StringEscape, '\\') => {
                self.state = State::Text;
            }
            (State::String, '\u{1b}') => self.state = State::StringEscape,
            (State::String, _) => {}
            (_, '\u{1b}') => self.state = State::Escape,
            (State::Text, '\u{9b}') | (State::Escape | State::StringEscape, '[') => {
                self.state = State::Control;
                self.parameters.clear();
            }
            (State::Text, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}')
            | (State::Escape | State::StringEscape, ']' | 'P' | 'X' | '^' | '_') => self.state = State::String,
            (State::Text, _) if is_harmless(character) => passed.push(character),
            (State::Text, _) | (State::Escape, ' '..='/') | (State::Control, '\0'..='\u{1f}') => {}
            (State::Control, ' '..='?') => {
                if self.parameters.len() <= MAX_PARAMETERS {
                    self.parameters.push(character);
                }
            }
            (State::Control, letter) => {
                self.state = State::Text;
                self.finish(letter, passed);
            }
            (State::Escape | State::StringEscape, _) => self.state = State::Text,
        }
    }

    fn finish(&mut self, letter: char, passed: &mut String) {
        let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
        let fits = self.parameters.len() <= MAX_PARAMETERS && self.parameters.bytes().all(plain);
        let kept = match letter {
            'm' => self.keep == Keep::Colours && fits,
            'K' => self.keep == Keep::Colours && matches!(self.parameters.as_str(), "" | "0" | "1" | "2"),
            _ => false,
        };
        if kept {
            self.coloured |= letter == 'm';
            passed.push_str("\u{1b}[");
            passed.push_str(&self.parameters);
            passed.push(letter);
        }
    }
}

/// Returns whether a terminal only shows the character, or moves within the line.
const fn is_harmless(character: char) -> bool {
    matches!(character, ' '..='~' | '\n' | '\t' | '\r' | '\u{8}' | '\u{a0}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filters the text whole, and cut at every place.
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
    fn text_colours_and_progress_bars_pass() {
        let text = "plain \u{1b}[1;31mred\u{1b}[0m \u{1b}[38:2::1:2:3mx\u{1b}[m\t50 %\r\u{1b}[K100 %\u{8}é 漢\n";
        check(Keep::Colours, text, text);
        check(Keep::Text, "plain \u{1b}[1;31mred\u{1b}[0m\r\u{1b}[2Kx", "plain red\rx");
    }

    #[test]
    fn what_commands_the_terminal_does_not_pass() {
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
        check(Keep::Colours, &format!("a\u{1b}[{}mb", "1;".repeat(1000)), "ab");
    }
}
