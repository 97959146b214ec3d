//! Text styles: SGR parameters are mapped to the sixteen colours that the themes define.

/// One of the sixteen ANSI colours, or the default colour.
///
/// The themes define a readable value for each of the sixteen colours. The 256 colours and 24-bit colours are mapped to
/// the nearest of the sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(u8);

impl Color {
    /// The default colour of the page.
    pub const DEFAULT: Self = Self(u8::MAX);
    /// The colour in use at the end of the previous line, if the previous line is unknown.
    const INHERITED: Self = Self(u8::MAX - 1);

    /// Returns the colour with this number, 0 to 15.
    #[must_use]
    pub const fn ansi(number: u8) -> Self {
        Self(number & 15)
    }

    /// Returns the colour's number, 0 to 15. Returns `None` for the default colour and for an inherited colour.
    #[must_use]
    pub const fn number(self) -> Option<u8> {
        if self.0 < 16 { Some(self.0) } else { None }
    }

    /// Maps one of xterm's 256 colours to the nearest of the sixteen colours.
    const fn from_256(number: u8) -> Self {
        match number {
            0..=15 => Self(number),
            16..=231 => {
                let cube = number - 16;
                Self::from_rgb(cube_level(cube / 36), cube_level(cube / 6 % 6), cube_level(cube % 6))
            }
            232..=255 => {
                let grey = (number - 232) * 10 + 8;
                Self::from_rgb(grey, grey, grey)
            }
        }
    }

    /// Maps an RGB colour to the nearest of the sixteen colours by hue, because the hue usually carries the meaning in
    /// logs.
    const fn from_rgb(red: u8, green: u8, blue: u8) -> Self {
        let high = max(red, max(green, blue));
        let low = min(red, min(green, blue));
        if high - low < 40 {
            return match high {
                0..=63 => Self(0),
                64..=159 => Self(8),
                160..=223 => Self(7),
                224..=255 => Self(15),
            };
        }
        // The number of the ANSI colour is the sum of one bit per channel: red is 1, green is 2, and blue is 4. A
        // channel's bit is set if its value is nearer to the value of the highest channel than to that of the lowest
        // channel.
        let middle = low + (high - low) / 2;
        let mut number = 0;
        if red > middle {
            number |= 1;
        }
        if green > middle {
            number |= 2;
        }
        if blue > middle {
            number |= 4;
        }
        Self(if high > 220 { number | 8 } else { number })
    }
}

const fn cube_level(step: u8) -> u8 {
    if step == 0 { 0 } else { 55 + step * 40 }
}

const fn max(a: u8, b: u8) -> u8 {
    if a > b { a } else { b }
}

const fn min(a: u8, b: u8) -> u8 {
    if a < b { a } else { b }
}

/// The style of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The colour of the text.
    pub foreground: Color,
    /// The background colour.
    pub background: Color,
    flags: u8,
    /// A mask of the flags (bold, italic and so on) that continue from the end of the previous line. Their values are
    /// unknown, because the previous line is unknown.
    inherited: u8,
}

impl Default for Style {
    fn default() -> Self {
        Self { foreground: Color::DEFAULT, background: Color::DEFAULT, flags: 0, inherited: 0 }
    }
}

const BOLD: u8 = 1;
const DIM: u8 = 2;
const ITALIC: u8 = 4;
const UNDERLINE: u8 = 8;
const STRIKE: u8 = 16;
const INVERSE: u8 = 32;

impl Style {
    /// The style at the beginning of a line whose previous line is unknown.
    pub(super) const INHERITED: Self = Self {
        foreground: Color::INHERITED,
        background: Color::INHERITED,
        flags: 0,
        inherited: BOLD | DIM | ITALIC | UNDERLINE | STRIKE | INVERSE,
    };

    const fn set(&mut self, flags: u8) {
        self.flags |= flags;
        self.inherited &= !flags;
    }

    const fn unset(&mut self, flags: u8) {
        self.flags &= !flags;
        self.inherited &= !flags;
    }

    /// Appends the SGR sequence that changes this style into `to`, if the two styles differ.
    ///
    /// Attributes that `to` inherits but this style sets are reset to the default, because no sequence can restore an
    /// unknown state.
    pub(super) fn write_change(self, to: Self, out: &mut String) {
        if to == Self::default() && self != to {
            out.push_str("\u{1b}[0m");
            return;
        }
        let mut separator = "\u{1b}[";
        let mut push = |code: u8| {
            out.push_str(separator);
            out.push_str(&code.to_string());
            separator = ";";
        };
        for (group, off) in [(BOLD | DIM, 22), (ITALIC, 23), (UNDERLINE, 24), (INVERSE, 27), (STRIKE, 29)] {
            let (mut was, is) = (self.flags & group, to.flags & group);
            let now_off = self.inherited & !to.inherited & !to.flags & group;
            if was & !is != 0 || now_off != 0 {
                push(off);
                was = 0;
            }
            for (flag, on) in [(BOLD, 1), (DIM, 2), (ITALIC, 3), (UNDERLINE, 4), (INVERSE, 7), (STRIKE, 9)] {
                if is & !was & flag != 0 {
                    push(on);
                }
            }
        }
        for (from, to, base) in [(self.foreground, to.foreground, 30), (self.background, to.background, 40)] {
            match to.number() {
                Some(number) if from != to => push(if number < 8 { base + number } else { base + 60 + number - 8 }),
                None if from.number().is_some() || (from == Color::INHERITED && to == Color::DEFAULT) => push(base + 9),
                _ => {}
            }
        }
        if separator == ";" {
            out.push('m');
        }
    }

