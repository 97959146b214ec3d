//! Recognises the lines by which programs ask a CI system to mask a value: `::add-mask::VALUE` for GitHub Actions and
//! `##vso[task.setsecret]VALUE` for Azure Pipelines.
//!
//! The value has to be masked in the command's own line too. Therefore, a line that may become such a command is held
//! back until it is complete.

use std::borrow::Cow;

use memchr::memmem;

/// The prefixes of commands. White space may precede a prefix.
const MARKERS: [&[u8]; 2] = [b"::add-mask::", b"##vso[task.setsecret]"];

/// The maximum length of a command, in bytes. A longer line is ordinary output.
const MAX_LINE: usize = 64 << 10;

/// Searches one output stream for commands that add a value to mask.
#[derive(Debug, Default)]
pub(super) struct MaskCommands {
    /// The beginning of a line, which may become a command.
    line: Vec<u8>,
    /// The number of bytes of `line` that have been forwarded because the stream was idle.
    forwarded: usize,
    /// Whether the output so far ends within a line that is not a command.
    in_other_line: bool,
}

impl MaskCommands {
    /// Adds output. Adds the values in complete commands to `values`, and returns the output that can be processed
    /// further. The values must be masked in the returned output.
    pub(super) fn push<'o>(&mut self, output: &'o [u8], values: &mut Vec<String>) -> Cow<'o, [u8]> {
        let end = memchr::memchr(b'\n', output).map_or(output.len(), |newline| newline + 1);
        let (first, rest) = output.split_at(end);
        if self.line.is_empty() {
            // Skip the rest of a line that is not a command.
            let from = if self.in_other_line { end } else { 0 };
            if from == output.len() {
                self.in_other_line &= !first.ends_with(b"\n");
                return Cow::Borrowed(output);
            }
            return self.push_lines(output, from, values);
        }
        // The first line of the output continues the line that is held back.
        self.line.extend_from_slice(first);
        let mut text = Vec::new();
        if first.ends_with(b"\n") || self.line.len() > MAX_LINE || !may_become_command(&self.line) {
            values.extend(command_value(&self.line));
            self.in_other_line = !first.ends_with(b"\n");
            text.extend_from_slice(&self.line[self.forwarded..]);
            (self.line, self.forwarded) = (Vec::new(), 0);
        }
        if !rest.is_empty() {
            text.extend_from_slice(&self.push_lines(rest, 0, values));
        }
        Cow::Owned(text)
    }

    /// Processes output whose first `from` bytes are the end of an ordinary line. A new line begins after them.
    fn push_lines<'o>(&mut self, output: &'o [u8], from: usize, values: &mut Vec<String>) -> Cow<'o, [u8]> {
        let last = memchr::memrchr(b'\n', output).map_or(0, |newline| newline + 1).max(from);
        let mut at = from;
        while let Some(found) = MARKERS.iter().filter_map(|marker| memmem::find(&output[at..last], marker)).min() {
            let begin = memchr::memrchr(b'\n', &output[..at + found]).map_or(from, |newline| newline + 1).max(at);
            let end =
                at + found + memchr::memchr(b'\n', &output[at + found..last]).map_or(last - at - found, |end| end + 1);
            values.extend(command_value(&output[begin..end]));
            at = end;
        }
        let line = &output[last..];
        if may_become_command(line) && line.len() <= MAX_LINE {
            (self.line, self.forwarded, self.in_other_line) = (line.to_vec(), 0, false);
            return Cow::Borrowed(&output[..last]);
        }
        self.in_other_line = !line.is_empty();
        Cow::Borrowed(output)
    }

    /// Returns whether output is held back.
    pub(super) const fn is_holding(&self) -> bool {
        self.forwarded < self.line.len()
    }

    /// Returns the held output of an idle stream, unless it already contains the beginning of a value. A command is
    /// recognised even if its beginning is released before the rest arrives.
    pub(super) fn release(&mut self) -> Vec<u8> {
        let text = self.line.trim_ascii_start();
        if MARKERS.iter().any(|marker| text.len() > marker.len() && text.starts_with(marker)) {
            return Vec::new();
        }
        let held = self.line[self.forwarded..].to_vec();
        self.forwarded = self.line.len();
        held
    }

    /// Returns the held output at the end of the stream. An incomplete line may be a command too.
    pub(super) fn finish(&mut self, values: &mut Vec<String>) -> Vec<u8> {
        let line = std::mem::take(&mut self.line);
        values.extend(command_value(&line));
        line[std::mem::take(&mut self.forwarded)..].to_vec()
    }
}

