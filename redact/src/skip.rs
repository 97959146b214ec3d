//! Skips text in which no value begins.
//!
//! This is the shift table of Wu and Manber ("A fast algorithm for multi-pattern searching", 1994): the two bytes at
//! the end of a window determine how far the window can move without passing the beginning of a value. The prefilters
//! of the `aho-corasick` crate would be faster on some texts, but they do not support a value that is cut off at the
//! end of the input, and some of them take quadratic time if candidates are frequent.

/// The maximum width of the window, in bytes. Up to `WIDEST - 1` bytes at the end of each read cannot be skipped and
/// are examined one by one.
const WIDEST: usize = 16;

/// The number of bytes by which the window can move, indexed by the window's last two bytes.
type Shifts = [u8; 1 << 16];

/// A table that finds where a value may begin.
pub(crate) struct Skip {
    /// The width of the window in bytes: the length of the shortest value, but at least 2 and at most [`WIDEST`].
    window: usize,
    /// The table; `None` if there are no values.
    shifts: Option<Box<Shifts>>,
}

impl Skip {
    /// Builds the table for `values`, each of which must be non-empty.
    pub(crate) fn new(values: &[Vec<u8>]) -> Self {
        let shortest = values.iter().map(Vec::len).min();
        let window = shortest.unwrap_or(0).clamp(2, WIDEST);
        Self { window, shifts: shortest.map(|_| shifts(values, window)) }
    }

    /// Returns how many bytes at the beginning of `text` can be skipped: no value begins in them, not even one that is
    /// cut off by the end of the text.
    pub(crate) fn clean(&self, text: &[u8]) -> usize {
        let Some(shifts) = &self.shifts else { return text.len() };
        let mut at = 0;
        while let Some(&[.., first, second]) = text.get(at..at + self.window) {
            let shift = shifts[pair(first, second)];
            if shift == 0 {
                break;
            }
            at += usize::from(shift);
        }
        at
    }
}

fn shifts(values: &[Vec<u8>], window: usize) -> Box<Shifts> {
    let far = u8::try_from(window - 1).expect("the window is at most `WIDEST`");
    let mut shifts: Box<Shifts> = vec![far; 1 << 16].try_into().expect("the vector has the length of the array");
    for value in values {
        if let &[only] = value.as_slice() {
            // For a value of one byte, the window is 2 bytes wide, and its second byte is arbitrary.
            shifts[pair(only, 0)..=pair(only, u8::MAX)].fill(0);
        }
        for (shift, bytes) in (0..far).rev().zip(value.windows(2)) {
            let known = &mut shifts[pair(bytes[0], bytes[1])];
            *known = shift.min(*known);
        }
    }
    shifts
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(u16::from_be_bytes([first, second]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], text: &str, clean: usize) {
        let values: Vec<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        assert_eq!(Skip::new(&values).clean(text.as_bytes()), clean, "{values:?} in {text:?}");
    }

    #[test]
    fn skipping_stops_where_a_value_begins() {
        check(&["secret"], "a long text and then a secret", 23);
        check(&["secret"], "secret", 0);
        check(&["secret", "then a"], "a long text and then a secret", 16);
        check(&["a value wider than the window"], "not here, but a value wider than that", 14);
    }

    #[test]
    fn skipping_stops_where_the_end_may_cut_a_value_off() {
        check(&["secret"], "a long text and the sec", 20);
        check(&["secret"], "sec", 0);
        check(&["secret"], "", 0);
    }

    #[test]
    fn a_value_of_one_byte_is_never_skipped() {
        check(&["x"], "0123x\n", 4);
        check(&["x"], "0123\x00\u{7f}x", 6);
        check(&["x", "12"], "0123", 1);
    }

    #[test]
    fn without_values_everything_is_skipped() {
        check(&[], "anything", 8);
    }
}
