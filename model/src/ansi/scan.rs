//! The parser: a state machine that reads text and reports the corresponding terminal actions.

use super::Style;
use super::link::{append_to_string, end_string};
use super::motion::{Motion, ScreenMotion};
use super::style::Parameter;
use super::visible::is_shown;

/// A terminal action that makes sense within a single line: it affects the current row, or moves to the row below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Shows text, which may contain tabs but no other control characters.
    Text(&'a str),
    /// Reports a character that would be invisible or would change how other characters are shown.
    Hidden(char),
    /// Changes the style of the text that follows (SGR).
    Restyle {
        /// The new style.
        style: Style,
        /// The original sequence.
        sequence: Sgr<'a>,
    },
    /// Starts a link to this URL, or ends the current one.
    Link(Option<&'a str>),
    /// Moves the cursor or erases.
    Motion(Motion),
}

/// An action of a terminal, including those that affect several rows.
///
/// Actions on the whole screen are not part of [`Token`]. Code that handles single lines, such as the command line's
/// filter, therefore cannot pass such actions on by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// An action that makes sense within a single line.
    Token(Token<'a>),
    /// An action on the screen.
    Screen(ScreenMotion),
}

/// The parameters of one SGR sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sgr<'a>(&'a [Parameter]);

impl Sgr<'_> {
    /// Applies the sequence to a style.
    pub(super) fn apply(self, style: &mut Style) {
        style.apply(self.0);
    }

    /// Appends the SGR sequence to `out`.
    pub fn write(self, out: &mut String) {
        out.push_str("\u{1b}[");
        for (index, parameter) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(if parameter.sub { ':' } else { ';' });
            }
            // Omit zeros, because a terminal treats an empty parameter as 0.
            if parameter.value > 0 {
                out.push_str(&parameter.value.to_string());
            }
        }
        out.push('m');
    }
}

/// The maximum number of parameters of a sequence, which is more than any colour requires. Additional parameters are
/// ignored.
const MAX_PARAMETERS: usize = 16;

/// The number of bytes after which the scanner checks whether its caller still needs the result. Drawing this much text
/// takes at most some tens of milliseconds.
const CHECK_EVERY: usize = 64 * 1024;

/// Parses text that arrives in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanner {
    style: Style,
    state: ScannerState,
    parameters: [Parameter; MAX_PARAMETERS],
    count: usize,
    overflow: bool,
    /// The last character that was shown.
    before: char,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ScannerState {
    #[default]
    Text,
    /// The scanner has read ESC.
    Escape,
    /// The scanner has read ESC and intermediate bytes, for example in a sequence that selects a character set.
    Intermediate,
    /// The scanner is within a control sequence.
    Control,
    /// The scanner is within a control sequence that sets or resets DEC private modes.
    Mode,
    /// The scanner is within a control sequence with other private parameters or intermediate bytes. Such a sequence is
    /// ignored.
    Private,
    /// The scanner is within a string: an OSC sequence, which may be a link, or DCS, SOS, PM or APC.
    String,
    /// The scanner has read ESC within a string.
    StringEscape,
}