/// Returns the value of a command, or `None` if the line is not a command.
fn command_value(line: &[u8]) -> Option<String> {
    let line = line.trim_ascii();
    let value = MARKERS.iter().find_map(|marker| line.strip_prefix(*marker)).filter(|_| line.len() <= MAX_LINE)?;
    let value = String::from_utf8_lossy(value);
    // Both systems escape these characters.
    let value = value.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    Some(value).filter(|value| !value.trim().is_empty())
}

/// Returns whether the beginning of a line may become a command when more output arrives.
fn may_become_command(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    !line.is_empty()
        && !line.ends_with(b"\n")
        && MARKERS.iter().any(|marker| text.starts_with(marker) || marker.starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the output in the given pieces, and releases the held output after each piece if `pauses` is `true`.
    /// Returns the forwarded output and the values.
    fn run(pieces: &[&[u8]], pauses: bool) -> (Vec<u8>, Vec<String>) {
        let (mut commands, mut values) = (MaskCommands::default(), Vec::new());
        let mut forwarded = Vec::new();
        for piece in pieces {
            forwarded.extend_from_slice(&commands.push(piece, &mut values));
            if pauses {
                forwarded.extend_from_slice(&commands.release());
            }
        }
        forwarded.extend(commands.finish(&mut values));
        (forwarded, values)
    }

    const OUTPUT: &[u8] =
        b"a\n::add-mask::one two\nb ::add-mask::not this\n  ##vso[task.setsecret]three\r\n::add-mask\n\
        ::add-mask::a%0Ab%25\n::\n\n::add-mask::\n::add-mask::last";

    #[test]
    fn values_are_found_and_output_is_unchanged_wherever_the_output_is_split() {
        let values = ["one two", "three", "a\nb%", "last"].map(str::to_owned);
        for pauses in [false, true] {
            for cut in 0..=OUTPUT.len() {
                let (forwarded, found) = run(&[&OUTPUT[..cut], &OUTPUT[cut..]], pauses);
                assert_eq!(String::from_utf8_lossy(&forwarded), String::from_utf8_lossy(OUTPUT), "{cut}");
                assert_eq!(found, values, "{cut}, {pauses}");
            }
            let bytes: Vec<&[u8]> = OUTPUT.chunks(1).collect();
            assert_eq!(run(&bytes, pauses), (OUTPUT.to_vec(), values.to_vec()));
        }
    }

    #[test]
    fn each_line_may_arrive_separately() {
        let lines: Vec<&[u8]> = OUTPUT.split_inclusive(|byte| *byte == b'\n').collect();
        let (forwarded, values) = run(&lines, false);
        assert_eq!((forwarded, values.len()), (OUTPUT.to_vec(), 4));
    }

    #[test]
    fn a_command_is_not_forwarded_before_its_value_is_known() {
        let (mut commands, mut values) = (MaskCommands::default(), Vec::new());
        assert_eq!(&*commands.push(b"x\n::add-mask::sec", &mut values), b"x\n");
        assert!(commands.is_holding() && commands.release().is_empty());
        assert_eq!(&*commands.push(b"ret\ny", &mut values), b"::add-mask::secret\ny");
        assert_eq!(values, ["secret"]);
    }

    #[test]
    fn a_command_that_pauses_before_its_value_is_recognised() {
        for begin in [&b":"[..], b"::add-ma", b"::add-mask::", b"  "] {
            let (mut commands, mut values) = (MaskCommands::default(), Vec::new());
            assert_eq!(&*commands.push(begin, &mut values), b"");
            assert_eq!(commands.release(), begin);
            assert!(!commands.is_holding());
            let rest = [&b"  ::add-mask::secret\n"[..], b"::add-mask::secret\n"][usize::from(begin != b"  ")];
            let rest = if begin == b"  " { &rest[2..] } else { &rest[begin.len()..] };
            assert_eq!(&*commands.push(rest, &mut values), rest);
            assert_eq!(values, ["secret"]);
        }
    }

    #[test]
    fn a_line_contains_at_most_one_command_and_a_very_long_line_contains_none() {
        let many = [b"::add-mask::".repeat(100), b"\n".to_vec()].concat();
        let (forwarded, values) = run(&[&many], false);
        assert!(forwarded == many && values.len() == 1, "{values:?}");
        let long = [&b"::add-mask::"[..], &vec![b'x'; MAX_LINE], b"\n"].concat();
        for cut in [0, 5, 100, MAX_LINE] {
            assert!(run(&[&long[..cut], &long[cut..]], false) == (long.clone(), Vec::new()), "{cut}");
        }
    }
}
