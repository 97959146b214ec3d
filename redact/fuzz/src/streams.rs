//! Helpers that redact a text piece by piece, and that check properties of any result.

use std::ops::Range;

use redact::{Finding, MASK, RedactStream, Redacted, Redactor};

use super::input::Input;

/// How a text is cut into reads, and which reads a pause follows. The lengths of the reads repeat after four reads.
pub struct Cuts([u8; 4]);

impl Cuts {
    /// Takes four bytes from an input, one for each read. The lower bits of a byte are the length of the read, and its
    /// highest bit is set if a pause follows.
    pub fn read(input: &mut Input) -> Self {
        Self([input.byte(), input.byte(), input.byte(), input.byte()])
    }

    /// Returns the reads of a text of `len` bytes, and whether a pause follows each read.
    pub fn reads(&self, len: usize) -> Vec<(Range<usize>, bool)> {
        let mut reads = Vec::new();
        let (mut at, mut lengths) = (0, self.0.iter().cycle());
        while at < len {
            let next = *lengths.next().expect("the lengths repeat");
            // At least one of every four reads is not empty, so that the end of the text is reached.
            let is_empty = next == 0x80 && reads.len() % 4 != 3;
            let length = if is_empty { 0 } else { usize::from(next & 0x7f).max(1) };
            let end = len.min(at + length);
            reads.push((at..end, next & 0x80 != 0));
            at = end;
        }
        reads
    }
}

/// Redacts a text in reads without pauses. After each read, calls `watch` with the number of bytes that were read so
/// far.
pub fn in_reads(
    redactor: &Redactor,
    text: &[u8],
    cuts: &Cuts,
    mut watch: impl FnMut(&RedactStream, usize),
) -> Redacted {
    let mut stream = redactor.stream();
    let mut shown = Redacted::new();
    for (read, _) in cuts.reads(text.len()) {
        shown.append(&stream.push(&text[read.clone()]));
        watch(&stream, read.end);
    }
    shown.append(&stream.finish());
    shown
}

/// Redacts a text in reads with pauses.
pub fn with_pauses(redactor: &Redactor, text: &[u8], cuts: &Cuts) -> Redacted {
    let mut stream = redactor.stream();
    let mut shown = Redacted::new();
    for (read, pauses) in cuts.reads(text.len()) {
        shown.append(&stream.push(&text[read]));
        if pauses {
            shown.append(&stream.release());
        }
    }
    shown.append(&stream.finish());
    shown
}

/// Returns how many bytes a stream holds back.
pub fn held(stream: &RedactStream) -> usize {
    let shown = format!("{stream:?}");
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("the number of held bytes is the only number that is shown")
}

/// Redacts a text as a whole, and checks the properties that every result must have. The result must equal the text
/// with a mask in place of each finding, and contain as many masks as there are findings. The result must not depend on
/// how the text is cut into reads. Returns the result and the findings.
pub fn check_any(redactor: &Redactor, text: &[u8], cuts: &Cuts) -> (Redacted, Vec<Finding>) {
    let mut stream = redactor.stream();
    let mut whole = stream.push(text);
    whole.append(&stream.finish());
    let findings = redactor.explain(text);
    assert_eq!(show(whole.as_bytes()), show(&masked(text, &findings)), "the findings differ from the masks");
    assert_eq!(stream.redactions(), findings.len() as u64, "the number of masks differs from that of the findings");
    let cut = in_reads(redactor, text, cuts, |_, _| {});
    assert_eq!(show(cut.as_bytes()), show(whole.as_bytes()), "the result depends on the cuts");
    (whole, findings)
}

/// Checks that redacting a text again does not change it.
pub fn check_idempotent(redactor: &Redactor, redacted: &Redacted) {
    let again = redactor.redact(redacted.as_bytes());
    assert_eq!(show(again.as_bytes()), show(redacted.as_bytes()), "redacting again changes the text");
}

/// Checks that every byte of a range is masked.
pub fn check_masked(text: &[u8], findings: &[Finding], range: Range<usize>) {
    let is_masked = |at: usize| findings.iter().any(|found| found.range.contains(&at));
    if let Some(at) = range.clone().find(|at| !is_masked(*at)) {
        let (before, inside, after) = (&text[..range.start], &text[range.clone()], &text[range.end..]);
        panic!(
            "the byte at {at} of {range:?} is shown: \"{}\" between \"{}\" and \"{}\"",
            show(inside),
            show(before),
            show(after)
        );
    }
}

/// Returns the text with a mask in place of each finding.
fn masked(text: &[u8], findings: &[Finding]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    for Finding { range, rule } in findings {
        assert!(at <= range.start && range.start < range.end, "findings are sorted and do not overlap");
        out.extend_from_slice(&text[at..range.start]);
        match rule {
            None => out.extend_from_slice(MASK),
            Some(id) => out.extend_from_slice(format!("[REDACTED:{id}]").as_bytes()),
        }
        at = range.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// Returns every position at which `part` occurs in `text`.
pub fn occurrences<'t>(text: &'t [u8], part: &'t [u8]) -> impl Iterator<Item = usize> + use<'t> {
    text.windows(part.len()).enumerate().filter(move |(_, window)| *window == part).map(|(at, _)| at)
}

/// Returns bytes as text for messages.
pub fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
