//! The forms in which a value may be printed.
//!
//! Escapes are not enumerated here, because each character may or may not be escaped. The stream is decoded instead
//! (see `decode` and `view`), and the value is decoded in the same way to get its pattern.
//!
//! The whole value is always a pattern. The `lines` module decides which of its lines are patterns too.

use crate::decode::{Decoder, Stages, Unit};
use crate::lines::secret_parts;
use crate::pattern::{Pattern, SHORT, is_weak, telling, telling_bits};
use crate::view::{Unifier, strip};

/// Values longer than this are not searched for in base64 and hexadecimal form, because the patterns for these forms
/// take twenty times the value's length. Private keys are at most about 3,500 bytes long.
const LONGEST_ENCODED: usize = 16 << 10;

/// If a value ends with an incomplete escape of at most this many bytes, a pattern without the escape is added. Longer
/// text, such as `&abc`, is unlikely to become an escape.
const LONGEST_OPEN: usize = 2;

/// Returns the patterns of all `values`, sorted and without duplicates.
pub(crate) fn patterns(values: &[Vec<u8>]) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for value in values {
        let trimmed = value.trim_ascii();
        patterns.push(Pattern::literal(value));
        if !trimmed.is_empty() {
            patterns.push(Pattern::literal(trimmed));
        }
        if !is_weak(trimmed) {
            let (telling, telling_bits) = (telling(trimmed.len()), telling_bits(trimmed.len()));
            let mut forms = Forms { telling, telling_bits, patterns: &mut patterns };
            forms.add_text(value, trimmed);
        }
    }
    patterns.sort_unstable();
    patterns.dedup_by(|next, kept| next.bytes == kept.bytes && next.is_token == kept.is_token);
    patterns
}

/// Adds the forms of one value.
struct Forms<'p> {
    /// The length of the shortest prefix of the value that must not be shown.
    telling: usize,
    /// The number of bits of the value that must not be shown together.
    telling_bits: usize,
    patterns: &'p mut Vec<Pattern>,
}

impl Forms<'_> {
    /// Adds all forms of `value`. `trimmed` is `value` without leading and trailing white space.
    fn add_text(&mut self, value: &[u8], trimmed: &[u8]) {
        self.add(strip(value), self.telling);
        let (weak, parts): (Vec<_>, Vec<_>) = secret_parts(trimmed).into_iter().partition(|part| is_weak(part));
        self.patterns.extend(weak.into_iter().map(Pattern::literal));
        for text in parts.into_iter().chain([trimmed]) {
            self.add(text.to_vec(), self.telling);
            self.add(strip(text), self.telling);
            self.add_decoded(text);
            self.add_divided(text);
        }
        if trimmed.len() <= LONGEST_ENCODED {
            self.add_hex(trimmed);
            self.add_base64(trimmed);
        }
    }

    /// Adds a pattern. Its first `telling` bytes reveal too much to be shown.
    fn add(&mut self, bytes: Vec<u8>, telling: usize) {
        if bytes.len() >= SHORT {
            self.patterns.push(Pattern { bytes, telling, is_token: false });
        }
    }

    /// Adds the decoded forms of the text.
    ///
    /// In the stream, the decoder undoes the encoding of a value, and decodes everything else that looks like an
    /// escape. The value itself may contain text that looks like an escape. Some encodings protect this text from the
    /// decoder, and others do not. Therefore, the text is decoded by every subset of the decoder's stages.
    fn add_decoded(&mut self, text: &[u8]) {
        for latin in [latin(text, is_control), latin(text, is_latin)].into_iter().flatten() {
            self.add_decoded_by(&latin, Stages::ALL);
        }
        if text.iter().all(|byte| Decoder::is_plain(*byte)) {
            return self.add_decoded_by(text, Stages::ALL);
        }
        for stages in Stages::subsets() {
            self.add_decoded_by(text, stages);
        }
        // An encoder escapes the backslashes that the text contains. It does not escape backslashes that appear only
        // when a percent escape in the text is decoded.
        if text.contains(&b'\\') && text.contains(&b'%') {
            for escape in [&b"%5C"[..], b"\\x5c"] {
                let escape = |byte: &u8| if *byte == b'\\' { escape.to_vec() } else { vec![*byte] };
                let escaped: Vec<u8> = text.iter().flat_map(escape).collect();
                Stages::subsets().for_each(|stages| self.add_decoded_by(&escaped, stages));
            }
        }
    }

    /// Adds the text as the given stages decode it.
    ///
    /// If the text ends with an incomplete escape, the next bytes of the stream may complete this escape. Therefore,
    /// the text without the escape is added too.
    fn add_decoded_by(&mut self, text: &[u8], stages: Stages) {
        let (mut bytes, mut unifier, mut decoder) = (Vec::new(), Unifier::default(), Decoder::new());
        let (threshold, mut telling) = (self.telling, 1);
        let mut out = |unit: Unit| {
            bytes.extend(unifier.push(unit.byte));
            telling = if unit.end < threshold { bytes.len() + 1 } else { telling.min(bytes.len()) };
        };
        for (at, &byte) in text.iter().enumerate() {
            decoder.push(stages, Unit::raw(byte, at), &mut out);
        }
        let open = decoder.pending().map_or(0, |begun| text.len() - begun);
        let mut ends = 0;
        decoder.finish(stages, &mut |unit| {
            ends += 1;
            out(unit);
        });
        if (1..=LONGEST_OPEN).contains(&open) {
            self.add(bytes[..bytes.len().saturating_sub(ends)].to_vec(), telling);
        }
        self.add(bytes, telling);
    }

    /// Adds the text as a shell word that is divided into parts with different quotation marks, as in `"it's"'^'`.
    ///
    /// A run of quotation marks counts as one, so each border between two parts becomes an apostrophe. The text before
    /// the value decides which quotation marks its first part may have, and therefore where this part ends.
    fn add_divided(&mut self, text: &[u8]) {
        for first in [Quoting::ANY, Quoting::SINGLE, Quoting::DOUBLE] {
            let mut quoting = first;
            let mut divided = Vec::with_capacity(2 * text.len());
            for &byte in text {
                if !quoting.push(byte) {
                    divided.push(b'\'');
                    quoting = Quoting::beginning_with(byte);
                }
                divided.push(byte);
            }
            if divided.len() > text.len() {
                self.add_decoded(&divided);
            }
        }
    }

    /// Adds the hexadecimal forms: in lower and upper case, with and without spaces. The form with colons between the
    /// bytes is not added, because it is common only in fingerprints. `\x41` needs no form, because it is decoded as an
    /// escape.
    fn add_hex(&mut self, text: &[u8]) {
        for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
            let byte = |byte: &u8| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]];
            let pairs: Vec<_> = text.iter().map(byte).collect();
            let telling = self.telling_bits.div_ceil(4);
            self.add(pairs.concat(), telling);
            self.add(pairs.join(&b' '), telling + (telling - 1) / 2);
        }
    }

    /// Adds the base64 forms of the text. There is one for each alignment: the number of bytes before the text in the
    /// encoder's input is 0, 1 or 2 (modulo 3). Each form contains only the characters that depend on nothing but the
    /// text, so the encoding of any input that includes the text contains one of the forms. The character before a form
    /// and the one after it each contain at most 4 bits of the text. These characters are shown, so fewer characters of
    /// the form itself may be shown.
    fn add_base64(&mut self, text: &[u8]) {
        for before in 0..3 {
            let padded = [&[0; 2][..before], text].concat();
            let characters = (8 * before).div_ceil(6)..8 * padded.len() / 6;
            let beside = 8 * text.len() - 6 * characters.len();
            let telling = (self.telling_bits - beside).div_ceil(6);
            let sextets: Vec<usize> = characters.map(|index| sextet(&padded, index)).collect();
            for alphabet in [STANDARD, URL_SAFE] {
                let core = sextets.iter().map(|&sextet| alphabet[sextet]).collect();
                self.add(core, telling);
            }
        }
    }
}