impl Scanner {
    /// Creates a scanner for the beginning of a line that starts with `style`.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, ..Self::default() }
    }

    /// Returns the style of the text that follows.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// Returns whether the scanner is outside of all sequences.
    #[must_use]
    pub fn is_in_text(&self) -> bool {
        self.state == ScannerState::Text
    }

    /// Discards an unfinished sequence, because sequences do not continue on the next line.
    pub const fn end_line(&mut self) {
        self.state = ScannerState::Text;
        self.before = '\0';
    }

    /// Resets the scanner to the state that it has after `line`, which starts with `style`.
    pub fn go_on_after(&mut self, line: &str, style: Style) {
        *self = Self::new(style);
        self.skip(line);
    }

    /// Parses text without reporting any actions, in order to update the style.
    pub fn skip(&mut self, text: &str) {
        if self.state != ScannerState::Text || text.bytes().any(|byte| byte == 0x1b || byte == 0xc2) {
            self.scan(text, &mut |_| {});
        }
    }

    /// Parses text like [`Scanner::skip`], and returns whether it contains a [`ScreenMotion`]. Only a
    /// [`Screen`](super::Screen) applies these motions.
    pub fn finds_screen_motion(&mut self, text: &str) -> bool {
        let mut found = false;
        if self.state != ScannerState::Text || text.bytes().any(|byte| byte == 0x1b || byte == 0xc2) {
            let sink = &mut |action: Action<'_>| found |= matches!(action, Action::Screen(_));
            self.scan_screen(text, &mut String::new(), sink);
        }
        found
    }

    /// Parses text and passes the actions that make sense within a single line to `sink`, in order. Returns the byte
    /// index at which an unfinished sequence begins, or the text's length if there is none.
    pub fn scan(&mut self, text: &str, sink: &mut dyn FnMut(Token<'_>)) -> usize {
        self.scan_unless(&|| false, text, sink).unwrap_or(text.len())
    }

    /// Parses text like [`Scanner::scan`]. Returns `None` as soon as `is_stopped` returns true, which is called after
    /// every 64 KiB.
    pub(super) fn scan_unless(
        &mut self,
        is_stopped: &dyn Fn() -> bool,
        text: &str,
        sink: &mut dyn FnMut(Token<'_>),
    ) -> Option<usize> {
        self.scan_screen_unless(is_stopped, text, &mut String::new(), &mut |action| match action {
            Action::Token(token) => sink(token),
            Action::Screen(_) => {}
        })
    }

    /// Parses text and passes all actions of a terminal to `sink`, in order. Returns the byte index at which an
    /// unfinished sequence begins, or the text's length if there is none.
    ///
    /// `string` buffers the content of an unfinished control string (OSC, DCS and similar). The caller must pass the
    /// same buffer with the text that follows. Otherwise, the control string is not interpreted correctly.
    pub(super) fn scan_screen(&mut self, text: &str, string: &mut String, sink: &mut dyn FnMut(Action<'_>)) -> usize {
        self.scan_screen_unless(&|| false, text, string, sink).unwrap_or(text.len())
    }

    fn scan_screen_unless(
        &mut self,
        is_stopped: &dyn Fn() -> bool,
        text: &str,
        string: &mut String,
        sink: &mut dyn FnMut(Action<'_>),
    ) -> Option<usize> {
        let mut begin = 0;
        let mut sequence_begin = 0;
        let mut check_at = CHECK_EVERY;
        for (at, character) in text.char_indices() {
            if at >= check_at {
                if is_stopped() {
                    return None;
                }
                check_at += CHECK_EVERY;
            }
            let after = at + character.len_utf8();
            if self.state == ScannerState::Text {
                if is_shown(character, self.before) {
                    self.before = character;
                    continue;
                }
                if begin < at {
                    sink(Action::Token(Token::Text(&text[begin..at])));
                }
                (begin, sequence_begin) = (after, at);
                self.control(character, sink);
            } else {
                let in_string = self.in_string();
                if let Some(content) = self.sequence(character, &text[begin.min(at)..at], sink) {
                    end_string(string, content, sink);
                }
                if character == '\u{1b}' && !self.in_string() {
                    sequence_begin = at;
                }
                // The content of a control string is interpreted once its end has been found.
                if !(in_string && self.in_string()) {
                    begin = after;
                    string.clear();
                }
            }
        }
        if self.in_string() {
            append_to_string(string, &text[begin..]);
        }
        if self.state != ScannerState::Text {
            return Some(sequence_begin);
        }
        if begin < text.len() {
            sink(Action::Token(Token::Text(&text[begin..])));
        }
        Some(text.len())
    }

    /// Handles a control character, or another character that must not be printed as it is.
    fn control(&mut self, character: char, sink: &mut dyn FnMut(Action<'_>)) {
        match character {
            '\u{1b}' => self.state = ScannerState::Escape,
            '\u{9b}' => self.begin_control(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.state = ScannerState::String,
            '\u{8}' => sink(Action::Token(Token::Motion(Motion::Left(1)))),
            '\r' => sink(Action::Token(Token::Motion(Motion::Column(0)))),
            '\u{b}' | '\u{c}' | '\u{84}' => sink(Action::Token(Token::Motion(Motion::Down))),
            '\u{85}' => sink(Action::Token(Token::Motion(Motion::NextRow))),
            // The bell and shifts between obsolete character sets have no effect.
            '\u{7}' | '\u{e}' | '\u{f}' => {}
            _ => sink(Action::Token(Token::Hidden(character))),
        }
    }

    /// Handles a character inside a sequence. If a control string ends here, returns its content.
    fn sequence<'a>(&mut self, character: char, content: &'a str, sink: &mut dyn FnMut(Action<'_>)) -> Option<&'a str> {
        match (self.state, character) {
            // CAN and SUB abort any sequence.
            (_, '\u{18}' | '\u{1a}') => self.state = ScannerState::Text,
            (ScannerState::String, '\u{7}' | '\u{9c}') | (ScannerState::StringEscape, '\\') => {
                self.state = ScannerState::Text;
                return Some(content);
            }
            (ScannerState::String, '\u{1b}') => self.state = ScannerState::StringEscape,
            (_, '\u{1b}') => {
                self.state = ScannerState::Escape;
            }
            (ScannerState::Escape | ScannerState::StringEscape, '[') => self.begin_control(),
            (ScannerState::Escape | ScannerState::StringEscape, ']' | 'P' | 'X' | '^' | '_') => {
                self.state = ScannerState::String;
            }
            (ScannerState::Escape | ScannerState::Intermediate, ' '..='/') => self.state = ScannerState::Intermediate,
            (ScannerState::Escape, 'D' | 'E' | 'M' | '7' | '8' | 'c') => self.finish_escape(character, sink),
            (ScannerState::Control | ScannerState::Mode, '0'..='9') => self.digit(character),
            (ScannerState::Control | ScannerState::Mode, ';' | ':') => self.next_parameter(character == ':'),
            (ScannerState::Control, '?') if self.count == 0 && self.parameters[0].value == 0 => {
                self.state = ScannerState::Mode;
            }
            (ScannerState::Control | ScannerState::Mode, '\u{20}'..='\u{2f}' | '\u{3c}'..='\u{3f}') => {
                self.state = ScannerState::Private;
            }
            (ScannerState::Control, '\u{40}'..='\u{7e}') => {
                self.state = ScannerState::Text;
                self.finish_control(character, sink);
            }
            (ScannerState::Mode, '\u{40}'..='\u{7e}') => {
                self.state = ScannerState::Text;
                self.finish_mode(character, sink);
            }
            // The sequence continues. Terminals execute other control characters inside a sequence, but this parser
            // drops them.
            (ScannerState::String, _)
            | (ScannerState::Private, ' '..='?')
            | (ScannerState::Control | ScannerState::Mode | ScannerState::Private, '\0'..='\u{1f}') => {}
            _ => self.state = ScannerState::Text,
        }
        None
    }

    const fn in_string(&self) -> bool {
        matches!(self.state, ScannerState::String | ScannerState::StringEscape)
    }

    const fn begin_control(&mut self) {
        self.state = ScannerState::Control;
        self.parameters = [Parameter { value: 0, sub: false }; MAX_PARAMETERS];
        self.count = 0;
        self.overflow = false;
    }

    fn digit(&mut self, digit: char) {
        if self.overflow {
            return;
        }
        if let Some(parameter) = self.parameters.get_mut(self.count) {
            let digit = u16::try_from(u32::from(digit) - 0x30).unwrap_or(0);
            parameter.value = parameter.value.saturating_mul(10).saturating_add(digit);
        }
    }

    fn next_parameter(&mut self, sub: bool) {
        if self.count + 1 < MAX_PARAMETERS {
            self.count += 1;
            self.parameters[self.count].sub = sub;
        } else {
            self.overflow = true;
        }
    }

    fn finish_escape(&mut self, letter: char, sink: &mut dyn FnMut(Action<'_>)) {
        self.state = ScannerState::Text;
        sink(match letter {
            'D' => Action::Token(Token::Motion(Motion::Down)),
            'E' => Action::Token(Token::Motion(Motion::NextRow)),
            'M' => Action::Screen(ScreenMotion::ReverseIndex),
            '7' => Action::Screen(ScreenMotion::Save),
            '8' => Action::Screen(ScreenMotion::Restore),
            _ => Action::Screen(ScreenMotion::Reset),
        });
    }

    fn finish_control(&mut self, letter: char, sink: &mut dyn FnMut(Action<'_>)) {
        let parameters = &self.parameters[..=self.count];
        let first_two = [parameters[0].value, self.parameters[1].value];
        if letter == 'm' {
            self.style.apply(parameters);
            sink(Action::Token(Token::Restyle { style: self.style, sequence: Sgr(parameters) }));
        } else if let Some(motion) = Motion::of_control(letter, first_two[0]) {
            sink(Action::Token(Token::Motion(motion)));
        } else if let Some(motion) = ScreenMotion::of_control(letter, first_two, parameters.len()) {
            sink(Action::Screen(motion));
        }
    }

    fn finish_mode(&mut self, letter: char, sink: &mut dyn FnMut(Action<'_>)) {
        for parameter in &self.parameters[..=self.count] {
            if let Some(motion) = ScreenMotion::of_mode(letter, parameter.value) {
                sink(Action::Screen(motion));
            }
        }
    }
}
