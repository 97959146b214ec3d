//! Decodes the backslash escapes of JSON, Rust, Go, Python, C and shells.

use super::unit::{Unit, Units, number};

/// Decodes escapes that begin with a backslash: `\n`, `\"`, `\x41`, `\u0041`, `\u{41}`, `\U00000041` and `\101`. A
/// backslash before any other byte is dropped.
///
/// A run of backslashes counts as one, so that text which was escaped several times is decoded. `\x` escapes and octal
/// escapes stand for bytes. The other numeric escapes stand for characters.
#[derive(Clone, Default)]
pub(super) struct Backslash {
    /// The backslashes before the units in `held`.
    run: Option<Unit>,
    /// Whether the last of these backslashes was itself decoded from an escape of another format.
    is_run_escaped: bool,
    /// The beginning of a numeric escape, without the backslashes.
    held: Units,
    /// The first half of a surrogate pair, and its range.
    high: Option<(u32, Unit)>,
}

/// The meaning of the bytes after a run of backslashes.
enum Escape {
    Incomplete,
    Byte(u8),
    Char(u32),
    /// No escape, so the backslashes are dropped and the bytes stand for themselves.
    None,
}

impl Backslash {
    #[inline]
    pub(super) fn pending(&self) -> Option<usize> {
        self.high.map(|(_, unit)| unit.start).or(self.run.map(|run| run.start))
    }

    /// Returns whether the last unit is a backslash, which begins an escape.
    pub(super) fn is_begun(&self) -> bool {
        self.run.is_some() && self.held.is_empty()
    }

    pub(super) fn push(&mut self, unit: Unit, out: &mut impl FnMut(Unit)) {
        let Some(run) = self.run else {
            if unit.byte == b'\\' {
                self.begin(unit);
            } else {
                self.show(unit, out);
            }
            return;
        };
        if self.held.is_empty() && unit.byte == b'\\' {
            return self.extend(run, unit, out);
        }
        if self.held.is_empty() && unit.is_escaped() && !self.is_run_escaped {
            // The unit was decoded from a percent escape. The backslash was before the percent sign, so it escapes that
            // sign and not the decoded byte.
            self.run = None;
            return self.show(Unit { start: run.start, ..unit }, out);
        }
        if !self.held.is_empty() && !continues(&self.held, unit.byte) {
            self.give_up(out);
            return self.push(unit, out);
        }
        self.held.push(unit);
        let whole = Unit { byte: 0, start: run.start, end: unit.end };
        match escape(&self.held) {
            Escape::Incomplete => return,
            Escape::Byte(byte) => self.show(whole.with(byte), out),
            Escape::Char(code) => self.show_char(code, whole, out),
            Escape::None => return self.give_up(out),
        }
        self.run = None;
        self.held.clear();
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Unit)) {
        if let Some(run) = self.run.filter(|_| self.held.is_empty()) {
            self.run = None;
            self.show(run, out);
        }
        self.give_up(out);
        self.show_high(out);
    }

    fn extend(&mut self, run: Unit, unit: Unit, out: &mut impl FnMut(Unit)) {
        let longer = Unit { start: run.start, ..unit }.bounded();
        if longer.start > run.start {
            // The run of backslashes is longer than an escape may be, so the second half of a surrogate pair is no
            // longer expected.
            self.show_high(out);
        }
        self.run = Some(longer);
        self.is_run_escaped = unit.is_escaped();
    }

    fn begin(&mut self, run: Unit) {
        self.run = Some(run);
        self.is_run_escaped = run.is_escaped();
    }

    /// Drops the backslashes and passes on the bytes after them.
    fn give_up(&mut self, out: &mut impl FnMut(Unit)) {
        let run = self.run.take();
        let Some(&first) = self.held.as_slice().first() else { return };
        self.show_high(out);
        let mut first = Some(Unit {
            byte: if first.byte == b'0' { 0 } else { first.byte },
            start: run.map_or(first.start, |run| run.start),
            ..first
        });
        self.held.drain(&mut |unit| out(first.take().unwrap_or(unit)));
    }

    fn show(&mut self, unit: Unit, out: &mut impl FnMut(Unit)) {
        self.show_high(out);
        out(unit);
    }

    /// If the second half of a surrogate pair is missing, passes on the replacement character for the first half.
    fn show_high(&mut self, out: &mut impl FnMut(Unit)) {
        if let Some((_, unit)) = self.high.take() {
            encode(char::REPLACEMENT_CHARACTER, unit, out);
        }
    }

    fn show_char(&mut self, code: u32, whole: Unit, out: &mut impl FnMut(Unit)) {
        match (code, self.high) {
            (0xdc00..=0xdfff, Some((high, first))) => {
                self.high = None;
                let code = 0x1_0000 + ((high & 0x3ff) << 10) + (code & 0x3ff);
                encode(to_char(code), Unit { end: whole.end, ..first }, out);
            }
            (0xd800..=0xdbff, _) => {
                self.show_high(out);
                self.high = Some((code, whole));
            }
            _ => {
                self.show_high(out);
                encode(to_char(code), whole, out);
            }
        }
    }
}

fn to_char(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn encode(char: char, unit: Unit, out: &mut impl FnMut(Unit)) {
    for &byte in char.encode_utf8(&mut [0; 4]).as_bytes() {
        out(unit.with(byte));
    }
}

/// Returns whether `byte` may follow the held units of a numeric escape.
fn continues(held: &Units, byte: u8) -> bool {
    match (held.as_slice()[0].byte, held.as_slice().len(), held.bytes(1).next()) {
        (b'0'..=b'7', ..) => matches!(byte, b'0'..=b'7'),
        (b'u', 1, _) => byte == b'{' || byte.is_ascii_hexdigit(),
        (b'u', 2.., Some(b'{')) => byte == b'}' || byte.is_ascii_hexdigit(),
        _ => byte.is_ascii_hexdigit(),
    }
}

/// Classifies the bytes after a run of backslashes. The caller checks that each byte after the first one
/// [`continues`] the escape.
fn escape(held: &Units) -> Escape {
    let len = held.as_slice().len();
    let last = held.bytes(len - 1).next();
    let byte = |value: Option<u32>| value.map_or(Escape::None, |value| Escape::Byte(value.to_le_bytes()[0]));
    let char = |value: Option<u32>| value.map_or(Escape::None, Escape::Char);
    match (held.as_slice()[0].byte, len) {
        (b'a', _) => Escape::Byte(0x07),
        (b'b', _) => Escape::Byte(0x08),
        (b'e' | b'E', _) => Escape::Byte(0x1b),
        (b'f', _) => Escape::Byte(0x0c),
        (b'n', _) => Escape::Byte(b'\n'),
        (b'r', _) => Escape::Byte(b'\r'),
        (b't', _) => Escape::Byte(b'\t'),
        (b'v', _) => Escape::Byte(0x0b),
        (b'0'..=b'7', 3) => byte(number(held.bytes(0), 8)),
        (b'x', 3) => byte(number(held.bytes(1), 16)),
        (b'u', 3..) if last == Some(b'}') => char(number(held.bytes(2).take(len - 3), 16)),
        (b'u', 5) if held.bytes(1).next() != Some(b'{') => char(number(held.bytes(1), 16)),
        (b'u', 9..) => Escape::None,
        (b'U', 9) => char(number(held.bytes(1), 16)),
        (b'0'..=b'7' | b'x' | b'u' | b'U', _) => Escape::Incomplete,
        _ => Escape::None,
    }
}
