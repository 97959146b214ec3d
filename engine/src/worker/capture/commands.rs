//! Recognises the lines with which programs ask other systems to mask a value: `::add-mask::VALUE` of GitHub Actions
//! and `##vso[task.setsecret]VALUE` of Azure Pipelines.
//!
//! The value has to be masked in this line too. Therefore, a line that may become such a command is held back until it
//! is complete.

use std::borrow::Cow;

use memchr::memmem;

/// The beginnings of the lines. White space may stand before them.
const MARKERS: [&[u8]; 2] = [b"::add-mask::", b"##vso[task.setsecret]"];

/// The maximum length of a line that is held back, in bytes. A longer line is not a command.
const MAX_LINE: usize = 64 << 10;

/// Searches one output stream for commands.
#[derive(Debug, Default)]
pub(super) struct MaskCommands {
    /// The held bytes: the beginning of a line, which may become a command.
    held: Vec<u8>,
    /// Whether the bytes before `held` end in the middle of a line that is not a command.
    in_other_line: bool,
}

impl MaskCommands {
    /// Adds output. Returns the output that can be processed further, and adds the values in complete commands to
    /// `values`. These values must be masked in the returned output.
    pub(super) fn push<'o>(&mut self, output: &'o [u8], values: &mut Vec<String>) -> Cow<'o, [u8]> {
        let text = if self.held.is_empty() {
            Cow::Borrowed(output)
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(output);
            Cow::Owned(text)
        };
        self.find(&text, values);
        let complete = memchr::memrchr(b'\n', &text).map_or(0, |newline| newline + 1);
        let last = &text[complete..];
        let in_other_line = self.in_other_line && complete == 0;
        if in_other_line || last.len() > MAX_LINE || !may_become_command(last) {
            self.in_other_line = in_other_line || !last.is_empty();
            return text;
        }
        self.held = last.to_vec();
        self.in_other_line = false;
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..complete]),
            Cow::Owned(mut text) => {
                text.truncate(complete);
                Cow::Owned(text)
            }
        }
    }

    /// Returns whether output is held back.
    pub(super) const fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Returns the held output after a pause, unless a value has begun in it.
    pub(super) fn release(&mut self) -> Vec<u8> {
        if command_value(&self.held).is_some() {
            return Vec::new();
        }
        self.in_other_line = self.in_other_line || !self.held.is_empty();
        std::mem::take(&mut self.held)
    }

    /// Returns the held output at the end of the stream. An incomplete line may be a command too.
    pub(super) fn finish(&mut self, values: &mut Vec<String>) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        self.find(&held, values);
        values.extend(command_value(held.rsplit(|byte| *byte == b'\n').next().unwrap_or(&held)));
        held
    }

    /// Finds the commands in the complete lines of `text`.
    fn find(&self, text: &[u8], values: &mut Vec<String>) {
        for marker in MARKERS {
            for at in memmem::find_iter(text, marker) {
                let begin = memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
                let Some(length) = memchr::memchr(b'\n', &text[begin..]) else { continue };
                if begin > 0 || !self.in_other_line {
                    values.extend(command_value(&text[begin..begin + length]));
                }
            }
        }
    }
}

/// Returns the value of a command, or `None` if the line is not a command.
fn command_value(line: &[u8]) -> Option<String> {
    let line = line.trim_ascii();
    let value = MARKERS.iter().find_map(|marker| line.strip_prefix(*marker))?;
    let value = String::from_utf8_lossy(value);
    // Both systems escape these characters.
    let value = value.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    Some(value).filter(|value| !value.trim().is_empty())
}

/// Returns whether the beginning of a line may become a command when more output arrives.
fn may_become_command(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    !line.is_empty() && MARKERS.iter().any(|marker| text.starts_with(marker) || marker.starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the output in the given pieces. Returns the forwarded output and the values.
    fn run(pieces: &[&[u8]]) -> (Vec<u8>, Vec<String>) {
        let (mut commands, mut values) = (MaskCommands::default(), Vec::new());
        let mut forwarded = Vec::new();
        for piece in pieces {
            forwarded.extend_from_slice(&commands.push(piece, &mut values));
        }
        forwarded.extend(commands.finish(&mut values));
        values.dedup();
        (forwarded, values)
    }

    const OUTPUT: &[u8] =
        b"a\n::add-mask::one two\nb ::add-mask::not this\n  ##vso[task.setsecret]three\r\n::add-mask\n\
        ::add-mask::a%0Ab%25\n::\n::add-mask::last";

    #[test]
    fn values_are_found_and_output_is_unchanged_wherever_the_output_is_split() {
        let values = ["one two", "three", "a\nb%", "last"].map(str::to_owned);
        for cut in 0..=OUTPUT.len() {
            let (forwarded, mut found) = run(&[&OUTPUT[..cut], &OUTPUT[cut..]]);
            assert_eq!(forwarded, OUTPUT, "{cut}");
            found.sort();
            let mut expected = values.clone();
            expected.sort();
            assert_eq!(found, expected, "{cut}");
        }
        let bytes: Vec<&[u8]> = OUTPUT.chunks(1).collect();
        assert_eq!(run(&bytes).0, OUTPUT);
        assert_eq!(run(&bytes).1, values);
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
    fn the_beginning_of_a_marker_is_released_after_a_pause() {
        let (mut commands, mut values) = (MaskCommands::default(), Vec::new());
        assert_eq!(&*commands.push(b":", &mut values), b"");
        assert_eq!(commands.release(), b":");
        assert_eq!(&*commands.push(b":add-mask::secret\n", &mut values), b":add-mask::secret\n");
        assert_eq!(values, [""; 0]);
    }

    #[test]
    fn a_very_long_line_is_not_held() {
        let (mut commands, mut values) = (MaskCommands::default(), Vec::new());
        let line = [&b"::add-mask::"[..], &vec![b'x'; MAX_LINE]].concat();
        assert_eq!(&*commands.push(&line, &mut values), line);
        assert!(!commands.is_holding());
    }
}