    /// Applies the parameters of one SGR sequence.
    pub(super) fn apply(&mut self, parameters: &[Parameter]) {
        let mut rest = parameters;
        while let Some((&first, mut after)) = rest.split_first() {
            // Subparameters, which are separated by colons, belong to the preceding parameter.
            let subs = after.iter().take_while(|parameter| parameter.sub).count();
            match first.value {
                0 => *self = Self::default(),
                1 => self.set(BOLD),
                2 => self.set(DIM),
                3 => self.set(ITALIC),
                4 if subs > 0 && after[0].value == 0 => self.unset(UNDERLINE),
                4 | 21 => self.set(UNDERLINE),
                7 => self.set(INVERSE),
                9 => self.set(STRIKE),
                22 => self.unset(BOLD | DIM),
                23 => self.unset(ITALIC),
                24 => self.unset(UNDERLINE),
                27 => self.unset(INVERSE),
                29 => self.unset(STRIKE),
                code @ 30..=37 => self.foreground = numbered(code - 30),
                39 => self.foreground = Color::DEFAULT,
                code @ 40..=47 => self.background = numbered(code - 40),
                49 => self.background = Color::DEFAULT,
                code @ 90..=97 => self.foreground = numbered(code - 90 + 8),
                code @ 100..=107 => self.background = numbered(code - 100 + 8),
                code @ (38 | 48 | 58) => {
                    let (color, used) = extended(after, subs);
                    after = &after[used..];
                    match (code, color) {
                        (38, Some(color)) => self.foreground = color,
                        (48, Some(color)) => self.background = color,
                        // Underline colours are not supported.
                        _ => {}
                    }
                    rest = after;
                    continue;
                }
                // Blinking, hidden text and fonts are deliberately not supported.
                _ => {}
            }
            rest = &after[subs..];
        }
    }

    /// Returns the CSS classes of the style, separated by spaces, or an empty string for the default style.
    #[must_use]
    pub fn classes(self) -> String {
        let mut classes = String::new();
        let mut add = |name: &str, number: Option<u8>| {
            if !classes.is_empty() {
                classes.push(' ');
            }
            classes.push_str(name);
            if let Some(number) = number {
                if number >= 10 {
                    classes.push('1');
                }
                classes.push(char::from(b'0' + number % 10));
            }
        };
        let (foreground, background) = (self.foreground.number(), self.background.number());
        if self.flags & INVERSE == 0 {
            if foreground.is_some() {
                add("fg", foreground);
            }
            if background.is_some() {
                add("bg", background);
            }
        } else {
            add(if background.is_some() { "fg" } else { "fg-inverse" }, background);
            add(if foreground.is_some() { "bg" } else { "bg-inverse" }, foreground);
        }
        for (flag, name) in
            [(BOLD, "bold"), (DIM, "dim"), (ITALIC, "italic"), (UNDERLINE, "underline"), (STRIKE, "strike")]
        {
            if self.flags & flag != 0 {
                add(name, None);
            }
        }
        classes
    }
}

/// One parameter of a control sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameter {
    /// The value; 0 if it was omitted.
    pub value: u16,
    /// Whether the parameter follows a colon instead of a semicolon.
    pub sub: bool,
}

fn numbered(number: u16) -> Color {
    Color::ansi(u8::try_from(number).unwrap_or(0))
}

/// Parses the parameters after 38 or 48: `5;n`, `2;r;g;b`, `5:n`, `2:r:g:b` or `2:space:r:g:b`. Returns the colour and
/// the number of parameters used. The colour is `None` if the parameters are invalid.
fn extended(after: &[Parameter], subs: usize) -> (Option<Color>, usize) {
    let channel = |at: usize| after.get(at).and_then(|parameter| u8::try_from(parameter.value).ok());
    let rgb = |at: usize| Some(Color::from_rgb(channel(at)?, channel(at + 1)?, channel(at + 2)?));
    let color = match after.first().map(|parameter| parameter.value) {
        Some(5) => channel(1).map(Color::from_256),
        Some(2) if subs >= 5 => rgb(2),
        Some(2) => rgb(1),
        _ => None,
    };
    let used = match after.first().map(|parameter| parameter.value) {
        _ if subs > 0 => subs,
        Some(5) => 2,
        Some(2) => 4,
        _ => 0,
    };
    (color, used.min(after.len()))
}
