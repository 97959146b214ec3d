//! The parser: a machine that reads text and says what is to be shown.

use super::Style;
use super::style::Parameter;

/// What stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Text to show.
    Text {
        /// The text.
        text: &'a str,
        /// How it looks.
        style: Style,
        /// Where it leads.
        link: Option<&'a str>,
    },
    /// A character that would not be seen, or would change how others are seen.
    Hidden {
        /// Which.
        character: char,
        /// How its stand-in looks.
        style: Style,
    },
    /// What follows overwrites the character before.
    Backspace,
    /// What follows overwrites the line.
    LineStart,
    /// The line so far is gone.
    EraseLine,
}

/// More parameters than any colour needs; further ones are ignored.
const MAX_PARAMETERS: usize = 16;
/// Longer addresses are not made links (the bound of the OSC 8 note).
const MAX_LINK_BYTES: usize = 2083;

/// Reads text piece by piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanner {
    style: Style,
    state: State,
    parameters: [Parameter; MAX_PARAMETERS],
    count: usize,
    overflow: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC, and its intermediate bytes.
    Escape,
    /// In a control sequence.
    Control,
    /// In one whose parameters are private or have intermediate bytes: nothing of it is for us.
    Private,
    /// In a string: OSC, which may be a link, or DCS, SOS, PM, APC.
    String,
    /// After an ESC in a string.
    StringEscape,
}

impl Scanner {
    /// Begins at a line's first character.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, ..Self::default() }
    }

    /// Returns the look of what comes next.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// Forgets an unfinished sequence: none goes on in the next line.
    pub const fn end_line(&mut self) {
        self.state = State::Text;
    }

    /// Goes on after a line that begins in the given style.
    pub fn go_on_after(&mut self, line: &str, style: Style) {
        *self = Self::new(style);
        self.skip(line);
    }

    /// Reads text for its effect on the look only.
    pub fn skip(&mut self, text: &str) {
        if self.state != State::Text || text.bytes().any(|byte| byte == 0x1b || byte == 0xc2) {
            self.scan(text, &mut |_| {});
        }
    }

    /// Reads text and hands what stands in it to `sink`, in order.
    pub fn scan<'a>(&mut self, text: &'a str, sink: &mut dyn FnMut(Token<'a>)) {
        let mut link = None;
        let mut begin = 0;
        let mut before = ' ';
        for (at, character) in text.char_indices() {
            let after = at + character.len_utf8();
            if self.state == State::Text {
                if is_shown(character, before) {
                    before = character;
                    continue;
                }
                if begin < at {
                    sink(Token::Text { text: &text[begin..at], style: self.style, link });
                }
                begin = after;
                self.control(character, sink);
            } else {
                let in_string = self.in_string();
                let content = &text[begin.min(at)..at];
                match self.sequence(character, content, sink).and_then(link_change) {
                    Some(Link::Begins(address)) => link = Some(address),
                    Some(Link::Ends) => link = None,
                    None => {}
                }
                // A string's content is read back from where it began.
                if !(in_string && self.in_string()) {
                    begin = after;
                }
            }
        }
        if self.state == State::Text && begin < text.len() {
            sink(Token::Text { text: &text[begin..], style: self.style, link });
        }
    }

    /// Takes a character that is not shown as it is.
    fn control<'a>(&mut self, character: char, sink: &mut dyn FnMut(Token<'a>)) {
        match character {
            '\u{1b}' => self.state = State::Escape,
            '\u{9b}' => self.begin_control(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.state = State::String,
            '\u{8}' => sink(Token::Backspace),
            '\r' => sink(Token::LineStart),
            // The bell, and shifts between character sets nobody has.
            '\u{7}' | '\u{e}' | '\u{f}' => {}
            _ => sink(Token::Hidden { character, style: self.style }),
        }
    }

    /// Takes a character inside a sequence; returns the content of a string that it ends.
    fn sequence<'a>(&mut self, character: char, content: &'a str, sink: &mut dyn FnMut(Token<'a>)) -> Option<&'a str> {
        match (self.state, character) {
            // CAN and SUB end any sequence.
            (_, '\u{18}' | '\u{1a}') => self.state = State::Text,
            (State::String, '\u{7}' | '\u{9c}') => {
                self.state = State::Text;
                return Some(content);
            }
            (State::String, '\u{1b}') => self.state = State::StringEscape,
            (State::StringEscape, '\\') => {
                self.state = State::Text;
                return Some(content.strip_suffix('\u{1b}').unwrap_or(content));
            }
            (State::Escape | State::Control | State::Private | State::StringEscape, '\u{1b}') => {
                self.state = State::Escape;
            }
            (State::Escape | State::StringEscape, '[') => self.begin_control(),
            (State::Escape | State::StringEscape, ']' | 'P' | 'X' | '^' | '_') => self.state = State::String,
            (State::Control, '0'..='9') => self.digit(character),
            (State::Control, ';' | ':') => self.next_parameter(character == ':'),
            (State::Control, '\u{20}'..='\u{2f}' | '\u{3c}'..='\u{3f}') => self.state = State::Private,
            (State::Control, '\u{40}'..='\u{7e}') => {
                self.state = State::Text;
                self.finish_control(character, sink);
            }
            // The sequence goes on. Another control character in its midst is carried out by terminals; here it is dropped.
            (State::String, _)
            | (State::Escape, ' '..='/')
            | (State::Private, ' '..='?')
            | (State::Control | State::Private, '\0'..='\u{1f}') => {}
            _ => self.state = State::Text,
        }
        None
    }

    const fn in_string(&self) -> bool {
        matches!(self.state, State::String | State::StringEscape)
    }

    const fn begin_control(&mut self) {
        self.state = State::Control;
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

    fn finish_control<'a>(&mut self, letter: char, sink: &mut dyn FnMut(Token<'a>)) {
        match (letter, self.parameters[0].value) {
            ('m', _) => self.style.apply(&self.parameters[..=self.count]),
            ('G', 0 | 1) => sink(Token::LineStart),
            ('K', 2) => sink(Token::EraseLine),
            _ => {}
        }
    }
}

/// What an OSC string says of links.
enum Link<'a> {
    Begins(&'a str),
    Ends,
}

/// Reads an OSC string. One that leads elsewhere than to http or https ends the link before it, and begins none.
fn link_change(string: &str) -> Option<Link<'_>> {
    let (_, address) = string.strip_prefix("8;")?.split_once(';')?;
    let lower = |prefix: &str| address.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let honest = address.len() <= MAX_LINK_BYTES
        && (lower("http://") || lower("https://"))
        && address.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    Some(if honest { Link::Begins(address) } else { Link::Ends })
}

/// Returns whether a character is shown as it is. Joiners are, where they belong: between characters beyond ASCII.
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
