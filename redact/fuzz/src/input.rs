//! Interprets the bytes of a fuzzing input as decisions.

/// The part of an input that has not been used yet. Once all bytes are used, every decision is the first possible one.
pub struct Input<'d>(&'d [u8]);

impl<'d> Input<'d> {
    /// Creates an input from which nothing has been read.
    pub fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    /// Returns whether there are no more bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// Returns the next `len` bytes, or all remaining bytes if there are fewer.
    pub fn bytes(&mut self, len: usize) -> &'d [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// Returns a number from 0 to `bound` - 1, which takes one byte, or two if `bound` is greater than 256.
    pub fn below(&mut self, bound: usize) -> usize {
        let low = usize::from(self.byte());
        let number = if bound > 256 { low | usize::from(self.byte()) << 8 } else { low };
        number % bound
    }

    /// Returns one of `items`.
    pub fn choose<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}
