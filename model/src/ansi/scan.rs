//! The parser: a state machine that reads text and reports the corresponding terminal actions.

use super::Style;
use super::motion::Motion;
use super::style::Parameter;

/// One action of a terminal.
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

/// The parameters of one SGR sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sgr<'a>(&'a [Parameter]);

impl Sgr<'_> {
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

/// The maximum number of parameters of a sequence, which is more than any colour requires. Further parameters are
/// ignored.
const MAX_PARAMETERS: usize = 16;
/// The maximum length of a link's URL in bytes (the limit of the OSC 8 specification). Longer URLs do not become links.
const MAX_LINK_BYTES: usize = 2083;

/// Parses text that arrives in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanner {
    style: Style,
    state: ScannerState,
    parameters: [Parameter; MAX_PARAMETERS],
    count: usize,
    overflow: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ScannerState {
    #[default]
    Text,
    /// The scanner has read ESC.
    Escape,
    /// The scanner has read ESC and intermediate bytes, for example of a sequence that selects a character set.
    Intermediate,
    /// The scanner is within a control sequence.
    Control,
    /// The scanner is within a control sequence with private parameters or intermediate bytes. Such a sequence is
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

    /// Parses text and passes the actions of a terminal to `sink`, in order. Returns the position at which an
    /// unfinished sequence begins, or the text's length if there is none.
    pub fn scan(&mut self, text: &str, sink: &mut dyn FnMut(Token<'_>)) -> usize {
        let mut begin = 0;
        let mut sequence_begin = 0;
        let mut before = ' ';
        for (at, character) in text.char_indices() {
            let after = at + character.len_utf8();
            if self.state == ScannerState::Text {
                if is_shown(character, before) {
                    before = character;
                    continue;
                }
                if begin < at {
                    sink(Token::Text(&text[begin..at]));
                }
                (begin, sequence_begin) = (after, at);
                self.control(character, sink);
            } else {
                let in_string = self.in_string();
                if let Some(string) = self.sequence(character, &text[begin.min(at)..at], sink) {
                    take_link(string, sink);
                }
                if character == '\u{1b}' && !self.in_string() {
                    sequence_begin = at;
                }
                // The content of a string is interpreted once its end has been found.
                if !(in_string && self.in_string()) {
                    begin = after;
                }
            }
        }
        if self.state != ScannerState::Text {
            return sequence_begin;
        }
        if begin < text.len() {
            sink(Token::Text(&text[begin..]));
        }
        text.len()
    }

    /// Handles a control character, or another character that must not be printed as it is.
    fn control(&mut self, character: char, sink: &mut dyn FnMut(Token<'_>)) {
        match character {
            '\u{1b}' => self.state = ScannerState::Escape,
            '\u{9b}' => self.begin_control(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.state = ScannerState::String,
            '\u{8}' => sink(Token::Motion(Motion::Left(1))),
            '\r' => sink(Token::Motion(Motion::Column(0))),
            '\u{b}' | '\u{c}' | '\u{84}' => sink(Token::Motion(Motion::Down)),
            '\u{85}' => sink(Token::Motion(Motion::NextRow)),
            // The bell and shifts between obsolete character sets have no effect.
            '\u{7}' | '\u{e}' | '\u{f}' => {}
            _ => sink(Token::Hidden(character)),
        }
    }

    /// Handles a character inside a sequence. Returns the content of a string that ends here.
    fn sequence<'a>(&mut self, character: char, content: &'a str, sink: &mut dyn FnMut(Token<'_>)) -> Option<&'a str> {
        match (self.state, character) {
            // CAN and SUB abort any sequence.
            (_, '\u{18}' | '\u{1a}') => self.state = ScannerState::Text,
            (ScannerState::String, '\u{7}' | '\u{9c}') => {
                self.state = ScannerState::Text;
                return Some(content);
            }
            (ScannerState::String, '\u{1b}') => self.state = ScannerState::StringEscape,
            (ScannerState::StringEscape, '\\') => {
                self.state = ScannerState::Text;
                return Some(content.strip_suffix('\u{1b}').unwrap_or(content));
            }
            (_, '\u{1b}') => {
                self.state = ScannerState::Escape;
            }
            (ScannerState::Escape | ScannerState::StringEscape, '[') => self.begin_control(),
            (ScannerState::Escape | ScannerState::StringEscape, ']' | 'P' | 'X' | '^' | '_') => {
                self.state = ScannerState::String;
            }
            (ScannerState::Escape | ScannerState::Intermediate, ' '..='/') => self.state = ScannerState::Intermediate,
            (ScannerState::Escape, 'D') => self.finish_escape(Motion::Down, sink),
            (ScannerState::Escape, 'E') => self.finish_escape(Motion::NextRow, sink),
            (ScannerState::Control, '0'..='9') => self.digit(character),
            (ScannerState::Control, ';' | ':') => self.next_parameter(character == ':'),
            (ScannerState::Control, '\u{20}'..='\u{2f}' | '\u{3c}'..='\u{3f}') => self.state = ScannerState::Private,
            (ScannerState::Control, '\u{40}'..='\u{7e}') => {
                self.state = ScannerState::Text;
                self.finish_control(character, sink);
            }
            // The sequence continues. Terminals execute other control characters inside a sequence, but this parser
            // drops them.
            (ScannerState::String, _)
            | (ScannerState::Private, ' '..='?')
            | (ScannerState::Control | ScannerState::Private, '\0'..='\u{1f}') => {}
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

    fn finish_escape(&mut self, motion: Motion, sink: &mut dyn FnMut(Token<'_>)) {
        self.state = ScannerState::Text;
        sink(Token::Motion(motion));
    }

    fn finish_control(&mut self, letter: char, sink: &mut dyn FnMut(Token<'_>)) {
        let parameters = &self.parameters[..=self.count];
        if letter == 'm' {
            self.style.apply(parameters);
            sink(Token::Restyle { style: self.style, sequence: Sgr(parameters) });
        } else if let Some(motion) = Motion::of_control(letter, parameters[0].value) {
            sink(Token::Motion(motion));
        }
    }
}

/// Parses an OSC string, which may start or end a link. A URL that is too long, contains invalid characters, or has a
/// scheme other than http and https ends the current link without starting a new one.
fn take_link(string: &str, sink: &mut dyn FnMut(Token<'_>)) {
    let Some((_, address)) = string.strip_prefix("8;").and_then(|link| link.split_once(';')) else { return };
    let lower = |prefix: &str| address.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let honest = address.len() <= MAX_LINK_BYTES
        && (lower("http://") || lower("https://"))
        && address.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    sink(Token::Link(honest.then_some(address)));
}

/// Returns whether a character is shown unchanged. Zero-width joiners and non-joiners are shown only after a non-ASCII
/// character, where they may affect the appearance.
fn is_shown(character: char, before: char) -> bool {
    match character {
        ' '..='~' | '\t' => true,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{3164}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => false,
        '\u{200c}' | '\u{200d}' => !before.is_ascii(),
        _ => true,
    }
}