/// The quotation marks that a part of a shell word may have. The rules are those of the `shlex` crate, which also
/// avoids errors of other shells.
#[derive(Clone, Copy)]
struct Quoting {
    single: bool,
    double: bool,
}

impl Quoting {
    const ANY: Self = Self { single: true, double: true };
    const SINGLE: Self = Self { single: true, double: false };
    const DOUBLE: Self = Self { single: false, double: true };

    /// Returns the quotation marks that a part beginning with `byte` may have.
    fn beginning_with(byte: u8) -> Self {
        let mut quoting = if byte == b'^' { Self::SINGLE } else { Self::ANY };
        if byte != b'^' {
            quoting.push(byte);
        }
        quoting
    }

    /// Adds a byte to the part. Returns whether the byte may belong to it.
    fn push(&mut self, byte: u8) -> bool {
        self.single &= !matches!(byte, b'\'' | b'^' | b'\\');
        self.double &= !matches!(byte, b'`' | b'$' | b'!' | b'^');
        self.single || self.double
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns the six bits of `bytes` that the base64 character at `index` encodes. All six must exist.
fn sextet(bytes: &[u8], index: usize) -> usize {
    let at = index * 6 / 8;
    let pair = u16::from_be_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)]);
    usize::from(pair >> (10 - index * 6 % 8) & 63)
}

/// Returns the text with each Latin-1 character that `is_escaped` selects replaced by a single byte, or `None` if there
/// is no such character.
///
/// In Python, `\xa0` stands for a character if it is in a string, but for a byte if it is in a bytes object. The
/// decoder treats it as a byte. Python's `repr` escapes some characters of Latin-1 in this way, and its `ascii` escapes
/// all non-ASCII ones.
fn latin(text: &[u8], is_escaped: fn(char) -> bool) -> Option<Vec<u8>> {
    let text = str::from_utf8(text).ok()?;
    let encode = |char: char| match u8::try_from(char) {
        Ok(byte) if is_escaped(char) => vec![byte],
        _ => char.to_string().into_bytes(),
    };
    text.contains(is_escaped).then(|| text.chars().flat_map(encode).collect())
}

/// Returns whether Python's `repr` escapes a character of Latin-1.
fn is_control(char: char) -> bool {
    matches!(char, '\u{80}'..='\u{a0}' | '\u{ad}')
}

/// Returns whether a character is in Latin-1, but not in ASCII.
fn is_latin(char: char) -> bool {
    matches!(char, '\u{80}'..='\u{ff}')
}
